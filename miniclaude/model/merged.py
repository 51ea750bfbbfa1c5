"""An adapter and its base as one whole model, in a folder that any program can load.

Written a weight at a time, so that a model far larger than memory can be exported.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from miniclaude.model.adapter import read_parts
from miniclaude.model.checkpoint import CONFIG, FORMATS, MAX_SHARD_BYTES, part_of, read_plan
from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.facts import read_facts
from miniclaude.model.install import check_disk
from miniclaude.model.library import InstalledModel
from miniclaude.model.load_packed import read
from miniclaude.model.lora import LowRank
from miniclaude.model.new_folder import check_no_folder, new_folder
from miniclaude.model.packed import PackedWeight
from miniclaude.model.packed_folder import Part, map_packed
from miniclaude.model.packing import read_packing
from miniclaude.model.staging import hold
from miniclaude.model.transformer import Transformer
from miniclaude.model.write_packed import lay_out, write_headers, write_in_place

COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "chat_template.jinja",
    "README.md",
)
"""What is taken along: the adapter's where it has one, else the base's."""

STORED = {"BF16": torch.bfloat16, "F16": torch.float16}
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def write_merged(model: InstalledModel, folder: Path) -> None:
    """Add the adapter to its base's weights, in float32, and store the sum in the base's own number
    format; of a base in 8 bits, in float32. Memory is a few times that of the largest weight.

    Raises ConflictError when the folder is there already and ModelNotFoundError when the base is
    gone, both before anything is read; CheckpointError, DiskFullError before any weight is written
    when there is no room, and what `hold` and `new_folder` raise.
    """
    check_no_folder(folder)
    base = model.weights
    shape, weights = _open(base)
    parts: dict[str, list[LowRank]] = defaultdict(list)
    if model.adapter is not None:
        for part in read_parts(shape, model.adapter)[0]:
            parts[f"{part.slot.module}.weight"].append(part)
    form, written = next(
        (form, written) for form in FORMATS if (written := form.write(shape.config)) is not None
    )
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for piece in form.pieces(shape.config):
        pieces[piece.parameter].append(piece)
    dtype = STORED.get(read_facts(base).floats, torch.float32)
    shards = lay_out(
        [
            Part(piece.name, dtype, piece.shape(shape.get_parameter(name).shape))
            for name in pieces
            for piece in pieces[name]
        ],
        MAX_SHARD_BYTES,
    )
    stored = read_json_object(base / CONFIG, MAX_CONFIG_BYTES)
    config = {name: stored[name] for name in TOKENS if name in stored} | written
    config["torch_dtype"] = str(dtype).removeprefix("torch.")
    with hold(folder.parent, folder.name), new_folder(folder) as partial:
        total = sum(parameter.numel() for parameter in shape.parameters()) * dtype.itemsize
        check_disk(model.name, total, partial, instead="choose a place on another disk")
        (partial / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        for name in COMPANIONS:
            found = (path for path in (model.path / name, base / name) if path.is_file())
            for path in islice(found, 1):
                shutil.copyfile(path, partial / name)
        write_headers(partial, shards)
        place = {name: shard for shard in shards for name in shard.places}
        for name in pieces:
            weight = _merged(weights(name), parts[name]).to(dtype)
            for piece in pieces[name]:
                write_in_place(partial, place[piece.name], piece.name, part_of(weight, piece))


Weights = Callable[[str], Tensor]
"""Told the name of a parameter of ours, reads it, in float32."""


def _open(base: Path) -> tuple[Transformer, Weights]:
    """The model in a folder, on the meta device, and what reads its weights one by one."""
    packing = read_packing(base)
    if packing is not None and packing.bits == 8:
        packed = map_packed(base)
        with torch.device("meta"):
            shape = Transformer(packed.config)

        def unpacked(name: str) -> Tensor:
            owner, _, own = name.rpartition(".")
            weight = getattr(packed.get_submodule(owner), own)
            if isinstance(weight, PackedWeight):
                return weight.unpack()
            return cast("Tensor", weight).detach().clone()

        return shape, unpacked
    plan = read_plan(base)

    def read_one(name: str) -> Tensor:
        return read(plan, [piece for piece in plan.pieces if piece.parameter == name]).float()

    return plan.model, read_one


@torch.no_grad()
def _merged(weight: Tensor, parts: list[LowRank]) -> Tensor:
    """The weight with an adapter's parts on it added to their rows."""
    for part in parts:
        rows = slice(*part.slot.rows)
        weight[rows] = part.adapted(weight[rows])
    return weight
