"""A model folder whose weights are packed already: mapped into memory, and not read at all.

Its safetensors hold what `packed_tensors` gives, each tensor where the kernels can read it; its
config.json is the original's with a `quantization_config` (`packing.py`). So loading copies and
converts nothing: weights come from the disk when they are first used, several processes share them,
and the system may drop and fetch them again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from miniclaude.errors import CheckpointError
from miniclaude.model.checkpoint import CONFIG, allocate, list_tensors, read_format
from miniclaude.model.load_packed import CODES, SCALES, assemble
from miniclaude.model.packed import Bits, PackedWeight, empty
from miniclaude.model.packed_layers import bits_of, layers_of, refuse_experts
from miniclaude.model.packing import read_packing
from miniclaude.model.shards import DTYPE_NAMES, StoredTensor
from miniclaude.model.transformer import Transformer

ALIGNED = {torch.uint8: 64, torch.float32: 64, torch.bfloat16: 32}
"""What a tensor's place must be a multiple of, in bytes: the kernels read it by whole registers."""

AGAIN = "Quantise the original model again, or fetch this folder again."


class Part(NamedTuple):
    """A tensor of a packed folder, by its name, before it is made."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes it takes."""
        return math.prod(self.shape) * self.dtype.itemsize


class PackedPlan(NamedTuple):
    """How a packed folder becomes a model. model: on the meta device. stored: where its tensors
    lie, by name."""

    model: Transformer
    bits: Bits
    stored: dict[str, StoredTensor]


def map_packed(folder: Path) -> Transformer:
    """The packed model in a folder, in eval mode, its weights mapped from the files.

    Raises CheckpointError naming the file or tensor at fault, UnknownArchitectureError.
    """
    model, bits, stored = read_packed_plan(folder)
    files = {
        file: np.memmap(file, np.uint8, mode="c")  # a private view: nothing writes to the file
        for file in {tensor.file for tensor in stored.values()}
    }
    bytes_of = {file: torch.from_numpy(content) for file, content in files.items()}
    parts = {part.name: part for part in parts_of(model, bits)}
    return assemble(
        model, bits, {name: view(bytes_of[at.file], at, parts[name]) for name, at in stored.items()}
    )


def unpack_folder(folder: Path, *, device: torch.device | str, dtype: torch.dtype) -> Transformer:
    """The same model in floats, in eval mode: every weight is the number that the packed one
    answers with, so that what is taught on it fits what is served. Raises as `map_packed` does."""
    packed = map_packed(folder)
    with torch.device("meta"):
        model = Transformer(packed.config)
    allocate(folder, model, device, dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            owner, _, own = name.rpartition(".")
            source = packed.get_submodule(owner)
            stored = getattr(source, own)
            parameter.copy_(stored.unpack() if isinstance(stored, PackedWeight) else stored)
    return model.eval()


def view(content: Tensor, at: StoredTensor, part: Part) -> Tensor:
    """A tensor in a file's bytes; a copy where another program has laid the file out anew and it
    does not begin where the kernels can read it."""
    own = content[at.start : at.start + at.bytes]
    if at.start % ALIGNED[part.dtype]:
        own = own.clone()
    return own.view(part.dtype).view(part.shape)


def read_packed_plan(folder: Path) -> PackedPlan:
    """Check config.json against every tensor's name, format and shape. Raises CheckpointError."""
    _, config = read_format(folder)
    refuse_experts(config, str(folder))
    packing = read_packing(folder)
    if packing is None:
        raise CheckpointError(
            f"{folder}: the weights are not packed.", hint="`models quantize` makes such a folder."
        )
    stored = list_tensors(folder)
    if config.tied_head and f"head.{CODES}" in stored:  # the original's weights said otherwise
        config = dataclasses.replace(config, tied_head=False)
    with torch.device("meta"):
        model = Transformer(config)
    check_parts(folder, parts_of(model, packing.bits), stored)
    return PackedPlan(model, packing.bits, stored)


def parts_of(model: Transformer, bits: Bits) -> Iterator[Part]:
    """Every tensor of the packed folder of a model, in the order of `packed_tensors`."""
    for name, module, is_packed in layers_of(model):
        for own, parameter in module.named_parameters(recurse=False):
            if own == "weight" and is_packed:
                rows, columns = parameter.shape
                codes, scales = empty(rows, columns, bits_of(name, columns, bits), device="meta")
                yield Part(f"{name}.{CODES}", codes.dtype, tuple(codes.shape))
                yield Part(f"{name}.{SCALES}", scales.dtype, tuple(scales.shape))
            else:
                yield Part(f"{name}.{own}".lstrip("."), torch.float32, tuple(parameter.shape))


def check_parts(folder: Path, parts: Iterable[Part], stored: dict[str, StoredTensor]) -> None:
    """Raise CheckpointError unless the files hold exactly these tensors."""
    left = set(stored)
    for part in parts:
        tensor = stored.get(part.name)
        if tensor is None:
            raise CheckpointError(f"{folder} has no tensor {part.name}.", hint=AGAIN)
        wanted = (DTYPE_NAMES[part.dtype], part.shape)
        if (tensor.dtype, tensor.shape) != wanted:
            raise CheckpointError(
                f"{tensor.file}: tensor {part.name} is {tensor.dtype} {list(tensor.shape)} where"
                f" {CONFIG} asks for {wanted[0]} {list(part.shape)}.",
                hint=AGAIN,
            )
        left.discard(part.name)
    if left:
        shown = ", ".join(f"{name!r:.80}" for name in sorted(left)[:3])
        shown += " ..." if len(left) > 3 else ""
        raise CheckpointError(
            f"{folder} has {len(left)} tensors that its {CONFIG} leaves no place for: {shown}.",
            hint=AGAIN,
        )
