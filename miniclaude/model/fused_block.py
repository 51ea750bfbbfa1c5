"""A transformer's blocks over packed weights, in phases that all threads share.

It computes what `transformer.py` does, for both families, with these differences: activations are
rounded to int8 before each product, keys and values are kept in bfloat16 or 8 bits, and so are
queries and attention's weights where the processor multiplies pairs (`pair_code.py`). A block is
five stages and ten phases; each function here takes the address of a phase's counters and gives
that of the next, once all pieces of its own are finished. A projection's output is added to the
residual stream at the beginning of the next phase that reads the stream.

Letters in shapes: T tokens, T8 rounded up to eights, L layers, W width, D head_dim.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.activation import activate
from miniclaude.model.compile import compiled, inlined
from miniclaude.model.elementwise import (
    Floats,
    Halves,
    normalise,
    rotate,
    to_bfloat16,
    to_int8,
)
from miniclaude.model.fused_attention import Sights
from miniclaude.model.fused_look import look_around
from miniclaude.model.fused_lora import Lora, expand, shrink
from miniclaude.model.fused_network import PRODUCTS, Network, Room
from miniclaude.model.packed_product import product, share
from miniclaude.model.rounding import round_row
from miniclaude.model.team import claim, done, meet

Pool = NDArray[np.int16]
"""Keys and values, [L, 2, kv_heads, slots, D] in bfloat16 or [L, 2, kv_heads, slots, D / 2 + 2] in
8 bits (`kv_rows.py`)."""

PHASES, AFTER = 10, 2
"""Of a block; and of a step once more, to keep what is wanted and for the last norm."""

QKV, OUT, UP, DOWN = 0, 1, 2, 3
"""A block's products, by column of `Network.codes`."""

BLOCK = len(PRODUCTS)
"""How many they are; of a model's, one is number BLOCK · layer + column."""


@compiled
def add_and_round(
    phase: int,
    threads: int,
    net: Network,
    room: Room,
    lora: Lora,
    product: int,
    tokens: int,
    bias: Floats,
    norm: Floats,
) -> int:
    """x += y + bias, and its norm, rounded. bias: empty when there is nothing to add. product: the
    one that comes next; y is what the one before it has left."""
    taken = share(tokens, threads)
    width = room.x.shape[1]
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        if bias.shape[0]:
            expand(lora, product - 1, first, last, room.y)
        for token in range(first, last):
            x, y = room.x[token], room.y[token]
            if bias.shape[0]:
                for i in range(width):
                    x[i] += y[i] + bias[i]
            normalise(x, norm[0], norm[1], net.centred, net.eps, y[:width])
            round_row(y[:width], token, tokens > 1, net.offset, room.rounded)
        shrink(lora, product, first, last, room.y)
        done(phase, last - first)


@inlined
def place_heads(
    phase: int,
    threads: int,
    net: Network,
    room: Room,
    lora: Lora,
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
        expand(lora, BLOCK * layer + QKV, first, last, room.qkv)
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
        for head in range(net.kv_heads):  # one after the other, so that slots are written in a row
            key, value = (net.heads + head) * d, (turned + head) * d
            for token in range(first, last):
                row, slot = room.qkv[token], new[token]
                if keys.shape[2] == d:
                    to_bfloat16(row[key : key + d], keys[head, slot])
                    to_bfloat16(row[value : value + d], values[head, slot])
                else:
                    to_int8(row[key : key + d], keys[head, slot])
                    to_int8(row[value : value + d], values[head, slot])
        done(phase, last - first)


@inlined
def round_mixed(
    phase: int, threads: int, net: Network, room: Room, lora: Lora, layer: int, tokens: int
) -> int:
    """Attention's output, rounded."""
    taken = share(tokens, threads)
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        for token in range(first, last):
            round_row(room.mixed[token], token, tokens > 1, net.offset, room.rounded)
        shrink(lora, BLOCK * layer + OUT, first, last, room.mixed)
        done(phase, last - first)


@inlined
def activate_and_round(
    phase: int, threads: int, net: Network, room: Room, lora: Lora, layer: int, tokens: int
) -> int:
    """The MLP's nonlinearity, rounded."""
    taken = share(tokens, threads)
    width = net.mlp_width
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        expand(lora, BLOCK * layer + UP, first, last, room.up)
        for token in range(first, last):
            row = room.up[token]
            for i in range(net.up_bias.shape[1]):
                row[i] += net.up_bias[layer, i]
            hidden = row[:width]
            activate(hidden, net.activation)
            if net.gated:
                for i in range(width):
                    hidden[i] *= row[width + i]
            round_row(hidden, token, tokens > 1, net.offset, room.rounded)
        shrink(lora, BLOCK * layer + DOWN, first, last, room.up)
        done(phase, last - first)


@inlined
def ask(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    pool: Pool,
    sights: Sights,
    lora: Lora,
) -> int:
    """A block's first stage: queries, keys and values. They are made of the normalised stream,
    which is left in `room.y`."""
    width = room.x.shape[1]
    bias = net.down_bias[layer - 1] if layer else net.down_bias[0, :0]
    phase = add_and_round(
        phase, threads, net, room, lora, BLOCK * layer + QKV, tokens, bias, net.norms[layer, 0]
    )
    rows = (net.heads + 2 * net.kv_heads) * net.head_dim
    codes, scales = net.codes[layer, QKV], net.scales[layer, QKV]
    return product(
        phase, threads, net.bits, codes, scales, rows, width, room.rounded, tokens, room.qkv
    )


@inlined
def see(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    pool: Pool,
    sights: Sights,
    lora: Lora,
) -> int:
    """The second: attention, in `room.mixed`."""
    keys, values = pool[layer, 0], pool[layer, 1]  # [kv_heads, slots, D] each
    phase = place_heads(phase, threads, net, room, lora, layer, tokens, keys, values, sights.new)
    return look_around(phase, thread, threads, net, room, layer, tokens, keys, values, sights)


@compiled
def keep(phase: int, room: Room, kept: NDArray[np.int64], few: Room) -> int:
    """Some tokens' stream and attention, to the room of those that are wanted at the end."""
    while True:
        token = claim(phase, 1)
        if token >= kept.shape[0]:
            return meet(phase, kept.shape[0])
        few.x[token] = room.x[kept[token]]
        few.mixed[token] = room.mixed[kept[token]]
        done(phase, 1)


@inlined
def mix(
    phase: int, threads: int, net: Network, room: Room, layer: int, tokens: int, lora: Lora
) -> int:
    """The third: what attention adds to the stream, in `room.y`; made of `room.mixed`."""
    width, inner = room.x.shape[1], net.heads * net.head_dim
    phase = round_mixed(phase, threads, net, room, lora, layer, tokens)
    codes, scales = net.codes[layer, OUT], net.scales[layer, OUT]
    return product(
        phase, threads, net.bits, codes, scales, width, inner, room.rounded, tokens, room.y
    )


@inlined
def widen(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    pool: Pool,
    sights: Sights,
    lora: Lora,
) -> int:
    """The fourth: the MLP's first product, of the normalised stream, which is left in `room.y`."""
    width, rows = room.x.shape[1], net.mlp_width * (2 if net.gated else 1)
    product_number, bias = BLOCK * layer + UP, net.out_bias[layer]
    phase = add_and_round(
        phase, threads, net, room, lora, product_number, tokens, bias, net.norms[layer, 1]
    )
    codes, scales = net.codes[layer, UP], net.scales[layer, UP]
    return product(
        phase, threads, net.bits, codes, scales, rows, width, room.rounded, tokens, room.up
    )


@inlined
def narrow(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    layer: int,
    tokens: int,
    pool: Pool,
    sights: Sights,
    lora: Lora,
) -> int:
    """The last: what the MLP adds to the stream, in `room.y`; made of the first columns of
    `room.up`."""
    width, mlp = room.x.shape[1], net.mlp_width
    phase = activate_and_round(phase, threads, net, room, lora, layer, tokens)
    codes, scales = net.codes[layer, DOWN], net.scales[layer, DOWN]
    return product(
        phase, threads, net.bits, codes, scales, width, mlp, room.rounded, tokens, room.y
    )


@inlined
def last_norm(
    phase: int,
    thread: int,
    threads: int,
    net: Network,
    room: Room,
    lora: Lora,
    tokens: int,
    out: Floats,
) -> int:
    """The end of the last block, and the last norm of each token: out [T, W]."""
    bias = net.down_bias[net.down_bias.shape[0] - 1]
    taken = share(tokens, threads)
    while True:
        first = claim(phase, taken)
        if first >= tokens:
            return meet(phase, tokens)
        last = min(first + taken, tokens)
        expand(lora, BLOCK * net.down_bias.shape[0] - 1, first, last, room.y)
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
    pool: Pool,
    sights: Sights,
    lora: Lora,
    kept: NDArray[np.int64],
    few: Room,
    few_lora: Lora,
    out: Floats,
) -> None:
    """The whole way from embeddings, in `room.x`, to the last norm, out [T, W]. kept: where it is
    not empty, the tokens whose last state is wanted, out [len(kept), W]; of the others, nothing is
    computed once the last block's attention has seen them. few, few_lora: `room` and `lora` of
    these."""
    for layer in range(pool.shape[0]):
        phase = ask(phase, thread, threads, net, room, layer, tokens, pool, sights, lora)
        phase = see(phase, thread, threads, net, room, layer, tokens, pool, sights, lora)
        if layer == pool.shape[0] - 1 and kept.shape[0]:
            phase = keep(phase, room, kept, few)
            room, lora, tokens = few, few_lora, kept.shape[0]
        phase = mix(phase, threads, net, room, layer, tokens, lora)
        phase = widen(phase, thread, threads, net, room, layer, tokens, pool, sights, lora)
        phase = narrow(phase, thread, threads, net, room, layer, tokens, pool, sights, lora)
    last_norm(phase, thread, threads, net, room, lora, tokens, out)
