"""A model folder straight into packed weights: one layer at a time is ever held as floats.

So the memory that loading needs is the packed model and its largest layer, whatever the folder's
size.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor, nn

from miniclaude.model.checkpoint import Plan, part_of, read_plan
from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.packed import Bits
from miniclaude.model.packed_layers import pack_layer
from miniclaude.model.transformer import Transformer


def load_packed(folder: Path, bits: Bits) -> Transformer:
    """The model in a folder, packed as `pack_model` does it, on the CPU and in eval mode.

    Raises CheckpointError naming the file, tensor or layer at fault, UnknownArchitectureError.
    """
    plan = read_plan(folder)
    model = plan.model
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for piece in plan.pieces:
        pieces[piece.parameter].append(piece)
    for name in [name for name, _ in model.named_modules()]:  # not the modules: to be freed
        if name == "head" and model.config.tied_head:
            continue  # comes with the embedding, whose weight it is
        module = model.get_submodule(name)
        for own in [own for own, _ in module.named_parameters(recurse=False)]:
            place = f"{name}.{own}".lstrip(".")
            setattr(module, own, nn.Parameter(read(plan, pieces[place]), requires_grad=False))
        packable = isinstance(module, nn.Linear) or name == "tokens"
        del module
        if packable:
            pack_layer(model, name, bits)
            give_back()
    return model.eval()


def give_back() -> None:
    """Return freed memory to the operating system. glibc would keep it, for between the floats of
    two layers lies the packed weight of the first."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@torch.no_grad()
def read(plan: Plan, pieces: list[Piece]) -> Tensor:
    """One parameter, as float32, from all its pieces."""
    memory = torch.empty(plan.model.get_parameter(pieces[0].parameter).shape)
    for piece in pieces:
        plan.stored[piece.name].read_into(part_of(memory, piece))
    return memory
