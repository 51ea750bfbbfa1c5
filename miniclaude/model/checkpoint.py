"""Model folders in the Hugging Face layout: config.json beside one or more safetensors files.

read_config(folder)        what the model looks like
load_model(folder, ...)    a Transformer with its weights
save_model(model, folder)  the reverse; `transformers` loads the result
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from miniclaude.errors import CheckpointError, UnknownArchitectureError, UnsupportedFieldError
from miniclaude.model import gpt2, llama, native
from miniclaude.model.checkpoint_format import CheckpointFormat, Piece
from miniclaude.model.compressed import WEIGHT, compress, gathered
from miniclaude.model.compression import as_config
from miniclaude.model.config import ModelConfig
from miniclaude.model.config_json import MAX_CONFIG_BYTES, ConfigFields, read_json_object
from miniclaude.model.new_folder import new_folder
from miniclaude.model.packing import (
    FIELD,
    packing_of,
    read_compression,
    read_packing,
    refuse_packed,
)
from miniclaude.model.shards import StoredTensor, make_header, read_header, write_shard
from miniclaude.model.transformer import Transformer
from miniclaude.model.weight_files import INDEX, WEIGHTS, weight_files

FORMATS: tuple[CheckpointFormat, ...] = (gpt2.FORMAT, llama.FORMAT, native.FORMAT)

CONFIG = "config.json"
MAX_SHARD_BYTES = 4 << 30


def read_config(folder: Path) -> ModelConfig:
    """The configuration in a model folder.

    Raises CheckpointError when there is none or it is malformed, UnknownArchitectureError when it
    describes a model that is not implemented here.
    """
    return read_format(folder)[1]


def read_format(folder: Path) -> tuple[CheckpointFormat, ModelConfig]:
    """Which format a model folder has, and its configuration. Raises as `read_config` does."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(
            f"{folder} has no {CONFIG}.",
            hint="Give the folder of a model in the Hugging Face layout, or fetch it again.",
        )
    fields = ConfigFields(path, read_json_object(path, MAX_CONFIG_BYTES))
    model_type = fields.text("model_type")
    if model_type is None and "n_embd" in fields.values:
        model_type = "gpt2"  # DialoGPT's config.json is older than the field
    packing_of(fields)  # refuses what other programs have quantised
    for candidate in FORMATS:
        if model_type in candidate.model_types:
            return candidate, candidate.read(fields)
    known = ", ".join(name for candidate in FORMATS for name in candidate.model_types)
    raise UnknownArchitectureError(
        f"{path}: model_type is {model_type!r}, which is not implemented.",
        hint=f"Choose a model of one of these types: {known}.",
        param="model_type",
    )


def load_model(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Transformer:
    """The model in a folder, in eval mode, its weights converted to `dtype` on `device`.

    Needs little more memory than the weights themselves: each tensor is read straight into its
    place; of a folder in 8 bits, the numbers that those stand for. Raises CheckpointError naming
    the file or tensor at fault, UnknownArchitectureError.
    """
    packing = read_packing(folder)
    if packing is not None and packing.bits == 8:
        from miniclaude.model.packed_folder import unpack_folder  # it is built on this module

        return unpack_folder(folder, device=device, dtype=dtype)
    plan = read_plan(folder)
    allocate(folder, plan.model, device, dtype)
    with torch.no_grad():
        for piece in plan.pieces:
            plan.stored[piece.name].read_into(place_of(plan.model, piece))
    return plan.model.eval()


class Plan(NamedTuple):
    """How a model folder becomes a model, before any weight is read.

    model: on the meta device, so without memory. pieces: what fills it. stored: where they lie.
    """

    model: Transformer
    pieces: list[Piece]
    stored: dict[str, StoredTensor]


def read_plan(folder: Path) -> Plan:
    """Check config.json against every tensor's name and shape. Raises as `load_model` does; a
    folder of packed weights is for `packed_folder.py`."""
    form, config = read_format(folder)
    refuse_packed(folder)
    tensors = list_tensors(folder)
    compression = read_compression(folder)
    if compression is not None:
        tensors = gathered(folder, tensors, compression)
    listed = {form.canonical(name): tensor for name, tensor in tensors.items()}
    stored = form.unfused(listed, config)
    if config.tied_head and form.head in stored and not head_is_tied(form, config, stored):
        config = dataclasses.replace(config, tied_head=False)
    with torch.device("meta"):
        model = Transformer(config)
    plan = Plan(model, list(form.pieces(config)), stored)
    check_tensors(folder, form, plan)
    return plan


def list_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor in a folder's safetensors files. Raises CheckpointError when a file is missing
    or corrupt, or when there are only pickles."""
    tensors: dict[str, StoredTensor] = {}
    for path in weight_files(folder):
        tensors |= read_header(path)
    return tensors


def head_is_tied(
    form: CheckpointFormat, config: ModelConfig, stored: Mapping[str, StoredTensor]
) -> bool:
    """Whether a head stored although config.json calls it tied does equal the token embedding.
    Where it differs, the weights are believed, as `transformers` believes them."""
    name = next(p.name for p in form.pieces(config) if p.parameter == "tokens.weight")
    head, tokens = stored[form.head], stored.get(name)
    if tokens is None or (head.shape, head.dtype) != (tokens.shape, tokens.dtype):
        return False
    return head.same_bytes(tokens)


def check_tensors(folder: Path, form: CheckpointFormat, plan: Plan) -> None:
    """Raise CheckpointError unless the files hold exactly the tensors the configuration needs."""
    left = {name for name in plan.stored if not form.ignored.fullmatch(name)}
    if plan.model.config.tied_head:
        left.discard(form.head)
    for piece in plan.pieces:
        tensor = plan.stored.get(piece.name)
        if tensor is None:
            raise CheckpointError(
                f"{folder} has no tensor {piece.name}.",
                hint=f"Its {CONFIG} and its weights do not belong together, or a shard is missing;"
                " fetch the model folder again.",
            )
        expected = piece.shape(plan.model.get_parameter(piece.parameter).shape)
        if tensor.shape != expected:
            raise CheckpointError(
                f"{tensor.file}: tensor {piece.name} has shape {list(tensor.shape)} where"
                f" {CONFIG} asks for {list(expected)}.",
                hint=f"{CONFIG} and weights do not belong together; fetch the model folder again.",
            )
        left.discard(piece.name)
    if left:
        shown = ", ".join(f"{name!r:.80}" for name in sorted(left)[:3])
        shown += " ..." if len(left) > 3 else ""
        raise CheckpointError(
            f"{folder} has {len(left)} tensors that its {CONFIG} leaves no place for: {shown}.",
            hint="The model has parts that are not implemented here, so its answers would be wrong;"
            " choose another model.",
        )


def allocate(
    folder: Path, model: Transformer, device: torch.device | str, dtype: torch.dtype
) -> None:
    """Give the parameters of a model on the meta device memory, not yet filled."""
    try:
        for name, parameter in list(model.named_parameters()):
            owner = model.get_submodule(name.rpartition(".")[0])
            memory = torch.empty(parameter.shape, dtype=dtype, device=device)
            setattr(owner, name.rpartition(".")[2], nn.Parameter(memory))
    except RuntimeError as error:
        size = sum(parameter.numel() for parameter in model.parameters()) * dtype.itemsize
        raise CheckpointError(
            f"{folder}: no room on {device} for {size / 1e9:.1f} GB of weights.",
            hint="Close other programs, choose bfloat16, or choose a smaller model.",
        ) from error
    if model.config.tied_head:
        model.head.weight = model.tokens.weight


def place_of(model: Transformer, piece: Piece) -> Tensor:
    """The part of our parameters a piece fills, in the checkpoint's orientation: a view."""
    return part_of(model.get_parameter(piece.parameter).detach(), piece)


def part_of(parameter: Tensor, piece: Piece) -> Tensor:
    """The same of a parameter at hand."""
    whole = parameter if piece.expert is None else parameter[piece.expert]
    place = whole if piece.rows is None else whole[slice(*piece.rows)]
    return place.t() if piece.transposed else place


def save_model(
    model: Transformer,
    folder: Path,
    *,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    extra_config: Mapping[str, object] | None = None,
    companions: Iterable[Path] = (),
    overwrite: bool = False,
    int8: bool = False,
) -> None:
    """Write a model folder, in the parameters' own dtype, that appears whole or not at all.

    A configuration that `transformers` can express is written its way, any other in our own format
    (`native.py`). extra_config: further fields of config.json, such as `eos_token_id`.
    companions: files copied beside the weights, such as tokenizer.json. int8: the matrices of the
    blocks in 8 bits, as compressed-tensors packs them (`compressed.py`).

    Raises CheckpointError when a parameter is missing or quantised, UnsupportedFieldError for
    experts in 8 bits, and what `new_folder` raises.
    """
    form, written = next(
        (form, written) for form in FORMATS if (written := form.write(model.config)) is not None
    )
    pieces = list(form.pieces(model.config))
    tensors = [(piece.name, place_of(model, piece)) for piece in pieces]
    written["torch_dtype"] = str(tensors[0][1].dtype).removeprefix("torch.")
    if int8:
        refuse_experts_in_8_bits(model.config)
        tensors = [part for piece in pieces for part in in_8_bits(model, piece)]
        whole = [p.name for p in pieces if is_linear(model, p) and not in_words(model, p)]
        ignored = [name.removesuffix(f".{WEIGHT}") for name in (form.head, *whole)]
        written[FIELD] = as_config(8, ignored=ignored)
    with new_folder(folder, overwrite=overwrite) as partial:
        config = {**(extra_config or {}), **written}
        (partial / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        for companion in companions:
            shutil.copyfile(companion, partial / companion.name)
        write_weights(partial, tensors, max_shard_bytes)


def is_linear(model: Transformer, piece: Piece) -> bool:
    """Whether a piece is the matrix of a linear layer in a block, and stored as one: GPT-2's are
    not."""
    in_block = piece.parameter.startswith("blocks.")
    return in_block and not piece.transposed and place_of(model, piece).dim() == 2


def in_words(model: Transformer, piece: Piece) -> bool:
    """Whether the rows of a matrix fill whole words of 32 bits."""
    return place_of(model, piece).shape[1] % 4 == 0


def in_8_bits(model: Transformer, piece: Piece) -> list[tuple[str, Tensor]]:
    """A piece of a checkpoint as its parts in 8 bits, or whole."""
    place, module = place_of(model, piece), piece.name.removesuffix(f".{WEIGHT}")
    if not (is_linear(model, piece) and in_words(model, piece)):
        return [(piece.name, place)]
    return [(f"{module}.{part}", tensor) for part, tensor in compress(place).items()]


def refuse_experts_in_8_bits(config: ModelConfig) -> None:
    """Raise UnsupportedFieldError: others read routers, and experts of one stack, as floats."""
    if config.experts:
        raise UnsupportedFieldError(
            "int8: a model with experts is not written in 8 bits.",
            hint="Write it in bfloat16.",
            param="int8",
        )


def write_weights(folder: Path, tensors: list[tuple[str, Tensor]], max_shard_bytes: int) -> None:
    """One safetensors file, or several and their index where one would exceed max_shard_bytes."""
    shards: list[list[tuple[str, Tensor]]] = [[]]
    room = max_shard_bytes
    for name, tensor in tensors:
        if tensor.nbytes > room and shards[-1]:
            shards.append([])
            room = max_shard_bytes
        shards[-1].append((name, tensor))
        room -= tensor.nbytes
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        whole = len(shards) == 1
        file = WEIGHTS if whole else f"model-{number:05}-of-{len(shards):05}.safetensors"
        header = make_header((name, tensor.dtype, tuple(tensor.shape)) for name, tensor in shard)
        write_shard(folder / file, shard, header)
        weight_map |= {name: file for name, _ in shard}
    if len(shards) > 1:
        total = sum(tensor.nbytes for _, tensor in tensors)
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
