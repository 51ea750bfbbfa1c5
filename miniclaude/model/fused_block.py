"""A transformer's blocks over packed weights, in phases that all threads share.

It computes what `transformer.py` does, for both families, with two differences: activations are
rounded to int8 before each product, and keys and values are kept in bfloat16. A block is ten
phases, most of them nothing but a product; each function here takes the address of a phase's
counters and gives that of the next, once all pieces of its own are finished. A projection's output
is added to the residual stream at the beginning of the next phase that reads the stream.

Letters in shapes: T tokens, T8 rounded up to eights, L layers, W width, D head_dim.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import STEP
from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import (
    Floats,
    Halves,
    activate,
    normalise,
    rotate,
    to_bfloat16,
)
from miniclaude.model.fused_attention import Sights, attend
from miniclaude.model.fused_tiles import TOKENS, attend_tile, has_runs, run_length
from miniclaude.model.packed_product import Rounded, product, round_row, share
from miniclaude.model.team import claim, done, meet

Addresses = NDArray[np.int64]

PHASES = 10
"""Of a block; the last norm is one more."""

QKV, OUT, UP, DOWN = 0, 1, 2, 3
"""A block's products, by column of `Network.codes`."""


class Network(NamedTuple):
    """A model as the phases read it.

    codes, scales: [L, 4] addresses of packed weights. norms: [L, 2, 2, W], of attention and MLP,
    weight and bias. head_norms: [L, 2, D], of queries and keys, used if `qk_norm`. biases: zeros
    where the model has none. windows: [L], a huge number where a layer sees everything.
    """

    bits: int
    offset: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    gated: bool
    activation: int
    centred: bool
    qk_norm: bool
    eps: float
    scale: float
    codes: Addresses
    scales: Addresses
    norms: Floats
    head_norms: Floats
    qkv_bias: Floats
    out_bias: Floats
    up_bias: Floats
    down_bias: Floats
    windows: NDArray[np.int64]
    last_norm: Floats


class Room(NamedTuple):
    """What lies between the phases.

    x: [T8, W] the residual stream. rounded: what the next product reads. qkv: [T8, ≥ rows].
    mixed: [T8, H·D]. y: [T8, ≥ W] what is to be added to the stream. up: [T8, ≥ rows of up].
    scores: [threads, rows of a tile, most positions]. tiles: [threads, ≥ 16 and twice as many rows,
    D]. cos, sin: [T, D], empty where there is no rotation.
    """

    x: Floats
    rounded: Rounded
    qkv: Floats
    mixed: Floats
    y: Floats
    up: Floats
    scores: Floats
    tiles: Floats
    cos: Floats
    sin: Floats


@compiled
def add_and_round(
    phase: int, threads: int, net: Network, room: Room, tokens: int, bias: Floats, norm: Floats
) -> int:
    """x += y + bias, and its norm, rounded. bias: empty when there is nothing to add."""
    taken = share(tokens, threads)
    width = room.x.shape[1]
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            x, y = room.x[token], room.y[token]
            if bias.shape[0]:
                for i in range(width):
                    x[i] += y[i] + bias[i]
            normalise(x, norm[0], norm[1], net.centred, net.eps, y[:width])
            round_row(y[:width], token, net.offset, room.rounded)
        done(phase, last - first)


@compiled
def place_heads(
    phase: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    keys: Halves,
    values: Halves,
    new: NDArray[np.int64],
) -> int:
    """Biases, norms and rotation of queries and keys; keys and values to their slots."""
    taken = share(tokens, threads)
    d, turned = net.head_dim, net.heads + net.kv_heads
    used = (net.heads + 2 * net.kv_heads) * d
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            row = room.qkv[token]
            for i in range(used):
                row[i] += net.qkv_bias[layer, i]
            for head in range(turned):
                part = row[head * d : (head + 1) * d]
                if net.qk_norm:
                    weight = net.head_norms[layer, 0 if head < net.heads else 1]
                    normalise(part, weight, weight, False, net.eps, part)
                if room.cos.shape[0]:
                    rotate(part, room.cos[token], room.sin[token])
            for head in range(net.kv_heads):
                key, value = net.heads + head, turned + head
                to_bfloat16(row[key * d : (key + 1) * d], keys[head, new[token]])
                to_bfloat16(row[value * d : (value + 1) * d], values[head, new[token]])
        done(phase, last - first)


@compiled
def look_around(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    keys: Halves,
    values: Halves,
    sights: Sights,
) -> int:
    """Attention. Where tokens look at the same slots, the pieces are tiles; else one head of one
    token each, those of the heads that share their keys behind each other."""
    d, sharing = net.head_dim, net.heads // net.kv_heads
    if d % STEP == 0 and has_runs(sights.first):
        return look_in_tiles(phase, thread, threads, net, room, layer, tokens, keys, values, sights)
    pieces = tokens * net.heads
    taken = 1 if tokens == 1 else sharing
    while True:
        claimed = claim(phase, taken)
        if claimed >= pieces:
            return meet(phase, pieces)
        for piece in range(claimed, claimed + taken):
            token = piece // sharing % tokens
            head = piece // sharing // tokens * sharing + piece % sharing
            look_once(net, room, layer, token, head, thread, keys, values, sights)
        done(phase, taken)


@compiled
def look_once(
    net: Network,
    room: Room,
    layer: int,
    token: int,
    head: int,
    thread: int,
    keys: Halves,
    values: Halves,
    sights: Sights,
) -> None:
    """Attention of one head of one token."""
    d, shared = net.head_dim, head // (net.heads // net.kv_heads)
    length = sights.lengths[token]
    unseen = max(0, length - net.windows[layer])
    start = sights.first[token]
    attend(
        room.qkv[token, head * d : (head + 1) * d],
        keys[shared],
        values[shared],
        sights.slots[start + unseen : start + length],
        net.scale,
        room.scores[thread, 0],
        room.mixed[token, head * d : (head + 1) * d],
    )


@compiled
def look_in_tiles(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    keys: Halves,
    values: Halves,
    sights: Sights,
) -> int:
    """Attention of up to eight tokens at once that look at the same slots, and of those heads that
    share their keys."""
    sharing = net.heads // net.kv_heads
    blocks = (tokens + TOKENS - 1) // TOKENS
    pieces = blocks * net.kv_heads
    while True:
        piece = claim(phase, 1)
        if piece >= pieces:
            return meet(phase, pieces)
        shared, token = piece // blocks, piece % blocks * TOKENS
        end = min(token + TOKENS, tokens)
        while token < end:
            run = run_length(sights.first, token, end)
            if run == 1:
                for head in range(shared * sharing, (shared + 1) * sharing):
                    look_once(net, room, layer, token, head, thread, keys, values, sights)
            else:
                start = sights.first[token]
                attend_tile(
                    room.qkv, token, run, shared * sharing, sharing, keys[shared], values[shared],
                    sights.slots[start : start + sights.lengths[token + run - 1]],
                    sights.lengths, net.windows[layer], net.scale,
                    room.scores[thread], room.tiles[thread], room.mixed,
                )  # fmt: skip
            token += run
        done(phase, 1)


@compiled
def round_mixed(phase: int, threads: int, net: Network, room: Room, tokens: int) -> int:
    """Attention's output, rounded."""
    taken = share(tokens, threads)
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            round_row(room.mixed[token], token, net.offset, room.rounded)
        done(phase, last - first)


@compiled
def activate_and_round(
    phase: int, threads: int, net: Network, room: Room, layer: int, tokens: int
) -> int:
    """The MLP's nonlinearity, rounded."""
    taken = share(tokens, threads)
    width = net.mlp_width
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            row = room.up[token]
            for i in range(net.up_bias.shape[1]):
                row[i] += net.up_bias[layer, i]
            hidden = row[:width]
            activate(hidden, net.activation)
            if net.gated:
                for i in range(width):
                    hidden[i] *= row[width + i]
            round_row(hidden, token, net.offset, room.rounded)
        done(phase, last - first)


@compiled
def mix_tokens(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    keys: Halves,
    values: Halves,
    sights: Sights,
) -> int:
    """A block's first half: what it mixes between tokens. keys, values: this layer's, [kv_heads,
    slots, D]."""
    width = room.x.shape[1]
    bias = net.down_bias[layer - 1] if layer else net.down_bias[0, :0]
    phase = add_and_round(phase, threads, net, room, tokens, bias, net.norms[layer, 0])
    rows = (net.heads + 2 * net.kv_heads) * net.head_dim
    codes, scales = net.codes[layer, QKV], net.scales[layer, QKV]
    phase = product(
        phase, threads, net.bits, codes, scales, rows, width, room.rounded, tokens, room.qkv
    )
    phase = place_heads(phase, threads, net, room, layer, tokens, keys, values, sights.new)
    return look_around(phase, thread, threads, net, room, layer, tokens, keys, values, sights)


@compiled
def finish_block(
    phase: int, threads: int, net: Network, room: Room, layer: int, tokens: int
) -> int:
    """The rest of a block; what the MLP adds to the stream is left in `room.y`."""
    width, inner = room.x.shape[1], net.heads * net.head_dim
    codes, scales = net.codes[layer], net.scales[layer]
    x = room.rounded
    phase = round_mixed(phase, threads, net, room, tokens)
    phase = product(
        phase, threads, net.bits, codes[OUT], scales[OUT], width, inner, x, tokens, room.y
    )
    phase = add_and_round(
        phase, threads, net, room, tokens, net.out_bias[layer], net.norms[layer, 1]
    )
    rows = net.mlp_width * (2 if net.gated else 1)
    phase = product(
        phase, threads, net.bits, codes[UP], scales[UP], rows, width, x, tokens, room.up
    )
    phase = activate_and_round(phase, threads, net, room, layer, tokens)
    mlp = net.mlp_width
    return product(
        phase, threads, net.bits, codes[DOWN], scales[DOWN], width, mlp, x, tokens, room.y
    )


@compiled
def last_norm(phase: int, threads: int, net: Network, room: Room, tokens: int, out: Floats) -> int:
    """The end of the last block, and the last norm of each token: out [T, W]."""
    bias = net.down_bias[net.down_bias.shape[0] - 1]
    taken = share(tokens, threads)
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            x, y = room.x[token], room.y[token]
            for i in range(x.shape[0]):
                x[i] += y[i] + bias[i]
            normalise(x, net.last_norm[0], net.last_norm[1], net.centred, net.eps, out[token])
        done(phase, last - first)


@compiled
def all_blocks(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    tokens: int,
    pool: NDArray[np.int16],
    sights: Sights,
    out: Floats,
) -> None:
    """The whole way from embeddings, in `room.x`, to the last norm, out [T, W]. pool: [L, 2,
    kv_heads, slots, D]."""
    for layer in range(pool.shape[0]):
        keys, values = pool[layer, 0], pool[layer, 1]
        phase = mix_tokens(phase, thread, threads, net, room, layer, tokens, keys, values, sights)
        phase = finish_block(phase, threads, net, room, layer, tokens)
    last_norm(phase, threads, net, room, tokens, out)
