"""Weights in 8 or 4 bits, laid out so that one pass over them serves one token or hundreds.

Sixteen output rows are a *tile*, and lie interleaved: 64 neighbouring bytes hold 4 columns of each
of the sixteen rows (in 4 bits 8 columns: low halves first). A vector register of 16 numbers then
has one output row in each lane, so no sum across lanes is ever needed, and a tile is read front to
back once, at the speed of the memory.

int8: a row is codes from -127 to 127 times one scale. int4: each group of a row's columns is codes
from -8 to 7 times a scale of its own, in bfloat16, chosen to make the squared error of the group
least. Codes are stored with an offset that makes them unsigned.

Letters in shapes: R output rows, C columns, P padded columns, t tiles, G groups of a row, g columns
of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from miniclaude.errors import CheckpointError

Bits = Literal[8, 4]

Search = Callable[[Tensor], tuple[Tensor, Tensor]]

LANES = 16
"""Output rows of a tile."""

GROUP = 64
"""Columns of a group. In int4 they share a scale; in both, activations are rounded to 8 bits group
by group, so that one large number spoils no more than its own group."""

OFFSET: dict[Bits, int] = {8: 128, 4: 8}
"""What is added to a code to store it."""

ROWS_AT_ONCE = 128
"""Rows that are packed at a time, which bounds the memory that packing needs."""


class Matrix(Protocol):
    """What `pack` asks of a weight matrix [R, C]: a tensor is one, and what is still in a file can
    be."""

    @property
    def shape(self) -> Sequence[int]:
        """R and C."""
        ...

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some neighbouring rows, of any float format."""
        ...


@dataclass(frozen=True, slots=True)
class PackedWeight:
    """A weight matrix [R, C] in few bits.

    codes: [t, bytes of a tile] uint8. scales: int8 [t, 16] float32, int4 [t, G, 16] bfloat16.
    """

    bits: Bits
    rows: int
    columns: int
    codes: Tensor
    scales: Tensor

    @property
    def groups(self) -> int:
        """Groups of a row, the padded one included."""
        return -(-self.columns // GROUP)

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.codes.nbytes + self.scales.nbytes

    def take(self, rows: Tensor) -> Tensor:
        """Some rows as float32: [...] row numbers -> [..., C]. The plain reading of the layout."""
        tile, lane = rows // LANES, rows % LANES
        tiles = len(self.codes)
        if self.bits == 8:
            stored = self.codes.view(tiles, -1, LANES, 4)[tile, :, lane]  # [..., P/4, 4]
            scales = self.scales[tile, lane][..., None, None]  # [..., 1, 1]
        else:
            pairs = self.codes.view(tiles, -1, LANES, 4)[tile, :, lane]  # [..., P/8, 4]
            stored = torch.stack((pairs & 15, pairs >> 4), dim=-2)  # [..., P/8, 2, 4]
            stored = stored.reshape(*rows.shape, self.groups, GROUP)  # [..., G, g]
            scales = self.scales[tile, :, lane].float()[..., None]  # [..., G, 1]
        values = (stored.float() - OFFSET[self.bits]) * scales
        return values.flatten(-2)[..., : self.columns]  # [..., C]

    def unpack(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """All of it: [R, C]."""
        device = self.codes.device
        result = torch.empty(self.rows, self.columns, dtype=dtype, device=device)
        for start in range(0, self.rows, ROWS_AT_ONCE):
            part = result[start : start + ROWS_AT_ONCE]
            part.copy_(self.take(torch.arange(start, start + len(part), device=device)))
        return result


def pack(weight: Matrix, bits: Bits, search: Search | None = None) -> PackedWeight:
    """weight: [R, C], of which `ROWS_AT_ONCE` rows are asked for at a time. search: `to_int4`, or
    what does the same; None is the one in machine code. Raises CheckpointError for NaN and
    infinity."""
    rows, columns = weight.shape
    width = -(-columns // GROUP) * GROUP
    codes, scales = empty(rows, columns, bits)
    for start in range(0, rows, ROWS_AT_ONCE):
        part = weight[start : start + ROWS_AT_ONCE].detach().float()
        if not part.isfinite().all():
            raise CheckpointError(
                "A weight is not a finite number.", hint="The model is damaged; fetch it again."
            )
        part = pad(part, (0, width - columns, 0, -len(part) % LANES))  # [16·t, P]
        here = slice(start // LANES, start // LANES + len(part) // LANES)
        if bits == 8:
            numbers, steps = to_int8(part)  # [16·t, P], [16·t]
            scales[here] = steps.view(-1, LANES)
        else:
            grouped = part.view(len(part), -1, GROUP)  # [16·t, G, g]
            numbers, steps = (search or machine_search())(grouped)  # [16·t, G, g], [16·t, G]
            scales[here] = steps.view(-1, LANES, width // GROUP).transpose(1, 2)
        stored = (numbers + OFFSET[bits]).to(torch.uint8)
        codes[here] = interleave(stored.view(-1, LANES, width), bits)
    return PackedWeight(bits, rows, columns, codes, scales)


def empty(
    rows: int, columns: int, bits: Bits, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """The two tensors of a PackedWeight of that size, not yet filled."""
    tiles, groups = -(-rows // LANES), -(-columns // GROUP)
    codes = torch.empty(tiles, LANES * groups * GROUP * bits // 8, dtype=torch.uint8, device=device)
    if bits == 8:
        return codes, torch.empty(tiles, LANES, device=device)
    return codes, torch.empty(tiles, groups, LANES, dtype=torch.bfloat16, device=device)


def machine_search() -> Search:
    """`to_int4` in machine code. Its compiler takes a second to import, so only who packs pays."""
    from miniclaude.model.packed_search import search_int4

    return search_int4


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """weight [R, P] -> codes [R, P] from -127 to 127 and scales [R], both float32."""
    scales = weight.abs().amax(dim=1) / 127  # [R]
    steps = scales.masked_fill(scales == 0, 1)
    return (weight / steps[:, None]).round_(), scales


def to_int4(groups: Tensor) -> tuple[Tensor, Tensor]:
    """groups [R, G, g] -> codes [R, G, g] from -8 to 7 (float32) and scales [R, G] (bfloat16).

    The code of -8 has no positive partner, so the largest weight is given it, by the scale's sign.
    From there the scale is varied, rounded to what is stored, and the best one kept.
    """
    low, high = groups.amin(dim=2), groups.amax(dim=2)  # [R, G]
    extreme = torch.where(low.abs() > high, low, high)
    best = torch.full_like(extreme, torch.inf)
    scales = torch.zeros_like(extreme, dtype=torch.bfloat16)
    for steps in STEPS:
        scale = (extreme / -steps).to(torch.bfloat16)
        error = (rounded(groups, scale) * scale.float()[..., None] - groups).square_().sum(dim=2)
        better = error < best
        scales = torch.where(better, scale, scales)
        best = torch.where(better, error, best)
    return rounded(groups, scales), scales


STEPS = tuple(6.6 + 0.1 * step for step in range(23))
"""Into how many steps the largest weight is divided: 8 uses every code, fewer cut nothing off, more
cut the largest weight and divide the others more finely."""


def rounded(groups: Tensor, scales: Tensor) -> Tensor:
    """The nearest codes: groups [R, G, g], scales [R, G] -> [R, G, g]."""
    steps = scales.float().masked_fill(scales == 0, 1)[..., None]
    return (groups / steps).round_().clamp_(-8, 7)


def interleave(stored: Tensor, bits: Bits) -> Tensor:
    """stored [t, 16, P] bytes -> [t, bytes of a tile], as the module's docstring says."""
    tiles, lanes, width = stored.shape
    if bits == 8:
        return stored.view(tiles, lanes, -1, 4).transpose(1, 2).reshape(tiles, -1)
    pairs = stored.view(tiles, lanes, width // 8, 2, 4)
    joined = pairs[..., 0, :] | (pairs[..., 1, :] << 4)  # [t, 16, P/8, 4]
    return joined.transpose(1, 2).reshape(tiles, -1)
