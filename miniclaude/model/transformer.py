"""The whole forward pass of a decoder-only transformer, for both families we load.

GPT-2 (Radford et al. 2019): learned positions, LayerNorm, GELU, biases. Llama (Touvron et al.
2023): rotary positions, RMSNorm, SwiGLU, grouped-query attention. Both are pre-norm: each block
adds to a residual stream what it read from a normalised copy of it. A block's MLP may be one of
many that each token chooses from (`experts.py`). What differs is in `ModelConfig`; nothing here
asks for a model's name.

Letters in shapes: B batch, T tokens this step, S positions attended to, H heads, K key/value heads,
D head_dim, W width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from miniclaude.model.cache import Cache, Segment, gathered
from miniclaude.model.config import ModelConfig
from miniclaude.model.experts import Experts
from miniclaude.model.paged_attention import can_page, paged_attention
from miniclaude.model.positions import rotary_table, rotate, sinusoidal

Rotation = tuple[Tensor, Tensor]


class Observer(Protocol):
    """Is told what the model computes while it computes it. `forward` without one pays nothing."""

    def residual(self, layer: int, stream: Tensor) -> None:
        """The residual stream [B, T, W] entering block `layer`; after the last block, `layer`
        equals the number of blocks."""
        ...

    def attention(self, layer: int, rows: slice, weights: Tensor) -> None:
        """Attention probabilities [b, H, t, S] of the tokens in `rows`."""
        ...

    def routing(self, layer: int, probabilities: Tensor, chosen: Tensor) -> None:
        """Of a layer with experts: the probability of each [B, T, E], and the numbers of those that
        each token asks [B, T, k], likeliest first."""
        ...

    def logits(self, logits: Tensor) -> None:
        """The scores over the vocabulary [B, T, V]."""
        ...


def visible(segment: Segment, tokens: int, window: int | None) -> Tensor | None:
    """Which keys each query may look at: [b or 1, 1, t, S], True where allowed; None for all.

    A query at position p sees keys at p and before, but none older than `window` positions.
    """
    size = segment.keys.shape[2]
    if segment.lengths is None and tokens == 1 and (window is None or size <= window):
        return None
    device = segment.keys.device
    lengths = torch.tensor([size], device=device) if segment.lengths is None else segment.lengths
    query = lengths[:, None] - tokens + torch.arange(tokens, device=device)  # [b, t]
    key = torch.arange(size, device=device)  # [S]
    allowed = key <= query[..., None]  # [b, t, S]
    if window is not None:
        allowed &= key > query[..., None] - window
    return allowed[:, None]  # [b, 1, t, S]


def attention_weights(query: Tensor, key: Tensor, allowed: Tensor | None) -> Tensor:
    """softmax(q kᵀ / √D) over the keys allowed (Vaswani et al. 2017, equation 1).

    query [b, H, t, D], key [b, K, S, D] -> [b, H, t, S], in float32.
    """
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # [b, H, S, D]
    scores = query.float() @ key.float().transpose(-1, -2) / math.sqrt(query.shape[-1])
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return scores.softmax(dim=-1)


def reference_attention(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """The equation written out. query [b, H, t, D] -> [b, H, t, D]."""
    segment = gathered(segment)
    weights = attention_weights(query, segment.keys, visible(segment, query.shape[2], window))
    value = segment.values.repeat_interleave(query.shape[1] // segment.values.shape[1], dim=1)
    return weights.to(value.dtype) @ value


def fast_attention(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """The same through PyTorch's fused kernel. query [b, H, t, D] -> [b, H, t, D].

    For a single query in half precision the CPU kernel is three times slower than for one in
    float32, conversion included. On a GPU no fused kernel takes a mask and fewer heads of keys than
    of queries, so the keys are repeated.
    """
    if segment.table is not None and can_page(query.device, query.dtype):
        return paged_attention(query, segment, window)
    segment = gathered(segment)
    tokens, size = query.shape[2], segment.keys.shape[2]
    if tokens == 1 and query.device.type == "cpu" and query.dtype.itemsize < 4:
        segment = segment._replace(keys=segment.keys.float(), values=segment.values.float())
        return fast_attention(query.float(), segment, window).to(query.dtype)
    whole = segment.lengths is None and tokens == size and (window is None or size <= window)
    mask = None if whole else visible(segment, tokens, window)
    keys, values = segment.keys, segment.values
    if mask is not None and query.device.type == "cuda":
        groups = query.shape[1] // keys.shape[1]
        keys, values = (x.repeat_interleave(groups, dim=1) for x in (keys, values))
    return F.scaled_dot_product_attention(
        query,
        keys,
        values,
        attn_mask=mask,
        is_causal=whole and tokens > 1,
        enable_gqa=query.shape[1] != keys.shape[1],
    )


AttentionFunction = Callable[[Tensor, Segment, "int | None"], Tensor]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
    "relu": F.relu,
}


def make_norm(config: ModelConfig) -> nn.Module:
    """The normalisation a block reads the residual stream through."""
    if config.norm == "layernorm":
        return nn.LayerNorm(config.width, eps=config.norm_eps)
    return nn.RMSNorm(config.width, eps=config.norm_eps)


def make_embedding(rows: int, width: int) -> nn.Embedding:
    """A table of zeros, for `initialise` or a checkpoint to fill. Left to itself, nn.Embedding
    draws random numbers, which on the meta device costs a second of imports."""
    return nn.Embedding(rows, width, _weight=torch.zeros(rows, width))


class Attention(nn.Module):
    """Causal self-attention. Queries, keys and values come from one fused projection, rows in the
    order q (H·D), k (K·D), v (K·D)."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.config = config
        self.layer = layer
        self.attend: AttentionFunction = fast_attention
        self.qkv: nn.Module = nn.Linear(config.width, config.qkv_rows, bias=config.qkv_bias)
        inner = config.heads * config.head_dim
        self.out: nn.Module = nn.Linear(inner, config.width, bias=config.out_bias)
        if config.qk_norm:
            self.q_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)
            self.k_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)

    def forward(
        self, x: Tensor, rotation: Rotation | None, cache: Cache | None, observer: Observer | None
    ) -> Tensor:
        """x: [B, T, W] -> [B, T, W]."""
        c = self.config
        B, T, _ = x.shape
        rows = self.qkv(x).view(B, T, c.heads + 2 * c.kv_heads, c.head_dim)
        q, k, v = rows.split((c.heads, c.kv_heads, c.kv_heads), dim=2)  # [B, T, H or K, D]
        if c.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        if rotation is not None:
            q, k = rotate(q, *rotation), rotate(k, *rotation)
        if cache is None:
            segments = [Segment(slice(None), k.transpose(1, 2), v.transpose(1, 2))]
        else:
            segments = list(cache.extend(self.layer, k, v))
        window = c.windows[self.layer]
        outputs = []
        for segment in segments:
            b = segment.sequences
            queries = q[:, segment.rows]
            shape = queries.shape
            query = queries.reshape(b, -1, c.heads, c.head_dim).transpose(1, 2)  # [b, H, t, D]
            if observer is not None:
                segment = gathered(segment)
                allowed = visible(segment, query.shape[2], window)
                weights = attention_weights(query, segment.keys, allowed)
                observer.attention(self.layer, segment.rows, weights)
            y = self.attend(query, segment, window).transpose(1, 2)  # [b, t, H, D]
            outputs.append(y.reshape(shape[0], shape[1], c.heads * c.head_dim))  # [B, rows, H·D]
        mixed = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)  # [B, T, H·D]
        projected: Tensor = self.out(mixed)
        return projected


class MLP(nn.Module):
    """Two linear layers around a nonlinearity; gated (SwiGLU, Shazeer 2020), `up` holds the gate's
    rows first and then the values' rows."""

    def __init__(self, config: ModelConfig, inner: int) -> None:
        super().__init__()
        self.gated = config.gated_mlp
        self.activation = ACTIVATIONS[config.activation]
        rows = inner * (2 if config.gated_mlp else 1)
        self.up: nn.Module = nn.Linear(config.width, rows, bias=config.mlp_bias)
        self.down: nn.Module = nn.Linear(inner, config.width, bias=config.mlp_bias)

    def forward(self, x: Tensor, observer: Observer | None = None) -> Tensor:
        """x: [..., W] -> [..., W]. There is nothing to tell an observer."""
        hidden = self.up(x)
        if self.gated:
            gate, value = hidden.chunk(2, dim=-1)
            hidden = self.activation(gate) * value
        else:
            hidden = self.activation(hidden)
        projected: Tensor = self.down(hidden)
        return projected


def make_mlp(config: ModelConfig, layer: int) -> MLP | Experts:
    """What a block thinks with: one MLP, or experts and, where there is one, their shared MLP."""
    if not config.is_sparse(layer):
        return MLP(config, config.mlp_width)
    shared = MLP(config, config.shared_expert_width) if config.shared_expert_width else None
    return Experts(config, layer, ACTIVATIONS[config.activation], shared)


class Block(nn.Module):
    """One layer: read through a norm, mix between tokens, add; read, think, add."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = make_norm(config)
        self.attention = Attention(config, layer)
        self.mlp_norm = make_norm(config)
        self.mlp = make_mlp(config, layer)

    def forward(
        self, x: Tensor, rotation: Rotation | None, cache: Cache | None, observer: Observer | None
    ) -> Tensor:
        """x: [B, T, W] -> [B, T, W]."""
        x = x + self.attention(self.attention_norm(x), rotation, cache, observer)
        updated: Tensor = x + self.mlp(self.mlp_norm(x), observer)
        return updated


class Transformer(nn.Module):
    """A decoder-only language model: token ids in, scores over the vocabulary out.

    Its weights mean nothing until `initialise` or `checkpoint.load_model` has filled them.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = make_embedding(config.vocab_size, config.width)
        if config.positions == "learned":
            self.places = make_embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = make_norm(config)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)
        if config.tied_head:
            self.head.weight = self.tokens.weight

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Fresh weights as GPT-2 has them: normal(0, 0.02), the projections that write to the
        residual stream smaller by √(2 · layers), biases 0, norms 1."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "norm" in name:
                nn.init.ones_(parameter)
            else:
                writes = name.endswith(("out.weight", "down.weight", "mlp.down"))
                std = 0.02 / math.sqrt(2 * self.config.layers) if writes else 0.02
                nn.init.normal_(parameter, std=std, generator=generator)

    def use_attention(self, function: AttentionFunction) -> None:
        """Compute attention by `fast_attention` (the default) or `reference_attention`."""
        for module in self.modules():
            if isinstance(module, Attention):
                module.attend = function

    def hidden(
        self, ids: Tensor, cache: Cache | None = None, observer: Observer | None = None
    ) -> Tensor:
        """ids: [B, T] -> the last, normalised state of each token: [B, T, W]."""
        c = self.config
        if cache is None:
            positions = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)  # [B, T]
            lengths = torch.full_like(positions, ids.shape[1])
        else:
            positions, lengths = cache.places(ids.shape[1])
        x = self.tokens(ids)  # [B, T, W]
        rotation = None
        if c.positions == "learned":
            x = x + self.places(positions)
        elif c.positions == "sinusoidal":
            x = x + sinusoidal(positions, c.width).to(x.dtype)
        elif c.rotary is not None:
            cos, sin = rotary_table(c.rotary, c.head_dim, positions, lengths)
            rotation = cos.to(x.dtype), sin.to(x.dtype)
        for layer, block in enumerate(self.blocks):
            if observer is not None:
                observer.residual(layer, x)
            x = block(x, rotation, cache, observer)
        if observer is not None:
            observer.residual(c.layers, x)
        normalised: Tensor = self.norm(x)
        return normalised

    def forward(
        self, ids: Tensor, cache: Cache | None = None, observer: Observer | None = None
    ) -> Tensor:
        """ids: [B, T] -> scores [B, T, V]. With a cache, ids are only the new tokens.

        A caller that needs few scores takes `hidden` and applies `head` to the rows it wants.
        """
        logits: Tensor = self.head(self.hidden(ids, cache, observer))
        if observer is not None:
            observer.logits(logits)
        return logits
