"""x Wᵀ with packed weights, by all threads of a team.

Activations are rounded to int8 too, each group of 64 with a scale of its own; sums are exact whole
numbers within a group and float32 across groups. The reference is `PackedWeight.unpack` and an
ordinary product.

Letters in shapes: T tokens, T8 the same rounded up to eights, P padded columns, G groups, R rows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from miniclaude.model.compile import compiled
from miniclaude.model.packed import GROUP, LANES, OFFSET, PackedWeight
from miniclaude.model.rounding import AVX2, TOGETHER, Rounded, round_row, rounded_buffer
from miniclaude.model.team import Team, claim, done, meet
from miniclaude.model.tile_kernel import tile_kernel

BLOCK = 32
"""Tokens whose activations stay in the innermost cache while tiles pass by."""

SHARES, SMALL = 4, 16
"""Into how many pieces a thread's part of the work is cut: a few, since each begins with a wait for
memory. A product's is cut into sixteen, so that nobody waits long for the last piece of a thread
that is held up; but with few tokens, which wait for memory most, three quarters are one piece."""

Floats = NDArray[np.float32]

one_int8, many_int8 = tile_kernel(8, 1), tile_kernel(8, TOGETHER)
one_int4, many_int4 = tile_kernel(4, 1), tile_kernel(4, TOGETHER)

OFFSET_8, OFFSET_4 = OFFSET[8], OFFSET[4]


@compiled
def share(pieces: int, threads: int) -> int:
    """How many pieces of work a thread takes at a time."""
    return max(1, pieces // (threads * SHARES))


@compiled
def product(
    phase: int,
    threads: int,
    bits: int,
    codes: int,
    scales: int,
    rows: int,
    columns: int,
    x: Rounded,
    tokens: int,
    out: Floats,
) -> int:
    """One phase: out [T8, ≥ R] = x Wᵀ. codes, scales: addresses of a PackedWeight's two tensors,
    which is [rows, columns]. Returns the next phase."""
    groups = (columns + GROUP - 1) // GROUP
    tiles = (rows + LANES - 1) // LANES
    tile_bytes = groups * GROUP * LANES * bits // 8
    scale_bytes = LANES * 4 if bits == 8 else groups * LANES * 2
    x_stride, group_stride, out_stride = x.codes.shape[1], x.scales.shape[1] * 4, out.shape[1] * 4
    x_at, out_at = x.codes.ctypes.data, out.ctypes.data
    if AVX2 and bits == 8 and tokens > 1:
        x_at, x_stride = x.wide.ctypes.data, 2 * x_stride
    scales_at, starts_at = x.scales.ctypes.data, x.starts.ctypes.data
    large = tiles * 3 // (4 * threads) if tokens <= BLOCK else 0
    small = max(1, tiles // (threads * SMALL))
    while True:
        piece = claim(phase, 1)
        first = piece * large
        last = first + large
        if piece >= threads:
            first = threads * large + (piece - threads) * small
            last = min(first + small, tiles)
        if first >= tiles:
            return meet(phase, tiles)
        for block in range(0, tokens, BLOCK):
            for tile in range(first, last):
                codes_at, weights_at = codes + tile * tile_bytes, scales + tile * scale_bytes
                for token in range(block, min(block + BLOCK, tokens), TOGETHER):
                    x_row = x_at + token * x_stride
                    scales_row = scales_at + token * group_stride
                    starts_row = starts_at + token * group_stride
                    out_row = out_at + token * out_stride + tile * LANES * 4
                    if bits == 8 and tokens == 1:
                        one_int8(
                            codes_at, weights_at, groups, x_row, x_stride,
                            scales_row, starts_row, group_stride, out_row, out_stride,
                        )  # fmt: skip
                    elif bits == 8:
                        many_int8(
                            codes_at, weights_at, groups, x_row, x_stride,
                            scales_row, starts_row, group_stride, out_row, out_stride,
                        )  # fmt: skip
                    elif tokens == 1:
                        one_int4(
                            codes_at, weights_at, groups, x_row, x_stride,
                            scales_row, starts_row, group_stride, out_row, out_stride,
                        )  # fmt: skip
                    else:
                        many_int4(
                            codes_at, weights_at, groups, x_row, x_stride,
                            scales_row, starts_row, group_stride, out_row, out_stride,
                        )  # fmt: skip
        done(phase, last - first)


@compiled
def whole_product(
    phase: int,
    thread: int,
    threads: int,
    bits: int,
    codes: int,
    scales: int,
    rows: int,
    columns: int,
    values: Floats,
    x: Rounded,
    out: Floats,
) -> None:
    """Round `values` [T, C], then multiply."""
    tokens = values.shape[0]
    offset = OFFSET_8 if bits == 8 else OFFSET_4
    taken = share(tokens, threads)
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            break
        last = min(first + taken, tokens)
        for token in range(first, last):
            round_row(values[token], token, tokens > 1, offset, x)
        done(phase, last - first)
    phase = meet(phase, tokens)
    product(phase, threads, bits, codes, scales, rows, columns, x, tokens, out)


def multiply(team: Team, x: Tensor, weight: PackedWeight) -> Tensor:
    """x [T, C] float32 -> x Wᵀ [T, R] float32, with the activations rounded as the module says."""
    tokens = len(x)
    buffer = rounded_buffer(tokens, weight.columns)
    out = torch.empty(len(buffer.codes), len(weight.codes) * LANES)
    team.run(
        2,
        whole_product,
        weight.bits,
        weight.codes.data_ptr(),
        weight.scales.data_ptr(),
        weight.rows,
        weight.columns,
        x.contiguous().numpy(),
        buffer,
        out.numpy(),
    )
    return out[:tokens, : weight.rows]
