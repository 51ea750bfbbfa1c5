"""Keys and values of everything being written, in one pool of blocks.

The pool is one tensor, [layers, 2, kv_heads, slots, head_dim]: a slot is one position of one
sequence, a block is `block_tokens` neighbouring slots. A head's slots lie side by side, so that a
sequence whose blocks are neighbours is read as a plain view, each head's keys one contiguous run
(with the positions outermost, attention over one new token takes twice as long on a CPU). A
sequence whose blocks are scattered is gathered first. In 8 bits a head's vector is a row of
`model/kv_rows.py`, four bytes longer than head_dim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from miniclaude.engine.blocks import are_neighbours
from miniclaude.engine.limits import EngineLimits
from miniclaude.errors import SettingsError
from miniclaude.model.cache import Segment
from miniclaude.model.config import ModelConfig
from miniclaude.model.kv_rows import SCALE_BYTES, from_rows, to_rows
from miniclaude.model.transformer import Transformer

STEP = 32
"""Numbers of a head that the kernels read at a time."""

if TYPE_CHECKING:  # its compiler takes a second to import
    from miniclaude.engine.fused import FusedModel


class Span(NamedTuple):
    """Some tokens of one sequence: those at positions `start .. end - 1`.

    blocks: the sequence's blocks, ascending.
    """

    blocks: Sequence[int]
    start: int
    end: int


class BlockCache:
    """The pool. On a CPU its memory is claimed by the operating system as slots are first written,
    on a GPU at once.

    spare: the number of one block more than `blocks`, which nobody is given: rows that only fill up
    a batch are written there. Raises SettingsError when a GPU has no room.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        blocks: int,
        block_tokens: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.block_tokens, self.spare = block_tokens, blocks
        row = config.head_dim + (SCALE_BYTES if dtype == torch.int8 else 0)
        shape = (config.layers, 2, config.kv_heads, (blocks + 1) * block_tokens, row)
        try:
            self.pool = torch.empty(shape, dtype=dtype, device=device)
        except torch.OutOfMemoryError as error:
            size = math.prod(shape) * dtype.itemsize
            raise SettingsError(
                f"kv_tokens: no room on {device} for {size / 1e9:.1f} GB of keys and values, for"
                f" {blocks * block_tokens:,} tokens.",
                hint="Set fewer kv_tokens, or serve a smaller model.",
                param="kv_tokens",
            ) from error
        self.layers = [(keys[None], values[None]) for keys, values in self.pool]

    def slots(self, blocks: Sequence[int], start: int, end: int) -> slice | Tensor:
        """Where positions `start .. end - 1` of a sequence are kept: a slice when those blocks are
        neighbours, else every slot's number, on the pool's device."""
        slots = self.numbers(blocks, start, end)
        return slots if isinstance(slots, slice) else slots.to(self.pool.device)

    def numbers(self, blocks: Sequence[int], start: int, end: int) -> slice | Tensor:
        """The same on the CPU."""
        size = self.block_tokens
        first, last = start // size, (end - 1) // size
        used = blocks[first : last + 1]
        if are_neighbours(used):
            offset = blocks[first] * size - first * size
            return slice(offset + start, offset + end)
        starts = torch.tensor(used) * size
        slots = (starts[:, None] + torch.arange(size)).flatten()  # [blocks · size]
        return slots[start - first * size : end - first * size]

    def copy(self, source: Sequence[int], target: Sequence[int], count: int) -> None:
        """Copy the first `count` positions of one sequence's blocks to another's."""
        taken = self.pool[:, :, :, self.slots(source, 0, count)]
        self.pool[:, :, :, self.slots(target, 0, count)] = taken

    def step(self, spans: Sequence[Span]) -> StepCache:
        """A cache for one forward pass over a packed row holding these spans, one after another."""
        return StepCache(self, spans)


class StepCache:
    """What `forward` sees of the pool in one step (a `miniclaude.model.cache.Cache`).

    Everything that does not depend on the layer is worked out once, here. kept: the tokens, by
    their place in the row, whose last state somebody reads, on the CPU; None: everyone's. It may
    be set.
    """

    def __init__(self, cache: BlockCache, spans: Sequence[Span]) -> None:
        self.pool, self.layers = cache.pool, cache.layers
        self.kept: Tensor | None = None
        device = cache.pool.device
        self.reads: list[tuple[slice, slice | Tensor]] = []
        writes: list[Tensor] = []
        positions: list[int] = []
        lengths: list[int] = []
        for blocks, start, end in spans:
            rows = slice(len(positions), len(positions) + end - start)
            self.reads.append((rows, cache.slots(blocks, 0, end)))
            new = cache.numbers(blocks, start, end)
            writes.append(torch.arange(new.start, new.stop) if isinstance(new, slice) else new)
            positions += range(start, end)
            lengths += [end] * (end - start)
        self.writes = torch.cat(writes).to(device)  # [T]
        self.positions = torch.tensor([positions], device=device)  # [1, T]
        self.lengths = torch.tensor([lengths], device=device)  # [1, T]

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Each token's position in its own sequence, and that sequence's length; both [1, T]."""
        return self.positions, self.lengths

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """Write this step's keys and values, [1, T, kv_heads, head_dim], to their slots; one
        segment for each sequence."""
        all_keys, all_values = self.layers[layer]  # [1, kv_heads, slots, row] each
        dtype, eight = keys.dtype, self.pool.dtype == torch.int8
        for slots, new in ((all_keys, keys), (all_values, values)):
            written = new.transpose(1, 2)  # [1, kv_heads, T, head_dim]
            slots.index_copy_(2, self.writes, to_rows(written) if eight else written)
        segments = []
        for rows, where in self.reads:
            known = (take(all_keys, where), take(all_values, where))
            if eight:
                known = (from_rows(known[0], dtype), from_rows(known[1], dtype))
            segments.append(Segment(rows, *known))
        return segments


def cache_place(
    model: Transformer | FusedModel, limits: EngineLimits
) -> tuple[torch.dtype, torch.device]:
    """In what number format and where a model's keys and values are kept. Raises SettingsError for
    8 bits where a head's size is no multiple of 32."""
    if isinstance(model, Transformer):
        dtype, device = model.tokens.weight.dtype, model.tokens.weight.device
    else:
        dtype, device = model.cache_dtype, model.device
    if limits.kv_dtype == "auto":
        return dtype, device
    if model.config.head_dim % STEP:
        raise SettingsError(
            f"kv_dtype is int8, and this model's heads have {model.config.head_dim} numbers.",
            hint=f"Leave kv_dtype out; 8 bits are for heads of a multiple of {STEP}.",
            param="kv_dtype",
        )
    return torch.int8, device


def take(slots: Tensor, where: slice | Tensor) -> Tensor:
    """Some slots of [1, kv_heads, slots, head_dim]: a view of neighbours, a copy of others."""
    if isinstance(where, slice):
        return slots.narrow(2, where.start, where.stop - where.start)
    return slots.index_select(2, where)
