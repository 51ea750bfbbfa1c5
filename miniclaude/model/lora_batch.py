"""Several adapters in one forward pass: each row of tokens with its own (Chen et al. 2023, Punica;
Sheng et al. 2023, S-LoRA).

The base's product is computed once for all rows. What an adapter adds is B (A x) on its rows only.
`RowLoraLinear` stands where the linear layer was and looks up in `Rows`, which is set for every
step, whose the rows are. Two ways to compute the same, and `reference_add` to hold them to:

- run by run, when a run of rows is long (a prompt) or only one adapter is there: its own two
  products, added in place;
- stacked, when the rows are few and the adapters several: all As on top of one another are one
  product, what belongs to others' rows is set to 0, and all Bs side by side are one more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from miniclaude.model.lora import LowRank
from miniclaude.model.lora_targets import sizes_of

LONG_RUN = 32
"""Rows from which on a run is computed by itself: stacked, it would meet everybody's As."""


class Part(NamedTuple):
    """What an adapter adds to the outputs `start .. stop - 1` of a layer. a: [r, in]. b: [stop -
    start, r], the adapter's scale included."""

    start: int
    stop: int
    a: Tensor
    b: Tensor


class Run(NamedTuple):
    """Neighbouring rows of one adapter."""

    start: int
    stop: int
    adapter: str


class Stack(NamedTuple):
    """The parts of several adapters in one layer. a: [Σr, in], by outputs and then by adapter.
    products: (start, stop, from, to, b [Σr of these outputs, stop - start]) for each range of
    outputs; from, to: its columns of x aᵀ. owners: (adapter's place, r) for those columns."""

    a: Tensor
    products: tuple[tuple[int, int, int, int, Tensor], ...]
    owners: tuple[tuple[int, int], ...]


def part_of(low_rank: LowRank, dtype: torch.dtype, device: torch.device) -> Part:
    """One adapter's A and B for one place, ready to be added."""
    b = low_rank.scale * low_rank.b.detach().float()
    a = low_rank.a.detach()
    start, stop = low_rank.slot.rows
    return Part(start, stop, a.to(device, dtype), b.to(device, dtype))


class Rows:
    """Whose the rows of the next forward pass are. One for all layers of a model."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.by_run = True  # each run is computed by itself
        self.stacked: tuple[str, ...] = ()
        self.owners: list[int] = []
        self.masks: dict[tuple[tuple[int, int], ...], Tensor] = {}

    def assign(self, counts: Sequence[tuple[int, str]]) -> None:
        """counts: how many rows, and whose, in order; "" is the base alone."""
        self.runs, self.masks = [], {}
        at = 0
        for count, adapter in counts:
            if adapter and self.runs and self.runs[-1][1:] == (at, adapter):
                self.runs[-1] = self.runs[-1]._replace(stop=at + count)
            elif adapter:
                self.runs.append(Run(at, at + count, adapter))
            at += count
        present = {run.adapter for run in self.runs}
        long = any(run.stop - run.start >= LONG_RUN for run in self.runs)
        self.by_run = long or len(present) < 2
        if self.by_run:
            return
        if not present <= set(self.stacked) or len(present) * 2 <= len(self.stacked):
            # To stack costs a copy of all their weights: one that has just left may come again.
            self.stacked = tuple(sorted(present))
        place = {adapter: number for number, adapter in enumerate(self.stacked)}
        self.owners = [-1] * at
        for start, stop, adapter in self.runs:
            self.owners[start:stop] = [place[adapter]] * (stop - start)

    def others(self, owners: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
        """[T, Σr] True where a column is not of the row's own adapter. Worked out once a step for
        all layers whose stacks are laid out alike."""
        mask = self.masks.get(owners)
        if mask is None:
            columns = torch.tensor([place for place, r in owners for _ in range(r)])  # [Σr]
            mask = (torch.tensor(self.owners)[:, None] != columns).to(device)  # [T, Σr]
            self.masks[owners] = mask
        return mask


class RowLoraLinear(nn.Module):
    """A linear layer and what several adapters add to it. base: any module with in_features and
    out_features, quantised ones too; it is not changed."""

    def __init__(self, base: nn.Module, rows: Rows) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = sizes_of(base)
        self.rows = rows
        self.parts: dict[str, tuple[Part, ...]] = {}
        self.cached: tuple[tuple[str, ...], Stack] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., in] -> [..., out]; the rows are those of x seen as [T, in]."""
        y: Tensor = self.base(x)
        if self.rows.runs:
            flat_x = x.reshape(-1, x.shape[-1])  # [T, in]
            flat_y = y.view(-1, y.shape[-1])  # [T, out]
            if self.rows.by_run:
                self.add_runs(flat_x, flat_y)
            else:
                self.add_stacked(flat_x, flat_y)
        return y

    def add_runs(self, x: Tensor, y: Tensor) -> None:
        """x: [T, in], y: [T, out], changed in place."""
        for first, last, adapter in self.rows.runs:
            for start, stop, a, b in self.parts.get(adapter, ()):
                low = x[first:last] @ a.T  # [t, r]
                y[first:last, start:stop].addmm_(low, b.T)

    def add_stacked(self, x: Tensor, y: Tensor) -> None:
        """x: [T, in], y: [T, out], changed in place. Others' columns are set to 0, not multiplied
        by it: what overflows in one adapter is no concern of another's rows."""
        stack = self.stack()
        if stack is None:
            return
        low = x @ stack.a.T  # [T, Σr]
        low.masked_fill_(self.rows.others(stack.owners, x.device), 0)
        for start, stop, left, right, b in stack.products:
            y[:, start:stop].addmm_(low[:, left:right], b)

    def stack(self) -> Stack | None:
        """The stack of `rows.stacked`; None when none of them changes this layer."""
        if self.cached is None or self.cached[0] != self.rows.stacked:
            made = make_stack([self.parts.get(adapter, ()) for adapter in self.rows.stacked])
            self.cached = None if made is None else (self.rows.stacked, made)
        return None if self.cached is None else self.cached[1]


def make_stack(adapters: Sequence[Sequence[Part]]) -> Stack | None:
    """adapters: the parts of each. Parts of the same outputs share a product."""
    places: dict[tuple[int, int], list[tuple[int, Part]]] = {}
    for number, parts in enumerate(adapters):
        for part in parts:
            places.setdefault((part.start, part.stop), []).append((number, part))
    if not places:
        return None
    products, owners, at = [], [], 0
    for (start, stop), members in sorted(places.items()):
        b = torch.cat([part.b.T for _, part in members])  # [Σr, stop - start]
        products.append((start, stop, at, at + len(b), b))
        owners += [(number, len(part.a)) for number, part in members]
        at += len(b)
    a = torch.cat([part.a for _, members in sorted(places.items()) for _, part in members])
    return Stack(a, tuple(products), tuple(owners))


def reference_add(
    x: Tensor, y: Tensor, runs: Sequence[Run], parts: Mapping[str, Sequence[Part]]
) -> Tensor:
    """The equation, row by row. x: [T, in], y: [T, out] -> [T, out]."""
    y = y.clone()
    for first, last, adapter in runs:
        for row in range(first, last):
            for start, stop, a, b in parts.get(adapter, ()):
                y[row, start:stop] += b @ (a @ x[row])
    return y
