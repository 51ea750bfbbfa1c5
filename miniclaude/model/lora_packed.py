"""Adapters beside packed weights: 8 bits a weight, each in one piece of memory, layer by layer.

At sixteen rows and eight adapters a step waits for the adapters' weights, not for their arithmetic.
Each row of A and of B has a scale of its own, as the rows of an int8 base have, so that what is
lost is as little of the update as an int8 base loses of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from miniclaude.model.fused_lora import INPUTS, RANK, START, STOP, A, B, Lora
from miniclaude.model.fused_network import PRODUCTS
from miniclaude.model.lora_batch import Layers, Part
from miniclaude.model.lora_kernel import SCALE_BYTES
from miniclaude.model.packed import LANES, to_int8

NOBODY = np.zeros(0, np.int64)


class PackedAdapter(NamedTuple):
    """codes: [bytes] uint8, the tiles. spans and parts: what `Lora` says, of this adapter alone, A
    and B counted from the beginning of `codes`. width: of the widest A x."""

    codes: Tensor
    spans: NDArray[np.int64]
    parts: NDArray[np.int64]
    width: int

    def unpack(self) -> Layers:
        """By layer, as `pack_adapter` was given them: the plain reading of the layout."""
        layers = {}
        for product, (begin, end) in enumerate(self.spans):
            if begin < end:
                name = f"blocks.{product // len(PRODUCTS)}.{PRODUCTS[product % len(PRODUCTS)]}"
                layers[name] = tuple(self.unpack_part(part) for part in self.parts[begin:end])
        return layers

    def unpack_part(self, part: NDArray[np.int64]) -> Part:
        """One row of `parts`."""
        start, stop, rank = (int(part[column]) for column in (START, STOP, RANK))
        a = unpack_tiles(self.codes[part[A] :], rank, int(part[INPUTS]))
        return Part(start, stop, a, unpack_tiles(self.codes[part[B] :], stop - start, rank))


def pack_tiles(weight: Tensor) -> Tensor:
    """[N, J] float32 -> uint8 [bytes], as `lora_kernel.py` says."""
    rows, columns = weight.shape
    codes, scales = to_int8(pad(weight, (0, 0, 0, -rows % LANES)))
    woven = (
        codes.to(torch.int8).view(-1, LANES, columns).transpose(1, 2).reshape(-1, columns * LANES)
    )
    lanes = scales.view(-1, LANES)
    return torch.cat((lanes.view(torch.uint8), woven.view(torch.uint8)), dim=1).flatten()


def unpack_tiles(codes: Tensor, rows: int, columns: int) -> Tensor:
    """The first tiles of `codes` -> [N, J] float32."""
    tiles = -(-rows // LANES)
    size = SCALE_BYTES + columns * LANES
    lying = codes[: tiles * size].view(tiles, size)
    scales = lying[:, :SCALE_BYTES].contiguous().view(torch.float32)  # [t, 16]
    woven = lying[:, SCALE_BYTES:].contiguous().view(torch.int8).view(tiles, columns, LANES)
    return (woven.float() * scales[:, None]).transpose(1, 2).flatten(0, 1)[:rows]


def pack_adapter(layers: Layers, count: int) -> PackedAdapter:
    """layers: an adapter of a model of `count` blocks."""
    spans: list[tuple[int, int]] = []
    parts: list[tuple[int, ...]] = []
    codes, at, width = [], 0, 0
    for block in range(count):
        for product in PRODUCTS:
            begin, low = len(parts), 0
            for part in layers.get(f"blocks.{block}.{product}", ()):
                a, b = pack_tiles(part.a.float()), pack_tiles(part.b.float())
                codes += [a, b]
                rank, inputs = part.a.shape
                parts.append((part.start, part.stop, rank, inputs, low, at, at + a.nbytes))
                at += a.nbytes + b.nbytes
                low += -(-rank // LANES) * LANES
            spans.append((begin, len(parts)))
            width = max(width, low)
    return PackedAdapter(
        torch.cat(codes) if codes else torch.zeros(0, dtype=torch.uint8),
        np.array(spans, np.int64),
        np.array(parts, np.int64).reshape(-1, 7),
        width,
    )


class PackedAdapters:
    """The adapters of one packed model of `blocks` blocks, and whose the next step's rows are."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.attached: dict[str, PackedAdapter] = {}
        self.numbers: dict[str, int] = {"": -1}
        self.lora = Lora(
            NOBODY,
            np.zeros((0, blocks * len(PRODUCTS), 2), np.int64),
            np.zeros((0, 7), np.int64),
            np.zeros((0, LANES), np.float32),
        )

    def make(self, layers: Layers) -> tuple[PackedAdapter, int]:
        """An adapter as it is attached, and its bytes."""
        adapter = pack_adapter(layers, self.blocks)
        return adapter, adapter.codes.nbytes

    def attach(self, name: str, adapter: PackedAdapter) -> None:
        """Let rows have it, by this name."""
        self.attached[name] = adapter
        self.list_parts()

    def unstack(self) -> None:
        """Each is read where it lies: there are no copies."""

    def drop(self, name: str) -> None:
        """Forget an adapter."""
        del self.attached[name]
        self.list_parts()

    def list_parts(self) -> None:
        """All adapters' parts in one table, each with the addresses where its tiles lie."""
        self.numbers = {"": -1} | {name: number for number, name in enumerate(self.attached)}
        spans, parts, count = [self.lora.spans[:0]], [self.lora.parts[:0]], 0
        for adapter in self.attached.values():
            spans.append(adapter.spans[None] + count)
            moved = adapter.parts.copy()
            moved[:, [A, B]] += adapter.codes.data_ptr()
            parts.append(moved)
            count += len(moved)
        self.lora = Lora(NOBODY, np.concatenate(spans), np.concatenate(parts), self.lora.low)

    def assign(self, counts: Sequence[tuple[int, str]]) -> None:
        """counts: how many rows the next step has, and whose, in order; "" is the base alone."""
        whose = NOBODY
        if any(name for _, name in counts):
            numbers = [self.numbers[name] for _, name in counts]
            whose = np.repeat(np.array(numbers, np.int64), [count for count, _ in counts])
        self.lora = self.lora._replace(whose=whose)

    def step(self, tokens: int) -> Lora:
        """What the phases are told. Raises ValueError when another number of rows was assigned."""
        assigned = len(self.lora.whose)
        if assigned not in (0, tokens):
            raise ValueError(
                f"Adapters were assigned to {assigned} rows, and the step has {tokens}."
                " Call assign before every step."
            )
        width = LANES + max((adapter.width for adapter in self.attached.values()), default=0)
        rows, columns = self.lora.low.shape
        if assigned > rows or width > columns:
            low = np.zeros((max(rows, assigned), max(columns, width)), np.float32)
            self.lora = self.lora._replace(low=low)
        return self.lora
