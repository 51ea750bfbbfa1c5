"""What lies between a block's products, one token at a time: norms, rotation, other formats.

Each function is the plain definition, written so that the compiler makes vectors of its loops; the
reference for all of them is `transformer.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.compile import bits_of_float, compiled, float_from_bits

Floats = NDArray[np.float32]
Halves = NDArray[np.int16]

ZERO, ONE = np.float32(0), np.float32(1)
SEVEN_BITS, ONE_CODE = np.float32(127), np.float32(1 / 127)


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
