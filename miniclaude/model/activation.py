"""An MLP's nonlinearities, sixteen numbers at a time. Built instruction by instruction: what the
compiler makes of loops takes up to twice as long. The reference is `transformer.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils

from miniclaude.model.attention_kernel import FLOATS, LANES, load, multiply_add, number
from miniclaude.model.attention_tiles import store
from miniclaude.model.compile import compiled, instruction, known_function
from miniclaude.model.elementwise import Floats
from miniclaude.model.softmax_code import LOG2_E, everywhere, power_of_two

ACTIVATIONS = {"gelu_tanh": 0, "gelu": 1, "silu": 2, "relu": 3}
"""By number, since compiled code compares no text."""

HIGHEST = 127.0
"""Powers of 2 above this one are taken as this: they are infinite in float32, or nearly."""

GELU_INNER, GELU_CUBIC = 0.7978845608028654, 0.044715
ROOT_HALF = 0.7071067811865476
ERF_P, ERF = 0.3275911, (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Of Abramowitz and Stegun (1964), 7.1.26: the constant first."""

Write = Callable[[Any, Any], Any]


def times_sigmoid(b: Any, x: Any, y: Any) -> Any:
    """x / (1 + e^-y) [16]. What is not a number stays none."""
    power, highest = b.fmul(y, everywhere(-LOG2_E)), everywhere(HIGHEST)
    power = b.select(b.fcmp_ordered(">", power, highest), highest, power)
    return b.fdiv(x, b.fadd(everywhere(1), power_of_two(b, power)))


def silu(b: Any, x: Any) -> Any:
    """x · σ(x) [16]."""
    return times_sigmoid(b, x, x)


def gelu_tanh(b: Any, x: Any) -> Any:
    """x (1 + tanh u) / 2 [16], which is x · σ(2u) (Hendrycks and Gimpel 2016)."""
    inner = multiply_add(b, b.fmul(x, x), everywhere(GELU_CUBIC), everywhere(1))
    return times_sigmoid(b, x, b.fmul(b.fmul(x, everywhere(2 * GELU_INNER)), inner))


def gelu(b: Any, x: Any) -> Any:
    """x (1 + erf(x / √2)) / 2 [16], the error function to 2e-7."""
    absolute = known_function(b, "llvm.fabs.v16f32", FLOATS, [FLOATS])
    scaled = b.fmul(x, everywhere(ROOT_HALF))
    one = everywhere(1)
    t = b.fdiv(one, multiply_add(b, b.call(absolute, [scaled]), everywhere(ERF_P), one))
    tail = everywhere(ERF[-1])
    for coefficient in reversed(ERF[:-1]):
        tail = multiply_add(b, tail, t, everywhere(coefficient))
    power = power_of_two(b, b.fmul(b.fmul(scaled, scaled), everywhere(-LOG2_E)))
    # (1 + erf) / 2 is half the tail for negative numbers, and what it lacks to 1 for others
    half = b.fmul(b.fmul(tail, t), b.fmul(power, everywhere(0.5)))
    share = b.select(b.fcmp_ordered("<", x, everywhere(0)), half, b.fsub(one, half))
    return b.fmul(x, share)


def relu(b: Any, x: Any) -> Any:
    """The larger of x and 0 [16]. What is not a number stays none."""
    return b.select(b.fcmp_ordered("<", x, everywhere(0)), everywhere(0), x)


def in_place(write: Write) -> Callable[..., None]:
    """The function that applies one of these to so many times sixteen numbers at an address."""

    @instruction
    def apply(typing: Any, values: Any, vectors: Any) -> Any:
        def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            values, vectors = arguments
            with cgutils.for_range(b, vectors) as loop:
                place = b.add(values, b.mul(loop.index, number(4 * LANES)))
                store(b, write(b, load(b, place, FLOATS, 4)), place)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), build

    return apply


by_gelu_tanh, by_gelu, by_silu, by_relu = map(in_place, (gelu_tanh, gelu, silu, relu))


@compiled
def activate_vectors(values: int, vectors: int, kind: int) -> None:
    """`activate` of so many times sixteen numbers at an address."""
    if kind == 0:
        by_gelu_tanh(values, vectors)
    elif kind == 1:
        by_gelu(values, vectors)
    elif kind == 2:
        by_silu(values, vectors)
    else:
        by_relu(values, vectors)


@compiled
def activate(values: Floats, kind: int) -> None:
    """Apply a nonlinearity in place; kind: of ACTIVATIONS."""
    whole = values.shape[0] // LANES
    activate_vectors(values.ctypes.data, whole, kind)
    rest = values[whole * LANES :]
    if rest.shape[0]:
        vector = np.zeros(LANES, np.float32)
        vector[: rest.shape[0]] = rest
        activate_vectors(vector.ctypes.data, 1, kind)
        rest[:] = vector[: rest.shape[0]]
