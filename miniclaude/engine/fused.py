"""A packed model computed fast: what the engine steps when its weights are in 8 or 4 bits.

`FusedModel` stands where the transformer does: `hidden` for a step's tokens, `head` for the rows
whose scores are wanted. PyTorch makes the embeddings and the angles of rotation; the blocks run in
`model/fused_block.py` in one go, with what the rows' adapters add. The rows of the base alone are
the same whoever is beside them, bit for bit; what that promises is in `docs/settings.md`.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from miniclaude.engine.kv_cache import BlockCache, Span, StepCache
from miniclaude.model.activation import ACTIVATIONS
from miniclaude.model.fused_attention import Sights, score_room
from miniclaude.model.fused_block import AFTER, PHASES, all_blocks
from miniclaude.model.fused_network import PRODUCTS, Network, Room
from miniclaude.model.fused_tiles import tile_rows
from miniclaude.model.lora_packed import PackedAdapters
from miniclaude.model.packed import LANES, OFFSET
from miniclaude.model.packed_layers import PackedLinear
from miniclaude.model.packed_product import multiply
from miniclaude.model.positions import rotary_table, sinusoidal
from miniclaude.model.rounding import TOGETHER, rounded_buffer
from miniclaude.model.team import Team
from miniclaude.model.transformer import Block, Transformer

ALL = np.zeros(0, np.int64)
"""What `all_blocks` is told where every token's last state is wanted."""


class FusedModel:
    """A packed transformer and the threads that compute it.

    model: what `pack_model` has packed; its weights are read where they lie. mapped: how many bytes
    of them lie in files, and so count as free memory, though they are needed. The cache it is given
    must be in bfloat16 or in 8 bits.
    """

    def __init__(self, model: Transformer, threads: int, mapped: int = 0) -> None:
        self.model, self.mapped = model, mapped
        self.config = model.config
        self.cache_dtype, self.device = torch.bfloat16, torch.device("cpu")
        self.team = Team(threads)
        self.net = read_network(model)
        self.adapters = PackedAdapters(self.config.layers)
        self.positions = 0
        self.room = make_room(self.net, model.config.width, 0, threads, 0)
        self.prepare()

    @torch.inference_mode()
    def prepare(self) -> None:
        """Have everything compiled, so that no request waits for it."""
        c = self.config
        cache = BlockCache(c, blocks=1, block_tokens=16, dtype=self.cache_dtype, device=self.device)
        step = cache.step([Span([0], 0, 1)])
        self.head(self.hidden(torch.zeros(1, 1, dtype=torch.long), step)[0])

    def head(self, hidden: Tensor) -> Tensor:
        """[R, W] -> scores [R, V]."""
        return multiply(self.team, hidden, cast(PackedLinear, self.model.head).weight)

    def hidden(self, ids: Tensor, cache: StepCache) -> Tensor:
        """A packed row of ids [1, T] -> the last, normalised state of each: [1, T, W]. Where the
        cache says which of them are read, the others' is 0."""
        tokens = ids.shape[1]
        sights = look(cache)
        self.make_room(tokens, int(sights.lengths.max()))
        room = self.begin(ids, cache)
        pool = cache.pool.view(torch.int16).numpy()  # [L, 2, kv_heads, slots, D or D / 2 + 2]
        lora = self.adapters.step(tokens)
        kept, few, few_lora = ALL, room, lora
        out = torch.empty(tokens, self.config.width)
        if cache.kept is not None:
            kept = cache.kept.numpy() if len(cache.kept) else np.zeros(1, np.int64)
            out = torch.empty(len(kept), self.config.width)
            x, mixed = (
                np.empty((len(kept), rows.shape[1]), np.float32) for rows in (room.x, room.mixed)
            )
            few = room._replace(x=x, mixed=mixed)
            few_lora = lora._replace(whose=lora.whose[kept] if len(lora.whose) else lora.whose)
        step = (self.net, room, tokens, pool, sights, lora, kept, few, few_lora, out.numpy())
        self.team.run(PHASES * self.config.layers + AFTER, all_blocks, *step)
        if cache.kept is None:
            return out[None]
        return torch.zeros(1, tokens, self.config.width).index_copy_(
            1, torch.from_numpy(kept), out[None]
        )

    def begin(self, ids: Tensor, cache: StepCache) -> Room:
        """Embeddings into the room's stream, and this step's rotation."""
        c = self.config
        x = self.model.tokens(ids)[0]  # [T, W]
        if c.positions == "learned":
            x = x + self.model.places(cache.positions[0])
        elif c.positions == "sinusoidal":
            x = x + sinusoidal(cache.positions[0], c.width)
        torch.from_numpy(self.room.x)[: len(x)] = x
        if c.rotary is None:
            return self.room
        tables = rotary_table(c.rotary, c.head_dim, cache.positions, cache.lengths)
        cos, sin = (table[0, :, 0].contiguous().numpy() for table in tables)  # [T, D] each
        return self.room._replace(cos=cos, sin=sin)

    def make_room(self, tokens: int, positions: int) -> None:
        """See that there is room for so many tokens that look at so many positions."""
        rows, most = len(self.room.x), self.positions
        if tokens > rows or positions > most:
            rows, most = max(rows, tokens), most if positions <= most else 2 * positions
            self.room = make_room(self.net, self.config.width, rows, self.team.size, most)
            self.positions = most  # now: there may have been no memory for it


def read_network(model: Transformer) -> Network:
    """A packed model's weights and settings, as the phases read them."""
    c = model.config
    blocks = [cast(Block, block) for block in model.blocks]
    layers = [
        [cast(PackedLinear, block.get_submodule(name)) for name in PRODUCTS] for block in blocks
    ]
    attentions = [block.attention for block in blocks]
    norms = [[pair(block.attention_norm), pair(block.mlp_norm)] for block in blocks]
    ones = torch.ones(c.head_dim)
    head_norms = [
        torch.stack((a.q_norm.weight, a.k_norm.weight) if c.qk_norm else (ones, ones))
        for a in attentions
    ]
    biases = [torch.stack([bias_of(row[column]) for row in layers]).numpy() for column in range(4)]
    weights = [[layer.weight for layer in row] for row in layers]
    bits = weights[0][0].bits
    unlimited = 1 << 60
    return Network(
        bits=bits,
        offset=OFFSET[bits],
        heads=c.heads,
        kv_heads=c.kv_heads,
        head_dim=c.head_dim,
        mlp_width=c.mlp_width,
        gated=c.gated_mlp,
        activation=ACTIVATIONS[c.activation],
        centred=c.norm == "layernorm",
        qk_norm=c.qk_norm,
        eps=c.norm_eps,
        scale=c.head_dim**-0.5,
        codes=np.array([[w.codes.data_ptr() for w in row] for row in weights]),
        scales=np.array([[w.scales.data_ptr() for w in row] for row in weights]),
        norms=torch.stack([torch.stack(row) for row in norms]).numpy(),
        head_norms=torch.stack(head_norms).detach().numpy(),
        qkv_bias=biases[0],
        out_bias=biases[1],
        up_bias=biases[2],
        down_bias=biases[3],
        windows=np.array([unlimited if w is None else w for w in c.windows]),
        last_norm=pair(model.norm).numpy(),
    )


def pair(norm: nn.Module) -> Tensor:
    """A norm's weight and bias, [2, W]."""
    weight = norm.get_parameter("weight").detach().float()
    bias = norm.bias.detach().float() if isinstance(norm, nn.LayerNorm) else weight * 0
    return torch.stack((weight, bias))


def bias_of(layer: PackedLinear) -> Tensor:
    """A layer's bias, zeros where it has none."""
    return torch.zeros(layer.out_features) if layer.bias is None else layer.bias


def make_room(net: Network, width: int, tokens: int, threads: int, positions: int) -> Room:
    """Room for so many tokens that look at so many positions."""
    rows = -(-tokens // TOGETHER) * TOGETHER
    inner = net.heads * net.head_dim

    def floats(columns: int) -> NDArray[np.float32]:
        return np.zeros((rows, -(-columns // LANES) * LANES), np.float32)

    queries = tile_rows(net.heads // net.kv_heads)
    none = np.zeros((0, net.head_dim), np.float32)
    return Room(
        x=np.zeros((rows, width), np.float32),
        rounded=rounded_buffer(rows, max(width, inner, net.mlp_width)),
        qkv=floats(net.qkv_bias.shape[1]),
        mixed=np.zeros((rows, inner), np.float32),
        y=floats(width),
        up=floats(net.up_bias.shape[1]),
        scores=np.zeros((threads, queries, score_room(positions)), np.float32),
        tiles=np.zeros((threads, 2 * queries + LANES, net.head_dim), np.float32),
        cos=none,
        sin=none,
    )


def look(cache: StepCache) -> Sights:
    """What each token of the step may look at."""
    slots, first = [], torch.empty(cache.positions.shape[1], dtype=torch.int64)
    count = 0
    for rows, where in cache.reads:
        known = torch.arange(where.start, where.stop) if isinstance(where, slice) else where
        slots.append(known)
        first[rows] = count
        count += len(known)
    return Sights(
        slots=torch.cat(slots).numpy(),
        first=first.numpy(),
        lengths=(cache.positions[0] + 1).numpy(),
        new=cache.writes.numpy(),
    )
