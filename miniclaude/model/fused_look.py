"""The phase of a block in which tokens look at each other: who computes attention of what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.attention_kernel import LANES, STEP
from miniclaude.model.compile import compiled, inlined
from miniclaude.model.elementwise import Halves
from miniclaude.model.fused_attention import Sights, attend
from miniclaude.model.fused_network import Network, Room
from miniclaude.model.fused_tiles import attend_tile, has_runs, run_length, tile_tokens
from miniclaude.model.packed_product import share
from miniclaude.model.pair_code import NATIVE
from miniclaude.model.team import claim, done, meet


@inlined
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
    """Attention. Where tokens look at the same slots, or one token's heads are worth a tile, the
    pieces are tiles; else one head of one token each, those of the heads that share their keys
    behind each other."""
    d, sharing = net.head_dim, net.heads // net.kv_heads
    runs = has_runs(sights.first)
    # Whether one token's heads are worth a tile: in float32 not if it is one head, whose keys would
    # be turned for it alone, nor where there are fewer tiles than threads.
    worth = NATIVE or (sharing > 1 and net.kv_heads >= threads)
    together = worth and keys.shape[2] == d
    if d % STEP == 0 and (runs or together):
        each = tile_tokens(sharing) if runs else 1
        return look_in_tiles(
            phase, thread, threads, net, room, layer, tokens, keys, values, sights, each, together
        )
    pieces = tokens * net.heads
    taken = 1 if tokens == 1 else share(tokens * net.kv_heads, threads) * sharing
    while True:
        claimed = claim(phase, taken)
        if claimed >= pieces:
            return meet(phase, pieces)
        last = min(claimed + taken, pieces)
        for piece in range(claimed, last):
            token = piece // sharing % tokens
            head = piece // sharing // tokens * sharing + piece % sharing
            look_once(net, room, layer, token, head, thread, keys, values, sights)
        done(phase, last - claimed)


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


@inlined
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
    each: int,
    together: bool,
) -> int:
    """Attention of up to `each` tokens at once that look at the same slots, and of those heads that
    share their keys. together: of the heads of one token, too."""
    sharing = net.heads // net.kv_heads
    blocks = (tokens + each - 1) // each
    pieces = blocks * net.kv_heads
    taken = 1 if each > 1 else share(pieces, threads)
    while True:
        claimed = claim(phase, taken)
        if claimed >= pieces:
            return meet(phase, pieces)
        last = min(claimed + taken, pieces)
        for piece in range(claimed, last):
            shared, token = piece // blocks, piece % blocks * each
            end = min(token + each, tokens)
            while token < end:
                run = run_length(sights.first, token, end)
                if run > 1 or together:
                    start = sights.first[token]
                    attend_tile(
                        room.qkv, token, run, shared * sharing, sharing,
                        keys[shared], values[shared],
                        sights.slots[start : start + sights.lengths[token + run - 1]],
                        slots_ahead(sights, piece + 1, last, blocks, each, net.windows[layer]),
                        sights.lengths, net.windows[layer], net.scale,
                        room.scores[thread], room.tiles[thread], room.mixed,
                    )  # fmt: skip
                else:
                    for head in range(shared * sharing, (shared + 1) * sharing):
                        look_once(net, room, layer, token, head, thread, keys, values, sights)
                token += run
        done(phase, last - claimed)


@compiled
def slots_ahead(
    sights: Sights, piece: int, last: int, blocks: int, each: int, window: int
) -> NDArray[np.int64]:
    """What a piece before `last` looks at, where it is one token and its heads are those of the
    piece before; else nothing. Tokens of one prompt look at what is in the cache already."""
    if each > 1 or piece >= last or piece % blocks == 0:
        return sights.slots[:0]
    start, length = sights.first[piece % blocks], sights.lengths[piece % blocks]
    return sights.slots[start + max(0, length - window) // LANES * LANES : start + length]
