"""A model folder straight into packed weights: one layer at a time is ever held as it is stored,
and of one that is stored as we have it, some rows at a time.

So the memory that loading needs is the packed model and one layer, whatever the folder's size, and
not the whole of the largest matrix, the token embedding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from miniclaude.model.checkpoint import Plan, part_of, read_plan
from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.packed import Bits, Matrix, PackedWeight
from miniclaude.model.packed_layers import (
    bits_of,
    layers_of,
    pack_named,
    put_packed,
    refuse_experts,
)
from miniclaude.model.resident import give_back_heap
from miniclaude.model.shards import StoredTensor
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
                packed = pack_named(matrix(plan, pieces[place]), name, bits)
                give_back_heap()  # between the floats of two layers lies a packed weight
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
                packed = PackedWeight(bits_of(name, columns, bits), rows, columns, codes, scales)
            else:
                place = f"{name}.{own}".lstrip(".")
                setattr(module, own, nn.Parameter(tensors[place], requires_grad=False))
        if is_packed:
            put_packed(model, name, packed)
    return model.eval()


@dataclass(frozen=True)
class StoredMatrix:
    """A matrix [R, C] that is read when rows of it are asked for: its pieces, each with its first
    row and the one behind its last."""

    pieces: list[tuple[StoredTensor, int, int]]

    @property
    def shape(self) -> tuple[int, int]:
        """R and C."""
        return self.pieces[-1][2], self.pieces[0][0].shape[1]

    def __getitem__(self, rows: slice) -> Tensor:
        first, last, _ = rows.indices(self.shape[0])
        return torch.cat(
            [
                tensor.read_rows(max(first, start) - start, min(last, stop) - start)
                for tensor, start, stop in self.pieces
                if start < last and first < stop
            ]
        )


def matrix(plan: Plan, pieces: list[Piece]) -> Matrix:
    """A weight to be packed: left in its file unless it lies there transposed."""
    if any(piece.transposed for piece in pieces):
        return read(plan, pieces)
    rows = len(plan.model.get_parameter(pieces[0].parameter))
    placed = [(plan.stored[piece.name], *(piece.rows or (0, rows))) for piece in pieces]
    return StoredMatrix(sorted(placed, key=lambda each: each[1]))


@torch.no_grad()
def read(plan: Plan, pieces: list[Piece]) -> Tensor:
    """One parameter, from all its pieces, in the number format they are stored in; float32 where
    they differ."""
    stored = {plan.stored[piece.name].exact for piece in pieces}
    dtype = stored.pop() if len(stored) == 1 else torch.float32
    memory = torch.empty(plan.model.get_parameter(pieces[0].parameter).shape, dtype=dtype)
    for piece in pieces:
        plan.stored[piece.name].read_into(part_of(memory, piece))
    return memory
