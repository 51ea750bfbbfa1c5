"""e^x of sixteen scores at a time, and their sum: what a softmax needs. Built instruction by
instruction, since the compiler's own vectors want longer blocks and more time; the definition is
`elementwise.exp`."""

from __future__ import annotations

from typing import Any, SupportsFloat

from llvmlite import ir
from numba import types
from numba.core import cgutils

from miniclaude.model.attention_kernel import FLOATS, INTS, LANES, load, multiply_add, number
from miniclaude.model.attention_tiles import in_every_lane, store
from miniclaude.model.compile import FLOAT, instruction, known_function
from miniclaude.model.elementwise import EXP_SERIES, HIGHEST, LN_2, LOG2_E, LOWEST
from miniclaude.model.tile_code import variables


def everywhere(value: SupportsFloat) -> Any:
    """A constant in every lane."""
    return ir.Constant(FLOATS, [float(value)] * LANES)


def exponential(b: Any, x: Any) -> Any:
    """e^x [16]: what `elementwise.exp` computes, lane by lane. What is not a number stays none: no
    comparison with it is true, so that it passes the bounds."""
    x = b.select(b.fcmp_ordered("<", x, everywhere(LOWEST)), everywhere(LOWEST), x)
    x = b.select(b.fcmp_ordered(">", x, everywhere(HIGHEST)), everywhere(HIGHEST), x)
    floor = known_function(b, "llvm.floor.v16f32", FLOATS, [FLOATS])
    n = b.call(floor, [multiply_add(b, x, everywhere(LOG2_E), everywhere(0.5))])
    r = multiply_add(b, n, everywhere(-LN_2), x)
    series = everywhere(EXP_SERIES[-1])
    for coefficient in reversed(EXP_SERIES[:-1]):
        series = multiply_add(b, series, r, everywhere(coefficient))
    exponent = b.add(b.fptosi(n, INTS), ir.Constant(INTS, [127] * LANES))
    power = b.bitcast(b.shl(exponent, ir.Constant(INTS, [23] * LANES)), FLOATS)
    return b.fmul(series, power)


@instruction
def exponentials(typing: Any, scores: Any, vectors: Any, largest: Any, factor: Any) -> Any:
    """e^((score - largest) · factor) in place of so many times sixteen scores at an address; their
    sum."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        scores, vectors, largest, factor = arguments
        largest, factor = in_every_lane(b, largest), in_every_lane(b, factor)
        [total] = variables(b, [everywhere(0)])
        with cgutils.for_range(b, vectors) as loop:
            place = b.add(scores, b.mul(loop.index, number(4 * LANES)))
            score = b.fmul(b.fsub(load(b, place, FLOATS, 4), largest), factor)
            weight = exponential(b, score)
            store(b, weight, place)
            b.store(b.fadd(b.load(total), weight), total)
        add = known_function(b, "llvm.vector.reduce.fadd.v16f32", FLOAT, [FLOAT, FLOATS])
        return b.call(add, [ir.Constant(FLOAT, 0.0), b.load(total)], fastmath=["reassoc"])

    return types.float32(types.int64, types.int64, types.float32, types.float32), build
