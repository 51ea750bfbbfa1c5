"""Quantise a model folder into another, tensor by tensor.

Where every tensor will lie is known before the first is read: it follows from config.json. So each
is written to its place as soon as it is made, and memory holds one of them, whatever the model's
size.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from miniclaude.errors import UnsupportedFieldError
from miniclaude.model.card import quantized_card, read_card
from miniclaude.model.checkpoint import CONFIG, MAX_SHARD_BYTES, Plan, read_plan
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.install import (
    COPIED_NAMES,
    COPIED_SUFFIXES,
    MANIFEST,
    Progress,
    check_disk,
    check_folder,
    check_name,
    install,
    staging_folder,
)
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.load_packed import packed_tensors
from miniclaude.model.packed import Bits
from miniclaude.model.packed_folder import ALIGNED, Part, parts_of
from miniclaude.model.packed_layers import refuse_experts
from miniclaude.model.packing import FIELD, Packing
from miniclaude.model.shards import make_header, write_tensor
from miniclaude.model.staging import QUANTIZING
from miniclaude.model.tuned import TUNED
from miniclaude.model.weight_files import INDEX, WEIGHTS

CARD = "README.md"
WIDEST, NARROWEST = max(ALIGNED.values()), min(ALIGNED.values())
NOT_COPIED = {CONFIG, INDEX, MANIFEST, TUNED, CARD}


class Shard(NamedTuple):
    """A file to be: its header, where each of its tensors begins, and how long all of them are, in
    bytes."""

    name: str
    header: bytes
    places: dict[str, int]
    nbytes: int


Measure = Callable[[Path], str]
"""Told the finished folder, says in a sentence for the card what quantising cost."""


def quantize_model(
    model: InstalledModel,
    library: Library,
    bits: Bits,
    *,
    name: str,
    progress: Progress,
    measure: Measure | None = None,
) -> InstalledModel:
    """Make a packed copy of an installed model, and install it as `name`.

    Raises InvalidRequestError for a bad name, ConflictError when it is taken or another process
    makes a model of that name, UnsupportedFieldError for an adapter, CheckpointError and
    TokenizerError for a folder that would not load, is packed already or has experts, DiskFullError
    before anything is written when there is no room.
    """
    if model.adapter is not None:
        raise UnsupportedFieldError(
            f"model: {model.name!r} is an adapter; only a whole model is quantised.",
            hint=f"First make one of it: `mini-claude models export {model.name} FOLDER --merged`,"
            " then `mini-claude pull --from FOLDER`.",
            param="model",
        )
    check_name(library, name, option="--as")
    plan = read_plan(model.path)
    refuse_experts(plan.model.config, model.name)
    check_folder(model.path)
    total = sum(part.nbytes for part in parts_of(plan.model, bits))
    lying = model.path / CARD
    card = read_card(lying) if lying.is_file() else ""
    with staging_folder(library, name, QUANTIZING, option="--as") as staging:
        check_disk(name, total, staging)
        write_packed(model.path, staging, bits, progress=progress, name=name)
        cost = None if measure is None else measure(staging)
        text = quantized_card(card, name, model.name, bits, cost)
        (staging / CARD).write_text(text, encoding="utf-8")
        source = {"quantized from": model.name, "to": f"int{bits}"}
        return install(staging, library, name, source, progress)


def write_packed(
    source: Path,
    folder: Path,
    bits: Bits,
    *,
    progress: Progress,
    name: str = "",
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """Fill the empty `folder` with the packed model of the folder `source` and all of its files
    that are neither weights nor card.

    Raises CheckpointError, UnknownArchitectureError, OSError.
    """
    plan = read_plan(source)
    refuse_experts(plan.model.config, str(source))
    shards = lay_out(list(parts_of(plan.model, bits)), max_shard_bytes)
    total = sum(part.nbytes for part in parts_of(plan.model, bits))
    progress.begin(name or folder.name, len(shards), total)
    write_headers(folder, shards)
    fill(folder, shards, plan, bits, progress)
    config = read_json_object(source / CONFIG, MAX_CONFIG_BYTES)
    config[FIELD] = Packing(bits).as_config()
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for path in sorted(source.iterdir()):
        plain = path.suffix in COPIED_SUFFIXES - {".safetensors"} or path.name in COPIED_NAMES
        if path.is_file() and plain and path.name not in NOT_COPIED and path.name[0] != ".":
            shutil.copyfile(path, folder / path.name)


def fill(folder: Path, shards: list[Shard], plan: Plan, bits: Bits, progress: Progress) -> None:
    """Make every tensor and write it to its place."""
    shard_of = {name: shard for shard in shards for name in shard.places}
    current = ""
    for name, tensor in packed_tensors(plan, bits):
        shard = shard_of[name]
        if shard.name != current:
            current = shard.name
            progress.file(current)
        write_in_place(folder, shard, name, tensor)
        progress.advance(tensor.nbytes)


def write_headers(folder: Path, shards: list[Shard]) -> None:
    """Begin the files, and write the index where there are several."""
    for shard in shards:
        with (folder / shard.name).open("wb") as file:
            file.write(len(shard.header).to_bytes(8, "little") + shard.header)
    if len(shards) > 1:
        weight_map = {name: shard.name for shard in shards for name in shard.places}
        index = {
            "metadata": {"total_size": sum(s.nbytes for s in shards)},
            "weight_map": weight_map,
        }
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def write_in_place(folder: Path, shard: Shard, name: str, tensor: Tensor) -> None:
    """Write one of a shard's tensors where it belongs."""
    with (folder / shard.name).open("r+b") as file:
        file.seek(shard.places[name])
        write_tensor(file, tensor)


def lay_out(parts: list[Part], max_shard_bytes: int) -> list[Shard]:
    """Share the tensors out, in their order; within a file those come first whose sizes keep the
    next one aligned."""
    groups: list[list[Part]] = [[]]
    room = max_shard_bytes
    for part in parts:
        if part.nbytes > room and groups[-1]:
            groups.append([])
            room = max_shard_bytes
        groups[-1].append(part)
        room -= part.nbytes
    shards = []
    for number, group in enumerate(groups, start=1):
        group.sort(key=lambda part: (part.nbytes % WIDEST != 0, part.nbytes % NARROWEST != 0))
        header = make_header(group, WIDEST)
        places, start = {}, 8 + len(header)
        for part in group:
            places[part.name] = start
            start += part.nbytes
        whole = len(groups) == 1
        name = WEIGHTS if whole else f"model-{number:05}-of-{len(groups):05}.safetensors"
        shards.append(Shard(name, header, places, sum(part.nbytes for part in group)))
    return shards
