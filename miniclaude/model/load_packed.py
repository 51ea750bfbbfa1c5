"""A model folder straight into packed weights: one layer at a time is ever held as it is stored.

So the memory that loading needs is the packed model and its largest layer, whatever the folder's
size.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from miniclaude.model.checkpoint import Plan, part_of, read_plan
from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.packed import Bits, PackedWeight
from miniclaude.model.packed_layers import layers_of, pack_named, put_packed, refuse_experts
from miniclaude.model.shards import DTYPES
from miniclaude.model.transformer import Transformer

CODES, SCALES = "codes", "scales"
"""What a packed weight's two tensors are called, behind the name of their layer."""


def load_packed(folder: Path, bits: Bits) -> Transformer:
    """The model in a folder, packed as `pack_model` does it, on the CPU and in eval mode.

    Raises CheckpointError naming the file, tensor or layer at fault, UnknownArchitectureError.
    """
    plan = read_plan(folder)
    refuse_experts(plan.model.config, str(folder))
    return assemble(plan.model, bits, dict(packed_tensors(plan, bits)))


def packed_tensors(plan: Plan, bits: Bits) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the packed model, by name, each read and packed when it is asked for.

    A packed weight is two, `<layer>.codes` and `<layer>.scales`; what is not packed has the name of
    our own parameter and is float32. Raises CheckpointError.
    """
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for piece in plan.pieces:
        pieces[piece.parameter].append(piece)
    for name, module, is_packed in layers_of(plan.model):
        for own in [own for own, _ in module.named_parameters(recurse=False)]:
            place = f"{name}.{own}".lstrip(".")
            if own == "weight" and is_packed:
                packed = pack_named(read(plan, pieces[place]), name, bits)
                give_back()
                yield f"{name}.{CODES}", packed.codes
                yield f"{name}.{SCALES}", packed.scales
                del packed
            else:
                yield place, read(plan, pieces[place]).float()


def assemble(model: Transformer, bits: Bits, tensors: Mapping[str, Tensor]) -> Transformer:
    """The packed model, in eval mode, of all that `packed_tensors` gives. model: on the meta
    device; it becomes the result. The tensors are used where they lie."""
    for name, module, is_packed in layers_of(model):
        for own, parameter in list(module.named_parameters(recurse=False)):
            if own == "weight" and is_packed:
                rows, columns = parameter.shape
                codes, scales = tensors[f"{name}.{CODES}"], tensors[f"{name}.{SCALES}"]
                packed = PackedWeight(bits, rows, columns, codes, scales)
            else:
                place = f"{name}.{own}".lstrip(".")
                setattr(module, own, nn.Parameter(tensors[place], requires_grad=False))
        if is_packed:
            put_packed(model, name, packed)
    return model.eval()


def give_back() -> None:
    """Return freed memory to the operating system. glibc would keep it, for between the floats of
    two layers lies the packed weight of the first."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@torch.no_grad()
def read(plan: Plan, pieces: list[Piece]) -> Tensor:
    """One parameter, from all its pieces, in the number format they are stored in; float32 where
    they differ."""
    stored = {DTYPES.get(plan.stored[piece.name].dtype, torch.float32) for piece in pieces}
    dtype = stored.pop() if len(stored) == 1 else torch.float32
    memory = torch.empty(plan.model.get_parameter(pieces[0].parameter).shape, dtype=dtype)
    for piece in pieces:
        plan.stored[piece.name].read_into(part_of(memory, piece))
    return memory
