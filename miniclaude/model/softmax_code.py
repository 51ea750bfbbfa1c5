"""A softmax's weights, sixteen scores at a time. Built instruction by instruction, since the
compiler's own vectors want longer blocks and more time."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.polynomial import Chebyshev, Polynomial

from miniclaude.model.attention_kernel import FLOATS, INTS, LANES, load, multiply_add, number
from miniclaude.model.attention_tiles import in_every_lane, store
from miniclaude.model.compile import FLOAT, instruction, known_function
from miniclaude.model.pair_code import NATIVE, store_halves
from miniclaude.model.tile_code import variables

LOG2_E = 1.4426950408889634

LEAST = np.float32(-3e38)
"""What is put in place of a score that does not count."""

VANISHES = -126.0
"""Powers of 2 below this one are taken as 0, so that they need no numbers without an exponent."""

SERIES = Chebyshev.interpolate(np.exp2, 5, domain=[-0.5, 0.5]).convert(kind=Polynomial).coef
"""Of 2^r for |r| up to a half, to 2e-7 of itself: the constant first."""


def everywhere(value: SupportsFloat) -> Any:
    """A constant in every lane."""
    return ir.Constant(FLOATS, [float(np.float32(value))] * LANES)


def power_of_two(b: Any, x: Any) -> Any:
    """2^x [16] for x up to 127. What is not a number stays none."""
    nearest = known_function(b, "llvm.rint.v16f32", FLOATS, [FLOATS])
    n = b.call(nearest, [x])
    r = b.fsub(x, n)
    series = everywhere(SERIES[-1])
    for coefficient in reversed(SERIES[:-1]):
        series = multiply_add(b, series, r, everywhere(coefficient))
    exponent = b.shl(b.fptosi(n, INTS), ir.Constant(INTS, [23] * LANES))
    power = b.bitcast(b.add(b.bitcast(series, INTS), exponent), FLOATS)
    return b.select(b.fcmp_ordered("<", x, everywhere(VANISHES)), everywhere(0), power)


@instruction
def exponentials(typing: Any, scores: Any, vectors: Any, factor: Any, halves: Any) -> Any:
    """e^((score - the largest) · factor) of so many times sixteen scores at an address; their sum.
    They take the scores' place, and where `halves` is not 0 they are bfloat16 numbers, behind each
    other from the same address on. factor: above 0."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        scores, vectors, factor, halves = arguments
        largest, total = variables(b, [everywhere(LEAST), everywhere(0)])
        with cgutils.for_range(b, vectors) as loop:  # NaN is passed by, and comes to light below
            score = load(b, b.add(scores, b.mul(loop.index, number(4 * LANES))), FLOATS, 4)
            most = b.load(largest)
            b.store(b.select(b.fcmp_ordered(">", score, most), score, most), largest)
        highest = known_function(b, "llvm.vector.reduce.fmax.v16f32", FLOAT, [FLOATS])
        factor = b.fmul(factor, ir.Constant(FLOAT, float(np.float32(LOG2_E))))
        most = b.fmul(b.call(highest, [b.load(largest)]), factor)
        below, factors = b.fneg(in_every_lane(b, most)), in_every_lane(b, factor)
        narrow = b.icmp_signed("!=", halves, number(0))
        with cgutils.for_range(b, vectors) as loop:
            place = b.add(scores, b.mul(loop.index, number(4 * LANES)))
            weight = power_of_two(b, multiply_add(b, load(b, place, FLOATS, 4), factors, below))
            with b.if_else(narrow) as (then, otherwise):
                with then:
                    to = b.add(scores, b.mul(loop.index, number(2 * LANES)))
                    store_halves(b, weight, to, NATIVE)
                with otherwise:
                    store(b, weight, place)
            b.store(b.fadd(b.load(total), weight), total)
        add = known_function(b, "llvm.vector.reduce.fadd.v16f32", FLOAT, [FLOAT, FLOATS])
        return b.call(add, [ir.Constant(FLOAT, 0.0), b.load(total)], fastmath=["reassoc"])

    return types.float32(types.int64, types.int64, types.float32, types.int64), build
