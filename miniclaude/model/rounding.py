"""Activations as bytes, each group of 64 with a scale of its own, as the kernels read them.

Letters in shapes: T8 tokens rounded up to eights, P padded columns, G groups.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import FLOATS, INTS, LANES, load, multiply_add, number
from miniclaude.model.attention_tiles import in_every_lane
from miniclaude.model.compile import (
    INT8,
    INT32,
    bits_of_float,
    compiled,
    float_from_bits,
    instruction,
    known_function,
)
from miniclaude.model.packed import GROUP, OFFSET
from miniclaude.model.tile_kernel import best_instructions

TOGETHER = 8
"""Tokens that one reading of a tile serves."""

AVX2 = best_instructions() == "avx2"
OFFSET_8, OFFSET_4 = OFFSET[8], OFFSET[4]

BYTES = ir.VectorType(INT8, LANES)
ZERO, LARGEST, HALF_UP = np.float32(0), np.float32(127), np.float32(128.5)
LEAST = np.float32(1e-36)  # 127 divided by less is infinite in float32; it may as well be nothing

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]
Shorts = NDArray[np.int16]
Whole = NDArray[np.int32]


@instruction
def largest_bits(typing: Any, values: Any) -> Any:
    """The bits of the largest of GROUP float32 at an address, without their signs."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        without_sign = ir.Constant(INTS, [0x7FFFFFFF] * LANES)
        most = ir.Constant(INTS, [0] * LANES)
        for first in range(0, GROUP, LANES):
            bits = load(b, b.add(arguments[0], number(4 * first)), INTS, 4)
            bits = b.and_(bits, without_sign)
            most = b.select(b.icmp_signed(">", bits, most), bits, most)
        reduce = known_function(b, "llvm.vector.reduce.smax.v16i32", INT32, [INTS])
        return b.call(reduce, [most])

    return types.int32(types.int64), build


@instruction
def write_codes(typing: Any, values: Any, steps: Any, codes: Any) -> Any:
    """GROUP float32 at an address times `steps`, rounded, as bytes at another; their sum."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        values, steps, codes = arguments
        steps = in_every_lane(b, steps)
        half_up, up = ir.Constant(FLOATS, [128.5] * LANES), ir.Constant(INTS, [128] * LANES)
        total = ir.Constant(INTS, [0] * LANES)
        for first in range(0, GROUP, LANES):
            value = load(b, b.add(values, number(4 * first)), FLOATS, 4)
            code = b.sub(b.fptosi(multiply_add(b, value, steps, half_up), INTS), up)
            place = b.inttoptr(b.add(codes, number(first)), ir.PointerType(BYTES))
            b.store(b.trunc(code, BYTES), place).align = 1
            total = b.add(total, code)
        reduce = known_function(b, "llvm.vector.reduce.add.v16i32", INT32, [INTS])
        return b.call(reduce, [total])

    return types.int32(types.int64, types.float32, types.int64), build


class Rounded(NamedTuple):
    """Activations as the kernels read them: codes [T8, P], scales [T8, G], and where each group's
    sum starts [T8, G]: minus its codes' sum times the weights' offset, which that takes back. For
    `tile_kernel_avx2.py` and weights of 4 bits it is two such sums, as `pair_starts` has them.
    wide: the codes once more as that kernel wants them for weights of 8 bits, [T8, P], or [T8, 0]
    where nobody does."""

    codes: Bytes
    wide: Shorts
    scales: Floats
    starts: Whole


def rounded_buffer(tokens: int, columns: int) -> Rounded:
    """Room for so many tokens of at most so many columns."""
    rows = -(-tokens // TOGETHER) * TOGETHER
    groups = -(-columns // GROUP)
    return Rounded(
        np.zeros((rows, groups * GROUP), np.int8),
        np.zeros((rows, groups * GROUP if AVX2 else 0), np.int16),
        np.zeros((rows, groups), np.float32),
        np.zeros((rows, groups), np.int32),
    )


@compiled
def round_group(values: Floats, codes: Bytes, count: int) -> tuple[float, int]:
    """Round `count` numbers by the largest of them: its share of 127, and the sum of the codes.

    Sums of int32 are int64 unless said otherwise, and vectors then half as fast.
    """
    bits = np.int32(0)  # those of positive numbers are in the numbers' order; NaN comes last
    for i in range(count):
        positive = np.int32(bits_of_float(values[i]) & np.int32(0x7FFFFFFF))
        bits = max(positive, bits)
    largest = float_from_bits(bits)
    steps = LARGEST / largest if largest > LEAST else ZERO
    total = np.int32(0)
    for i in range(count):
        code = np.int32(np.int32(values[i] * steps + HALF_UP) - np.int32(128))
        codes[i] = code
        total = np.int32(total + code)
    return float(largest / LARGEST), int(total)


@compiled
def round_whole_group(values: int, codes: int) -> tuple[float, int]:
    """`round_group` of GROUP numbers at an address, four times as fast as the compiler makes it."""
    largest = float_from_bits(largest_bits(values))
    steps = LARGEST / largest if largest > LEAST else ZERO
    total = write_codes(values, steps, codes)
    return float(largest / LARGEST), int(total)


@compiled
def pair_starts(codes: Bytes) -> int:
    """Where the two sums of a group [GROUP] start with weights of 4 bits: in the lower 16 bits that
    of the first two codes of each four, in the upper that of the other two. At most 8 · 32 · 127 by
    size, so that they fit."""
    first, second = np.int32(0), np.int32(0)
    for i in range(0, GROUP, 4):
        first = np.int32(first + codes[i] + codes[i + 1])
        second = np.int32(second + codes[i + 2] + codes[i + 3])
    low = np.int32(-OFFSET_4 * first) & np.int32(0xFFFF)
    return int(np.int32(np.int32(-OFFSET_4 * second) << np.int32(16)) | np.int32(low))


@compiled
def round_row(values: Floats, row: int, many: bool, offset: int, into: Rounded) -> None:
    """Round one token's activations [C] to bytes, each group by its largest; the rest are 0.

    many: there are other tokens, so that weights of 8 bits want `wide`. offset: the weights'.
    """
    codes, columns = into.codes[row], values.shape[0]
    whole = columns // GROUP
    groups = (columns + GROUP - 1) // GROUP
    for group in range(whole):
        first = group * GROUP
        scale, total = round_whole_group(values[first:].ctypes.data, codes[first:].ctypes.data)
        into.scales[row, group], into.starts[row, group] = scale, -offset * total
    if whole < groups:
        first = whole * GROUP
        codes[first : first + GROUP] = 0
        scale, total = round_group(values[first:], codes[first:], columns - first)
        into.scales[row, whole], into.starts[row, whole] = scale, -offset * total
    if AVX2 and offset == OFFSET_4:
        for group in range(groups):
            into.starts[row, group] = pair_starts(codes[group * GROUP : (group + 1) * GROUP])
    if AVX2 and offset == OFFSET_8 and many:
        wide = into.wide[row]
        for first in range(0, groups * GROUP, 4):
            wide[first], wide[first + 1] = codes[first], codes[first + 2]
            wide[first + 2], wide[first + 3] = codes[first + 1], codes[first + 3]
