"""Attention of tokens of one prompt, and of the heads that share their keys, at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import LANES, STEP
from miniclaude.model.attention_pairs import (
    ask_for,
    to_halves,
    turn_pairs,
    turned_pair_dots,
    weighted_pair_sums,
)
from miniclaude.model.attention_tiles import (
    AT_ONCE,
    QUERIES,
    turn_byte_keys,
    turn_keys,
    turned_dots,
    weighted_byte_sums,
    weighted_sums,
)
from miniclaude.model.compile import compiled, inlined
from miniclaude.model.elementwise import Floats, Halves
from miniclaude.model.fused_attention import soften
from miniclaude.model.pair_code import NATIVE

TOKENS, ROWS = 8, 24
"""Of a tile: tokens, with each of which come all heads that share a key; but where few share one,
as many tokens as make so many queries. Turning its keys takes nearly as long as the products with
eight queries do."""

ZERO = np.float32(0)

FLOATING, TWO, FEW = 0, 2, 4
"""Which kernels a tile takes: those for `AT_ONCE` queries and their weights in float32; or in
bfloat16, those for so many queries or fewer, and else those for `QUERIES`."""

narrow = to_halves(NATIVE)
pair_dots, pair_sums = turned_pair_dots(NATIVE), weighted_pair_sums(NATIVE)
two_dots, two_sums = turned_pair_dots(NATIVE, TWO), weighted_pair_sums(NATIVE, TWO)
few_dots, few_sums = turned_pair_dots(NATIVE, FEW), weighted_pair_sums(NATIVE, FEW)


@compiled
def tile_tokens(sharing: int) -> int:
    """Tokens of a tile, at most, where so many heads share their keys."""
    return max(TOKENS, ROWS // sharing)


def tile_rows(sharing: int) -> int:
    """Queries of a tile, rounded up to whole groups, where so many heads share their keys."""
    return -(-tile_tokens(sharing) * sharing // QUERIES) * QUERIES


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


@inlined
def score_group(
    kind: int, queries: int, query_bytes: int, turned: int, size: int, to: int, stride: int
) -> None:
    """Scores of one group of queries with sixteen keys that have been turned. All but `kind`, the
    kernel's, as the kernels have it."""
    if kind == FLOATING:
        turned_dots(queries, query_bytes, turned, size, to, stride)
    elif kind == TWO:
        two_dots(queries, query_bytes, turned, size // 2, to, stride)
    elif kind == FEW:
        few_dots(queries, query_bytes, turned, size // 2, to, stride)
    else:
        pair_dots(queries, query_bytes, turned, size // 2, to, stride)


@inlined
def sum_group(
    kind: int,
    eight: bool,
    weights: int,
    stride: int,
    values: int,
    row_bytes: int,
    slots: int,
    count: int,
    steps: int,
    to: int,
    query_bytes: int,
) -> None:
    """Sums of values for one group of queries."""
    if eight:
        weighted_byte_sums(weights, stride, values, row_bytes, slots, count, steps, to, query_bytes)
    elif kind == FLOATING:
        weighted_sums(weights, stride, values, row_bytes, slots, count, steps, to, query_bytes)
    elif kind == TWO:
        two_sums(weights, stride, values, row_bytes, slots, count, steps, to, query_bytes)
    elif kind == FEW:
        few_sums(weights, stride, values, row_bytes, slots, count, steps, to, query_bytes)
    else:
        pair_sums(weights, stride, values, row_bytes, slots, count, steps, to, query_bytes)


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
    ahead: NDArray[np.int64],
    lengths: NDArray[np.int64],
    window: int,
    scale: float,
    scores: Floats,
    tile: Floats,
    out: Floats,
) -> None:
    """softmax(q kᵀ · scale) v for `tokens` tokens from `token` on and `sharing` heads from `head`
    on. qkv: [T, ≥ H·D]; keys, values: [slots of the pool, D], D a multiple of 32, or as `attend`
    has them in 8 bits; slots: those of the last of the tokens; ahead: of another tile with the same
    keys and values that comes next, which memory is asked for meanwhile; lengths: [T], how many of
    its slots each token sees, of which the last `window` count; scores: [rows of a tile,
    `score_room`]; tile: room for [2 · rows + 16, D]; out: [T, H·D]."""
    size, rows = tile.shape[1], tokens * sharing
    steps, row_bytes, query_bytes = size // STEP, 2 * keys.shape[1], 4 * size
    eight = keys.shape[1] != size
    kind = FLOATING
    if NATIVE and not eight:
        kind = TWO if rows <= TWO else FEW if rows <= FEW else QUERIES
    group = kind or AT_ONCE
    padded = (rows + group - 1) // group * group
    end = lengths[token + tokens - 1]
    # From a whole vector on, so that a token's sums are made alike whoever is in the tile with it.
    start = max(0, lengths[token] - window) // LANES * LANES
    for place in range(tokens):
        for shared in range(sharing):
            at = (head + shared) * size
            query, given = tile[place * sharing + shared], qkv[token + place, at : at + size]
            for i in range(size):
                query[i] = given[i]
    tile[rows:padded] = ZERO
    if kind != FLOATING:
        for row in range(padded):
            narrow(tile[row].ctypes.data, size // LANES)
    stride, last = 4 * scores.shape[1], scores.shape[1] - 1  # there no score ever comes
    queries_at, scores_at, slots_at = tile.ctypes.data, scores.ctypes.data, slots.ctypes.data
    turned_at = queries_at + 2 * scores.shape[0] * query_bytes
    keys_at, values_at = keys.ctypes.data, values.ctypes.data
    ahead_at, ahead_last = ahead.ctypes.data, ahead.shape[0] - 1
    for s in range(start, end, LANES):
        if s - start <= ahead_last:
            ask_for(keys_at, row_bytes, ahead_at, s - start, ahead_last, steps)
            ask_for(values_at, row_bytes, ahead_at, s - start, ahead_last, steps)
        if eight:
            turn_byte_keys(keys_at, row_bytes, slots_at, s, end - 1, steps, turned_at)
        elif kind == FLOATING:
            turn_keys(keys_at, row_bytes, slots_at, s, end - 1, steps, turned_at)
        else:
            turn_pairs(keys_at, row_bytes, slots_at, s, end - 1, steps, turned_at)
        for first in range(0, padded, group):
            score_group(
                kind, queries_at + first * query_bytes, query_bytes, turned_at, size,
                scores_at + first * stride + 4 * (s - start), stride,
            )  # fmt: skip
    for row in range(rows):
        seen = lengths[token + row // sharing]
        begin = max(0, seen - window) - start
        scores[row, last] = soften(
            scores[row], begin, seen - start, end - start, scale, kind != FLOATING
        )
    results = scores.shape[0]
    for first in range(0, padded, group):
        sum_group(
            kind, eight, scores_at + first * stride, stride, values_at, row_bytes,
            slots_at + 8 * start, end - start, steps,
            queries_at + (results + first) * query_bytes, query_bytes,
        )  # fmt: skip
    for place in range(tokens):
        for shared in range(sharing):
            row, at = place * sharing + shared, (head + shared) * size
            result, to_row = tile[results + row], out[token + place, at : at + size]
            share = scores[row, last]
            for i in range(size):
                to_row[i] = result[i] * share
