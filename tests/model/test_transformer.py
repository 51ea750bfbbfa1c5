"""The forward pass: packing, padding, observing, and attention twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from miniclaude.model.cache import Cache, ContiguousCache, Segment
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.transformer import (
    Attention,
    AttentionFunction,
    Transformer,
    fast_attention,
    reference_attention,
    visible,
)
from tests.model.models import GPT2, LLAMA, MIXTURE, random_ids, random_model

MODELS: dict[str, tuple[ModelConfig, dict[str, Any]]] = {
    "gpt2": (GPT2, {}),
    "llama": (LLAMA, {}),
    "window": (LLAMA, {"windows": (3, None)}),
    "dynamic": (
        LLAMA,
        {"rotary": RotaryConfig(kind="dynamic", factor=2.0, original_context=8)},
    ),
    "sinusoidal": (GPT2, {"positions": "sinusoidal"}),
    "qk_norm": (LLAMA, {"qk_norm": True}),
    "experts": (MIXTURE, {}),
}


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> Transformer:
    """Each kind of model in turn."""
    config, changes = MODELS[request.param]
    return random_model(config, **changes)


class PackedCache(Cache):
    """Several fresh sequences end to end in one row, each a segment of its own."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = lengths

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        assert tokens == sum(self.lengths)
        positions = torch.cat([torch.arange(n) for n in self.lengths])
        totals = torch.cat([torch.full((n,), n) for n in self.lengths])
        return positions[None], totals[None]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> Iterable[Segment]:
        start = 0
        for length in self.lengths:
            rows = slice(start, start + length)
            yield Segment(rows, keys[:, rows].transpose(1, 2), values[:, rows].transpose(1, 2))
            start += length


class PaddedCache(Cache):
    """b fresh sequences of unequal lengths and one more token each, packed b·1 to the row: keys
    are padded to the longest, and `lengths` says what is real."""

    def __init__(self, model: Transformer, texts: list[Tensor]) -> None:
        c = model.config
        self.lengths = torch.tensor([len(text) for text in texts])
        longest = int(self.lengths.max())
        shape = (c.layers, len(texts), c.kv_heads, longest + 1, c.head_dim)
        self.keys = torch.full(shape, 1e4)  # padding that would show if it were attended to
        self.values = torch.full(shape, 1e4)
        for row, text in enumerate(texts):
            cache = fresh_cache(c, len(text))
            model(text[None], cache)
            self.keys[:, row, :, : len(text)] = cache.keys[:, 0]
            self.values[:, row, :, : len(text)] = cache.values[:, 0]

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        return self.lengths[None], self.lengths[None] + 1

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> Iterable[Segment]:
        for row, length in enumerate(self.lengths.tolist()):
            self.keys[layer, row, :, length] = keys[0, row]
            self.values[layer, row, :, length] = values[0, row]
        return [Segment(slice(None), self.keys[layer], self.values[layer], self.lengths + 1)]


def fresh_cache(config: ModelConfig, capacity: int, batch: int = 1) -> ContiguousCache:
    return ContiguousCache(
        layers=config.layers,
        batch=batch,
        capacity=capacity,
        kv_heads=config.kv_heads,
        head_dim=config.head_dim,
    )


@torch.no_grad()
def test_packed_sequences_do_not_see_each_other(model: Transformer) -> None:
    a, b, c = random_ids(1, 13), random_ids(1, 5, seed=6), random_ids(1, 1, seed=7)
    packed = model(torch.cat((a, b, c), dim=1), PackedCache([13, 5, 1]))
    alone = torch.cat((model(a), model(b), model(c)), dim=1)
    torch.testing.assert_close(packed, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", [fast_attention, reference_attention])
@torch.no_grad()
def test_padding_is_never_attended_to(model: Transformer, attention: AttentionFunction) -> None:
    model.use_attention(attention)
    texts = [random_ids(1, n, seed=n)[0] for n in (9, 2, 14)]
    after = random_ids(1, 3)  # one more token for each
    rows = model(after, PaddedCache(model, texts))
    for row, text in enumerate(texts):
        if model.config.rotary is not None and model.config.rotary.kind == "dynamic":
            cache = fresh_cache(model.config, 20)
            model(text[None], cache)
            cache.advance(len(text))
            expected = model(after[:, row : row + 1], cache)[0, -1]
        else:
            expected = model(torch.cat((text, after[0, row : row + 1]))[None])[0, -1]
        torch.testing.assert_close(rows[0, row], expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_future_is_not_seen(model: Transformer) -> None:
    """Changing the last token changes no earlier logits."""
    ids = random_ids(2, 12)
    changed = ids.clone()
    changed[:, -1] = (changed[:, -1] + 1) % GPT2.vocab_size
    before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :-1], after[:, :-1], atol=1e-6, rtol=0)
    assert not torch.allclose(before[:, -1], after[:, -1])


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.streams: dict[int, Tensor] = {}
        self.weights: dict[int, list[tuple[slice, Tensor]]] = {}
        self.routed: dict[int, tuple[Tensor, Tensor]] = {}
        self.scores: list[Tensor] = []

    def residual(self, layer: int, stream: Tensor) -> None:
        self.streams[layer] = stream

    def attention(self, layer: int, rows: slice, weights: Tensor) -> None:
        self.weights.setdefault(layer, []).append((rows, weights))

    def routing(self, layer: int, probabilities: Tensor, chosen: Tensor) -> None:
        self.routed[layer] = (probabilities, chosen)

    def logits(self, logits: Tensor) -> None:
        self.scores.append(logits)


@torch.no_grad()
def test_observer_sees_all_and_changes_nothing(model: Transformer) -> None:
    ids = random_ids(2, 12)
    seen = Recorder()
    logits = model(ids, observer=seen)
    assert torch.equal(logits, model(ids)), "observing changed the answer"
    assert torch.equal(seen.scores[0], logits)
    layers = model.config.layers
    assert sorted(seen.streams) == list(range(layers + 1))
    assert torch.equal(model.head(model.norm(seen.streams[layers])), logits)
    assert set(seen.routed) == {n for n in range(layers) if model.config.is_sparse(n)}
    for probabilities, chosen in seen.routed.values():
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(2, 12))
        assert torch.equal(chosen, probabilities.topk(model.config.experts_per_token).indices)
    for layer in range(layers):
        ((_, weights),) = seen.weights[layer]
        assert weights.shape == (2, model.config.heads, 12, 12)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, model.config.heads, 12))
        assert torch.all(weights.triu(1) == 0)
        window = model.config.windows[layer]
        if window is not None:
            assert torch.all(weights.tril(-window) == 0)


@torch.no_grad()
def test_observer_sees_each_packed_segment() -> None:
    seen = Recorder()
    random_model(LLAMA)(random_ids(1, 7), PackedCache([4, 3]), seen)
    assert [(r.start, r.stop, w.shape[-1]) for r, w in seen.weights[0]] == [(0, 4, 4), (4, 7, 3)]


def test_window_counts_the_token_itself() -> None:
    keys = torch.zeros(1, 1, 5, 2)
    allowed = visible(Segment(slice(None), keys, keys), 2, 3)
    assert allowed is not None
    assert allowed[0, 0].tolist() == [
        [False, True, True, True, False],
        [False, False, True, True, True],
    ]


def test_a_lone_query_that_sees_everything_needs_no_mask() -> None:
    keys = torch.zeros(1, 1, 5, 2)
    assert visible(Segment(slice(None), keys, keys), 1, None) is None
    assert visible(Segment(slice(None), keys, keys), 1, 5) is None


@torch.no_grad()
def test_linear_layers_are_replaceable() -> None:
    """A layer may be wrapped from outside: `forward` needs only something that can be called."""

    class Doubled(torch.nn.Module):
        def __init__(self, base: torch.nn.Module) -> None:
            super().__init__()
            self.base = base

        def forward(self, x: Tensor) -> Tensor:
            return 2 * self.base(x)  # type: ignore[no-any-return]  # a module's call is untyped

    model, ids = random_model(LLAMA), random_ids(1, 6)
    plain = model(ids)
    for module in list(model.modules()):
        if isinstance(module, Attention):
            module.out = Doubled(module.out)
    assert not torch.allclose(model(ids), plain)


def test_initialise_fills_every_parameter() -> None:
    """Biases 0, norms 1, the rest normal; the projections into the residual stream smaller."""
    model = Transformer(dataclasses.replace(GPT2, width=64, head_dim=32, layers=8, windows=()))
    for parameter in model.parameters():
        parameter.data.fill_(torch.nan)
    model.initialise(torch.Generator().manual_seed(0))
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
    weights = model.state_dict()
    assert float(weights["blocks.0.attention.qkv.weight"].std()) == pytest.approx(0.02, rel=0.1)
    assert float(weights["blocks.0.mlp.down.weight"].std()) == pytest.approx(0.005, rel=0.1)
    assert torch.all(weights["blocks.0.mlp_norm.weight"] == 1)
    assert torch.all(weights["blocks.0.mlp_norm.bias"] == 0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kv_heads", [2, 4])
def test_one_half_precision_query_attends_as_the_equation_says(
    dtype: torch.dtype, kv_heads: int
) -> None:
    """A step of decoding on the CPU takes a way of its own."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 4, 1, 8, generator=generator).to(dtype)
    keys, values = torch.randn(2, 2, kv_heads, 9, 8, generator=generator).to(dtype)
    segment = Segment(slice(None), keys, values, torch.tensor([9, 5]))
    fast = fast_attention(query, segment, 6)
    assert fast.dtype == dtype
    torch.testing.assert_close(fast, reference_attention(query, segment, 6), atol=2e-2, rtol=2e-2)
