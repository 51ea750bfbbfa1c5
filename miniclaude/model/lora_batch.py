"""Several adapters in one forward pass: each row of tokens with its own (Chen et al. 2023, Punica;
Sheng et al. 2023, S-LoRA).

The base's product is computed once for all rows. What an adapter adds is B (A x) on its rows only.
`RowLoraLinear` stands where the linear layer was and looks up in `Rows`, which is set for every
step, whose the rows are. Two ways to compute the same, and `reference_add` to hold them to:

- run by run, when a run of rows is long (a prompt) or only one adapter is there: its own two
  products, added in place;
- stacked, when the rows are few and the adapters several: rows are sorted by adapter and filled up
  to as many for each, and all As are one batched product, all Bs one more. The calls do not grow
  with the number of adapters. Where ranks differ so much that it would mostly be zeros, a layer
  goes run by run all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from miniclaude.model.lora import LowRank
from miniclaude.model.lora_targets import sizes_of

LONG_RUN = 32
"""Rows from which on a run is computed by itself: stacked, every adapter would be given as many."""

MOST_PADDED = 2
"""A stack of adapters of several ranks has zeros up to the highest. One that would take more than
so many times what its parts take is not made."""


class Part(NamedTuple):
    """What an adapter adds to the outputs `start .. stop - 1` of a layer. a: [r, in]. b: [stop -
    start, r], the adapter's scale included."""

    start: int
    stop: int
    a: Tensor
    b: Tensor


Layers = Mapping[str, tuple[Part, ...]]
"""An adapter: its parts by the name of the layer that they change."""


class Run(NamedTuple):
    """Neighbouring rows of one adapter."""

    start: int
    stop: int
    adapter: str


class Stack(NamedTuple):
    """The parts of several adapters in one layer. a: [G, in, R], by range of outputs. products:
    (start, stop, from, to, b [G, r, stop - start]) for each range of outputs; from, to: its columns
    of x a. An adapter of a lower rank, or without a part there, has zeros."""

    a: Tensor
    products: tuple[tuple[int, int, int, int, Tensor], ...]


class Sorted(NamedTuple):
    """A step's rows by adapter. gather: [G·m] the row at each place, m places for each adapter, row
    0 where it has fewer. back: [T] each row's place, G·m for a row of the base alone. per: m.
    base_too: whether there is one."""

    gather: Tensor
    back: Tensor
    per: int
    base_too: bool


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
        self.stacked: tuple[str, ...] = ()
        self.sorted: Sorted | None = None

    def assign(self, counts: Sequence[tuple[int, str]]) -> None:
        """counts: how many rows, and whose, in order; "" is the base alone."""
        self.runs, self.sorted = [], None
        at = 0
        for count, adapter in counts:
            if adapter and self.runs and self.runs[-1][1:] == (at, adapter):
                self.runs[-1] = self.runs[-1]._replace(stop=at + count)
            elif adapter:
                self.runs.append(Run(at, at + count, adapter))
            at += count
        present = {run.adapter for run in self.runs}
        long = any(run.stop - run.start >= LONG_RUN for run in self.runs)
        if long or len(present) < 2:
            return
        if not present <= set(self.stacked) or len(present) * 2 <= len(self.stacked):
            # To stack costs a copy of all their weights: one that has just left may come again.
            self.stacked = tuple(sorted(present))
        places: dict[str, list[int]] = {adapter: [] for adapter in self.stacked}
        for run in self.runs:
            places[run.adapter] += range(run.start, run.stop)
        per = max(map(len, places.values()))
        back = [len(places) * per] * at
        gather: list[int] = []
        for rows in places.values():
            for number, row in enumerate(rows):
                back[row] = len(gather) + number
            gather += rows + [0] * (per - len(rows))
        base_too = sum(map(len, places.values())) < at
        self.sorted = Sorted(torch.tensor(gather), torch.tensor(back), per, base_too)


class RowLoraLinear(nn.Module):
    """A linear layer and what several adapters add to it. base: any module with in_features and
    out_features, quantised ones too; it is not changed."""

    def __init__(self, base: nn.Module, rows: Rows) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = sizes_of(base)
        self.rows = rows
        self.parts: dict[str, tuple[Part, ...]] = {}
        self.cached: tuple[tuple[str, ...], Stack | None] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., in] -> [..., out]; the rows are those of x seen as [T, in]."""
        y: Tensor = self.base(x)
        if self.rows.runs:
            # [T, in], [T, out]
            self.add(x.reshape(-1, x.shape[-1]), y.view(-1, y.shape[-1]))
        return y

    def add(self, x: Tensor, y: Tensor) -> None:
        """What the rows' adapters add to the base's product. x: [T, in], y: [T, out], changed in
        place."""
        stack = None if self.rows.sorted is None else self.stack()
        if self.rows.sorted is None or stack is None:
            self.add_runs(x, y)
        else:
            self.add_stacked(x, y, self.rows.sorted, stack)

    def add_runs(self, x: Tensor, y: Tensor) -> None:
        """x: [T, in], y: [T, out], changed in place."""
        for first, last, adapter in self.rows.runs:
            for start, stop, a, b in self.parts.get(adapter, ()):
                low = x[first:last] @ a.T  # [t, r]
                y[first:last, start:stop].addmm_(low, b.T)

    def add_stacked(self, x: Tensor, y: Tensor, rows: Sorted, stack: Stack) -> None:
        """x: [T, in], y: [T, out], changed in place."""
        gather, back = rows.gather.to(x.device), rows.back.to(x.device)
        each = x.index_select(0, gather).view(-1, rows.per, x.shape[-1])  # [G, m, in]
        low = torch.bmm(each, stack.a)  # [G, m, R]
        for start, stop, left, right, b in stack.products:
            update = torch.bmm(low[:, :, left:right], b).flatten(0, 1)  # [G·m, stop - start]
            if rows.base_too:
                update = F.pad(update, (0, 0, 0, 1))  # a row of zeros, [G·m + 1, stop - start]
            y[:, start:stop] += update.index_select(0, back)  # [T, stop - start]

    def stack(self) -> Stack | None:
        """The stack of `rows.stacked`; None when none of them changes this layer, and where it is
        not worth its memory."""
        if self.cached is None or self.cached[0] != self.rows.stacked:
            self.cached = None  # the one before is not kept while this one is made
            made = make_stack([self.parts.get(adapter, ()) for adapter in self.rows.stacked])
            self.cached = (self.rows.stacked, made)
        return self.cached[1]


class WrappedAdapters:
    """The adapters of one model, its layers wrapped when the first adapter comes and bare again
    when the last has gone; and whose the next forward pass's rows are."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.rows = Rows()
        self.wrapped: dict[str, RowLoraLinear] = {}

    def make(self, layers: Layers) -> tuple[Layers, int]:
        """An adapter as it is attached, and its bytes."""
        parts = [part for group in layers.values() for part in group]
        return layers, sum(part.a.nbytes + part.b.nbytes for part in parts)

    def attach(self, name: str, layers: Layers) -> None:
        """Let rows have it, by this name."""
        for layer, parts in layers.items():
            if layer not in self.wrapped:
                wrapper = RowLoraLinear(self.model.get_submodule(layer), self.rows)
                self.replace(layer, wrapper.train(self.model.training))
                self.wrapped[layer] = wrapper
            self.wrapped[layer].parts[name] = parts

    def unstack(self) -> None:
        """Let go of the copies by which several are computed together."""
        self.rows.stacked = ()
        for wrapper in self.wrapped.values():
            wrapper.cached = None

    def drop(self, name: str) -> None:
        """Take an adapter off. The last one leaves the model as it was."""
        self.unstack()
        for layer, wrapper in list(self.wrapped.items()):
            wrapper.parts.pop(name, None)
            if not wrapper.parts:
                self.replace(layer, wrapper.base)
                del self.wrapped[layer]

    def replace(self, layer: str, module: nn.Module) -> None:
        """Put a module where the layer of that name is."""
        owner, _, attribute = layer.rpartition(".")
        setattr(self.model.get_submodule(owner), attribute, module)

    def assign(self, counts: Sequence[tuple[int, str]]) -> None:
        """As `Rows.assign`."""
        self.rows.assign(counts)


def make_stack(adapters: Sequence[Sequence[Part]]) -> Stack | None:
    """adapters: the parts of each. Parts of the same outputs share a product. None where there are
    none, and where it would take more than `MOST_PADDED` times their memory."""
    places: dict[tuple[int, int], dict[int, Part]] = {}
    for number, parts in enumerate(adapters):
        for part in parts:
            places.setdefault((part.start, part.stop), {})[number] = part
    size = padded = 0
    for members in places.values():
        sizes = [part.a.numel() + part.b.numel() for part in members.values()]
        size += sum(sizes)
        padded += len(adapters) * max(sizes)
    if padded > MOST_PADDED * size or not places:
        return None
    alphas, products, at = [], [], 0
    for (start, stop), members in sorted(places.items()):
        some = next(iter(members.values()))
        r = max(len(part.a) for part in members.values())
        a = some.a.new_zeros(len(adapters), r, some.a.shape[1])  # [G, r, in]
        b = some.b.new_zeros(len(adapters), r, stop - start)  # [G, r, stop - start]
        for number, part in members.items():
            a[number, : len(part.a)] = part.a
            b[number, : len(part.a)] = part.b.T
        alphas.append(a)
        products.append((start, stop, at, at + r, b))
        at += r
    return Stack(torch.cat(alphas, dim=1).transpose(1, 2), tuple(products))


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
