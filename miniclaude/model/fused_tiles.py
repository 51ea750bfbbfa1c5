"""Attention of several tokens of one prompt, and of the heads that share their keys, at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import LANES, STEP
from miniclaude.model.attention_tiles import (
    QUERIES,
    turn_byte_keys,
    turn_keys,
    turned_dots,
    weighted_byte_sums,
    weighted_sums,
)
from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import Floats, Halves
from miniclaude.model.fused_attention import soften

TOKENS = 8
"""Tokens of a tile, at most; with each come all heads that share a key."""

ZERO = np.float32(0)


def tile_rows(sharing: int) -> int:
    """Queries of a tile, where so many heads share their keys."""
    return -(-TOKENS * sharing // QUERIES) * QUERIES


@compiled
def has_runs(first: NDArray[np.int64]) -> bool:
    """Whether neighbouring tokens look at the same slots. first: of `Sights`."""
    alike = 0
    for token in range(1, first.shape[0]):
        alike += first[token] == first[token - 1]
    return alike > 0


@compiled
def run_length(first: NDArray[np.int64], token: int, end: int) -> int:
    """How many tokens from `token` on, before `end`, look at the same slots."""
    length = 1
    while token + length < end and first[token + length] == first[token]:
        length += 1
    return length


@compiled
def attend_tile(
    qkv: Floats,
    token: int,
    tokens: int,
    head: int,
    sharing: int,
    keys: Halves,
    values: Halves,
    slots: NDArray[np.int64],
    lengths: NDArray[np.int64],
    window: int,
    scale: float,
    scores: Floats,
    tile: Floats,
    out: Floats,
) -> None:
    """softmax(q kᵀ · scale) v for `tokens` tokens from `token` on and `sharing` heads from `head`
    on. qkv: [T, ≥ H·D]; keys, values: [slots of the pool, D], D a
    multiple of 32, or as `attend` has them in 8 bits; slots: those of
    the last of the tokens; lengths: [T], how many of them each token sees, of which the last
    `window` count; scores: [rows of a tile, `score_room`]; tile: room for
    [2 · rows + 16, D]; out: [T, H·D]."""
    size, rows = tile.shape[1], tokens * sharing
    padded = (rows + QUERIES - 1) // QUERIES * QUERIES
    steps, row_bytes, query_bytes = size // STEP, 2 * keys.shape[1], 4 * size
    eight = keys.shape[1] != size
    end = lengths[token + tokens - 1]
    start = max(0, lengths[token] - window)
    for row in range(padded):
        query = tile[row]
        if row < rows:
            at = (head + row % sharing) * size
            for i in range(size):
                query[i] = qkv[token + row // sharing, at + i]
        else:
            query[:] = ZERO
    stride, last = 4 * scores.shape[1], scores.shape[1] - 1  # there no score ever comes
    queries_at, scores_at, slots_at = tile.ctypes.data, scores.ctypes.data, slots.ctypes.data
    turned_at = queries_at + 2 * scores.shape[0] * query_bytes
    keys_at, values_at = keys.ctypes.data, values.ctypes.data
    for s in range(start, end, LANES):
        if eight:
            turn_byte_keys(keys_at, row_bytes, slots_at, s, end - 1, steps, turned_at)
        else:
            turn_keys(keys_at, row_bytes, slots_at, s, end - 1, steps, turned_at)
        for group in range(0, padded, QUERIES):
            turned_dots(
                queries_at + group * query_bytes, query_bytes, turned_at, size,
                scores_at + group * stride + 4 * (s - start), stride,
            )  # fmt: skip
    for row in range(rows):
        seen = lengths[token + row // sharing]
        begin = max(0, seen - window) - start
        scores[row, last] = soften(scores[row], begin, seen - start, end - start, scale)
    results = scores.shape[0]
    for group in range(0, padded, QUERIES):
        to = queries_at + (results + group) * query_bytes
        if eight:
            weighted_byte_sums(
                scores_at + group * stride, stride, values_at, row_bytes, slots_at + 8 * start,
                end - start, steps, to, query_bytes,
            )  # fmt: skip
        else:
            weighted_sums(
                scores_at + group * stride, stride, values_at, row_bytes, slots_at + 8 * start,
                end - start, steps, to, query_bytes,
            )  # fmt: skip
    for row in range(rows):
        at = (head + row % sharing) * size
        for i in range(size):
            out[token + row // sharing, at + i] = tile[results + row, i] * scores[row, last]
