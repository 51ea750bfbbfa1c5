"""What adapters add to a block's products, within its phases: y += B (A x) for each token, with its
own adapter's A and B.

A phase that makes the input of a product also makes A x (`shrink`), of the numbers before they are
rounded; the phase that reads what the product wrote first adds B (`expand`). Both walk over the
tokens that the thread has claimed anyway, so no phase is added, and nobody waits. The reference is
`reference_add` of `lora_batch.py`.

Letters in shapes: T tokens, K adapters, L layers, N parts of all adapters, R the widest A x.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import LANES
from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import Floats
from miniclaude.model.lora_kernel import SCALE_BYTES, lora_kernel

TOGETHER = 4
"""Neighbouring tokens of one adapter that one reading of a tile serves."""

START, STOP, RANK, INPUTS, LOW, A, B = range(7)
"""Columns of `Lora.parts`: the product's outputs that a part changes; its rank; how many inputs the
product has; where its A x begins in a row of `Lora.low`; the addresses of A [rank, inputs] and
B [stop - start, rank], in tiles as `lora_kernel.py` says."""

one_row, four_rows = lora_kernel(1), lora_kernel(TOGETHER)


class Lora(NamedTuple):
    """A step's adapters. whose: [T] each token's, -1 for the base alone; empty where no token has
    one. spans: [K, 4·L, 2] which rows of `parts` an adapter has at each product, from and to.
    parts: [N, 7] addresses and sizes. low: [T, R + 16], A x of each token; the last 16 are room to
    compute in. All but `low` int64."""

    whose: NDArray[np.int64]
    spans: NDArray[np.int64]
    parts: NDArray[np.int64]
    low: Floats


@compiled
def run_of(whose: NDArray[np.int64], token: int, end: int) -> int:
    """How many tokens from `token` on, before `end`, are computed together: `TOGETHER`, or one."""
    if token + TOGETHER > end:
        return 1
    for other in range(token + 1, token + TOGETHER):
        if whose[other] != whose[token]:
            return 1
    return TOGETHER


@compiled
def add_tiles(
    rows: int, x: int, x_stride: int, columns: int, matrix: int, tiles: int, out: int, stride: int
) -> None:
    """out [rows, 16 · tiles] += x Mᵀ for 1 or `TOGETHER` rows. Addresses and bytes."""
    for tile in range(tiles):
        at = matrix + tile * (SCALE_BYTES + columns * LANES)
        place = out + tile * LANES * 4
        if rows == 1:
            one_row(x, x_stride, columns, at, place, stride)
        else:
            four_rows(x, x_stride, columns, at, place, stride)


@compiled
def shrink(lora: Lora, product: int, first: int, last: int, x: Floats) -> None:
    """A x of the tokens from `first` to before `last`, into `lora.low`. product: 4 · layer + its
    place in the block. x: [T, ≥ inputs]."""
    if lora.whose.shape[0] == 0:
        return
    x_stride, low_stride = x.shape[1] * 4, lora.low.shape[1] * 4
    token = first
    while token < last:
        rows, adapter = run_of(lora.whose, token, last), lora.whose[token]
        if adapter >= 0:
            begin, end = lora.spans[adapter, product, 0], lora.spans[adapter, product, 1]
            for place in range(begin, end):
                part = lora.parts[place]
                tiles = (part[RANK] + LANES - 1) // LANES
                for row in range(token, token + rows):
                    lora.low[row, part[LOW] : part[LOW] + tiles * LANES] = 0
                add_tiles(
                    rows, x.ctypes.data + token * x_stride, x_stride, part[INPUTS], part[A],
                    tiles, lora.low.ctypes.data + token * low_stride + part[LOW] * 4, low_stride,
                )  # fmt: skip
        token += rows


@compiled
def expand(lora: Lora, product: int, first: int, last: int, y: Floats) -> None:
    """y += B (A x) for the tokens from `first` to before `last`, after `shrink` for the same
    product. y: [T, ≥ outputs]."""
    if lora.whose.shape[0] == 0:
        return
    y_stride, low_stride = y.shape[1] * 4, lora.low.shape[1] * 4
    token = first
    while token < last:
        rows, adapter = run_of(lora.whose, token, last), lora.whose[token]
        if adapter >= 0:
            begin, end = lora.spans[adapter, product, 0], lora.spans[adapter, product, 1]
            for place in range(begin, end):
                part = lora.parts[place]
                start, rank = part[START], part[RANK]
                tiles = (part[STOP] - start) // LANES
                low_at = lora.low.ctypes.data + token * low_stride + part[LOW] * 4
                y_at = y.ctypes.data + token * y_stride + start * 4
                add_tiles(rows, low_at, low_stride, rank, part[B], tiles, y_at, y_stride)
                if start + tiles * LANES < part[STOP]:
                    for row in range(token, token + rows):
                        expand_rest(lora, part, row, start + tiles * LANES, y)
        token += rows


@compiled
def expand_rest(lora: Lora, part: NDArray[np.int64], row: int, start: int, y: Floats) -> None:
    """The last outputs of a part, fewer than a tile: what lies behind them is another's."""
    low, rank = lora.low[row], part[RANK]
    room = low[low.shape[0] - LANES :]
    room[:] = 0
    tile = (start - part[START]) // LANES
    at = part[B] + tile * (SCALE_BYTES + rank * LANES)
    one_row(low.ctypes.data + part[LOW] * 4, 0, rank, at, room.ctypes.data, 0)
    for i in range(part[STOP] - start):
        y[row, start + i] += room[i]
