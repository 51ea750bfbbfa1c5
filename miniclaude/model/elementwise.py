"""What lies between a block's products, one token at a time: norms, rotation, nonlinearities.

Each function is the plain definition, written so that the compiler makes vectors of its loops; the
reference for all of them is `transformer.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.compile import bits_of_float, compiled, float_from_bits

Floats = NDArray[np.float32]
Halves = NDArray[np.int16]

ACTIVATIONS = {"gelu_tanh": 0, "gelu": 1, "silu": 2, "relu": 3}
"""By number, since compiled code compares no text."""

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
LOWEST, HIGHEST = np.float32(-87), np.float32(88)  # beyond them e^x is 0 or infinite in float32
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
EXP_SERIES = (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720)
"""Taylor's, of e^x, from the constant on."""
C2, C3, C4, C5, C6 = (np.float32(one) for one in EXP_SERIES[2:])
GELU_INNER, GELU_CUBIC = np.float32(0.7978845608028654), np.float32(0.044715)
ROOT_HALF = np.float32(0.7071067811865476)
SEVEN_BITS, ONE_CODE = np.float32(127), np.float32(1 / 127)
ERF_P = np.float32(0.3275911)
ERF_1, ERF_2, ERF_3 = np.float32(0.254829592), np.float32(-0.284496736), np.float32(1.421413741)
ERF_4, ERF_5 = np.float32(-1.453152027), np.float32(1.061405429)


@compiled
def exp(x: np.float32) -> np.float32:
    """e^x to about 1e-7 of itself: 2^n from the exponent's bits, the rest from Taylor's series."""
    x = min(max(x, LOWEST), HIGHEST)
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN_2  # within ±0.35
    series = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    return np.float32(
        series * float_from_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    )


@compiled
def erf(x: np.float32) -> np.float32:
    """The error function to 2e-7 (Abramowitz and Stegun 1964, 7.1.26)."""
    t = ONE / (ONE + ERF_P * abs(x))
    tail = t * (ERF_1 + t * (ERF_2 + t * (ERF_3 + t * (ERF_4 + t * ERF_5)))) * exp(-x * x)
    return ONE - tail if x >= ZERO else tail - ONE


@compiled
def activate(values: Floats, kind: int) -> None:
    """Apply a nonlinearity in place; kind: of ACTIVATIONS. GELU's tanh form is x · σ(2u), since
    (1 + tanh u) / 2 is σ(2u) (Hendrycks and Gimpel 2016)."""
    if kind == 0:
        for i in range(values.shape[0]):
            x = values[i]
            u = GELU_INNER * (x + GELU_CUBIC * x * x * x)
            values[i] = x / (ONE + exp(-TWO * u))
    elif kind == 1:
        for i in range(values.shape[0]):
            values[i] = HALF * values[i] * (ONE + erf(values[i] * ROOT_HALF))
    elif kind == 2:
        for i in range(values.shape[0]):
            values[i] = values[i] / (ONE + exp(-values[i]))
    else:
        for i in range(values.shape[0]):
            values[i] = max(values[i], ZERO)


@compiled
def normalise(
    x: Floats, weight: Floats, bias: Floats, centred: bool, eps: float, out: Floats
) -> None:
    """LayerNorm where `centred`, else RMSNorm without a bias. All [W]."""
    count = np.float32(x.shape[0])
    mean = ZERO
    if centred:
        for i in range(x.shape[0]):
            mean += x[i]
        mean /= count
    square = ZERO
    for i in range(x.shape[0]):
        square += (x[i] - mean) * (x[i] - mean)
    scale = ONE / np.sqrt(square / count + np.float32(eps))
    if centred:
        for i in range(x.shape[0]):
            out[i] = (x[i] - mean) * scale * weight[i] + bias[i]
    else:
        for i in range(x.shape[0]):
            out[i] = x[i] * scale * weight[i]


@compiled
def rotate(head: Floats, cos: Floats, sin: Floats) -> None:
    """Turn each pair (i, i + D/2) of one head [D] by its angle, in place."""
    half = head.shape[0] // 2
    for i in range(half):
        first, second = head[i], head[i + half]
        head[i] = first * cos[i] - second * sin[i]
        head[i + half] = second * cos[i + half] + first * sin[i + half]


@compiled
def to_bfloat16(values: Floats, out: Halves) -> None:
    """The upper halves of float32 numbers, rounded to nearest, ties to even."""
    for i in range(values.shape[0]):
        bits = bits_of_float(values[i])
        odd = (bits >> np.int32(16)) & np.int32(1)
        out[i] = np.int16((bits + np.int32(0x7FFF) + odd) >> np.int32(16))


@compiled
def to_int8(values: Floats, out: Halves) -> None:
    """A vector [D] as a row in 8 bits (`kv_rows.py`), two numbers or half of the scale in each of
    the D / 2 + 2 places."""
    pairs, largest = values.shape[0] // 2, ZERO
    for i in range(values.shape[0]):
        largest = max(largest, abs(values[i]))
    inverse = SEVEN_BITS / largest if largest > ZERO else ZERO
    for i in range(pairs):
        even = np.int32(np.rint(values[2 * i] * inverse))
        odd = np.int32(np.rint(values[2 * i + 1] * inverse))
        out[i] = np.int16((odd << np.int32(8)) | (even & np.int32(0xFF)))
    bits = bits_of_float(largest * ONE_CODE)
    out[pairs] = np.int16(bits & np.int32(0xFFFF))
    out[pairs + 1] = np.int16(bits >> np.int32(16))


@compiled
def from_bfloat16(half: np.int16) -> np.float32:
    """bfloat16 as float32."""
    return np.float32(float_from_bits(np.int32(np.int32(half) << np.int32(16))))
