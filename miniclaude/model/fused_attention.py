"""Attention of one token after another, over keys and values in bfloat16 or 8 bits wherever they
lie. Rows that are shorter than the query are those of 8 bits (`kv_rows.py`), seen as int16; their
heads are a multiple of 32."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import (
    ABREAST,
    LANES,
    STEP,
    sixteen_byte_dots,
    sixteen_dots,
    weighted_byte_sum,
    weighted_sum,
)
from miniclaude.model.compile import compiled, float_from_bits
from miniclaude.model.elementwise import Floats, Halves, from_bfloat16
from miniclaude.model.softmax_code import LEAST, exponentials

ZERO, ONE = np.float32(0), np.float32(1)


def score_room(positions: int) -> int:
    """Room for so many scores, in whole vectors, and one more. It is an odd number of cache lines:
    rows whose starts differ by a whole page push each other out."""
    return -(-positions // (2 * LANES)) * 2 * LANES + LANES


class Sights(NamedTuple):
    """What each token may look at: keys at `slots[first[token] + p]` for positions p from 0 to
    `lengths[token] - 1`.

    slots: [n]; first, lengths: [T]; new: [T], each token's own slot. All int64.
    """

    slots: NDArray[np.int64]
    first: NDArray[np.int64]
    lengths: NDArray[np.int64]
    new: NDArray[np.int64]


@compiled
def score_keys(query: Floats, keys: Halves, slots: NDArray[np.int64], scores: Floats) -> None:
    """scores [S] = the query's products with its keys, one after another."""
    for s in range(slots.shape[0]):
        total = ZERO
        for d in range(query.shape[0]):
            total += query[d] * from_bfloat16(keys[slots[s], d])
        scores[s] = total


@compiled
def sum_values(
    weights: Floats, values: Halves, slots: NDArray[np.int64], first: int, out: Floats
) -> None:
    """out [D] += the values from number `first` on, each times its weight."""
    for s in range(first, slots.shape[0]):
        for d in range(out.shape[0]):
            out[d] += weights[s] * from_bfloat16(values[slots[s], d])


@compiled
def sum_byte_values(
    weights: Floats, values: Halves, slots: NDArray[np.int64], first: int, out: Floats
) -> None:
    """The same of values in 8 bits, two of which are one int16."""
    pairs = out.shape[0] // 2
    for s in range(first, slots.shape[0]):
        row = values[slots[s]]
        upper = np.int32(row[pairs + 1]) << np.int32(16)
        lower = np.int32(row[pairs]) & np.int32(0xFFFF)
        weight = weights[s] * float_from_bits(np.int32(upper | lower))
        for i in range(pairs):
            out[2 * i] += weight * np.float32(np.int8(row[i]))  # the lower byte
            out[2 * i + 1] += weight * np.float32(np.int8(row[i] >> np.int16(8)))


@compiled
def soften(scores: Floats, begin: int, end: int, size: int, scale: float, halves: bool) -> float:
    """scores[begin:end] · scale become the weights of a softmax, but for the factor that is
    returned; the others before `size`, and up to the end of the last vector, become 0. halves: as
    bfloat16 numbers, behind each other from the first score's place on."""
    vectors = (size + LANES - 1) // LANES
    for s in range(begin):
        scores[s] = LEAST
    for s in range(end, vectors * LANES):
        scores[s] = LEAST
    total = exponentials(scores.ctypes.data, vectors, np.float32(scale), np.int64(halves))
    return float(ONE / total)


@compiled
def attend(
    query: Floats,
    keys: Halves,
    values: Halves,
    slots: NDArray[np.int64],
    scale: float,
    scores: Floats,
    out: Floats,
) -> None:
    """softmax(q kᵀ · scale) v for one head of one token. query, out: [D]; keys, values: [slots of
    the pool, D], in 8 bits [slots of the pool, D / 2 + 2]; slots: [S]; scores: `score_room`."""
    size, dimensions = slots.shape[0], query.shape[0]
    steps, row_bytes = dimensions // STEP, 2 * keys.shape[1]
    eight = keys.shape[1] != dimensions
    even = dimensions % STEP == 0
    slots_at, scores_at = slots.ctypes.data, scores.ctypes.data
    if eight:
        for s in range(0, size, LANES):
            sixteen_byte_dots(
                query.ctypes.data, keys.ctypes.data, row_bytes,
                slots_at, s, size - 1, steps, scores_at + 4 * s,
            )  # fmt: skip
    elif even:
        for s in range(0, size, LANES):
            sixteen_dots(
                query.ctypes.data, keys.ctypes.data, row_bytes,
                slots_at, s, size - 1, steps, scores_at + 4 * s,
            )  # fmt: skip
    else:
        score_keys(query, keys, slots, scores)
    share = np.float32(soften(scores, 0, size, size, scale, False))
    out[:] = ZERO
    if eight:
        done = size // ABREAST * ABREAST
        weighted_byte_sum(
            scores_at, values.ctypes.data, row_bytes, slots_at, done, steps, out.ctypes.data
        )
        sum_byte_values(scores, values, slots, done, out)
    else:
        done = 0
        if even:
            done = size // ABREAST * ABREAST
            weighted_sum(
                scores_at, values.ctypes.data, row_bytes, slots_at, done, steps, out.ctypes.data
            )
        sum_values(scores, values, slots, done, out)
    for d in range(dimensions):
        out[d] *= share
