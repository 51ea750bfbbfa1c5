"""What `forward` asks of whoever remembers keys and values, and the simplest one that does.

The transformer hands each layer's new keys and values to a cache and gets back *segments*: runs of
this step's tokens together with everything they may look at. A plain batch is one segment; an
engine's step packs many requests into one row of tokens and returns one segment for each, so the
model never knows who is asking.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Table(NamedTuple):
    """Where sequences lie in a pool: the numbers of each one's blocks, [b, n] int32, in order, and
    how many positions a block has."""

    blocks: Tensor
    block_tokens: int


class Segment(NamedTuple):
    """Some of this step's tokens and what they attend to.

    rows: which of the step's T tokens. With a batch of B rows, all of them; in a packed batch of
    one row, `b * t` tokens, t for each of the b sequences in `keys`.
    keys, values: [b, kv_heads, S, head_dim].
    lengths: [b] how many of the S are real, counted from the first; None means all of them. The t
    queries are the last t of those.
    table: keys and values are a whole pool, [1, kv_heads, slots, head_dim], and this says which of
    its slots are whose; t is 1 then, and lengths are given. None: they are as said above.
    """

    rows: slice
    keys: Tensor
    values: Tensor
    lengths: Tensor | None = None
    table: Table | None = None

    @property
    def sequences(self) -> int:
        """b."""
        return self.keys.shape[0] if self.table is None else self.table.blocks.shape[0]


def gathered(segment: Segment) -> Segment:
    """The same without a table: each sequence's keys and values copied out of the pool, as many
    slots for each as the table has, [b, kv_heads, S, head_dim]. Those past its length are zeros:
    what others have left there may be no number, which a mask alone would let through."""
    if segment.table is None or segment.lengths is None:
        return segment
    blocks, size = segment.table
    inside = torch.arange(size, device=blocks.device)
    slots = (blocks[:, :, None].long() * size + inside).flatten()  # [b·S]
    shape = (-1, blocks.shape[0], blocks.shape[1] * size, segment.keys.shape[3])  # [K, b, S, D]
    seen = torch.arange(shape[2], device=blocks.device) < segment.lengths[:, None]  # [b, S]
    keys, values = (
        pool[0]
        .index_select(1, slots)
        .view(shape)
        .transpose(0, 1)
        .masked_fill(~seen[:, None, :, None], 0.0)
        for pool in (segment.keys, segment.values)
    )
    return segment._replace(keys=keys, values=values, table=None)


class Cache(Protocol):
    """Remembers keys and values between calls of `forward`."""

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        """For a step of `tokens` columns: each token's position in its own sequence, and that
        sequence's length after this step. Both [B, T], whole numbers."""
        ...

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> Iterable[Segment]:
        """Remember this step's keys and values of `layer`, both [B, T, kv_heads, head_dim], and
        say what each token may attend to."""
        ...


class ContiguousCache:
    """Keys and values of one batch, in one tensor a layer: the readable reference.

    batch: B rows that advance together. capacity: most positions a row may have.
    Call `advance(T)` after each `forward` of T columns.
    """

    def __init__(
        self,
        *,
        layers: int,
        batch: int,
        capacity: int,
        kv_heads: int,
        head_dim: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (layers, batch, kv_heads, capacity, head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Positions `length .. length + tokens - 1` for every row."""
        end = self.length + tokens
        positions = torch.arange(self.length, end, device=self.keys.device)
        positions = positions.expand(self.keys.shape[1], tokens)  # [B, T]
        return positions, torch.full_like(positions, end)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """Append at the end of each row."""
        end = self.length + keys.shape[1]
        self.keys[layer, :, :, self.length : end] = keys.transpose(1, 2)
        self.values[layer, :, :, self.length : end] = values.transpose(1, 2)
        return [Segment(slice(None), self.keys[layer, :, :, :end], self.values[layer, :, :, :end])]

    def advance(self, tokens: int) -> None:
        """Count the columns of a finished step."""
        self.length += tokens
