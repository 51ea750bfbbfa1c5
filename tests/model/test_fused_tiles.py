"""Tiles of attention: several tokens, and the heads that share their keys, at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from miniclaude.engine.fused import FusedModel
from miniclaude.engine.kv_cache import Span
from miniclaude.model.fused_attention import score_room
from miniclaude.model.fused_tiles import attend_tile, tile_rows, tile_tokens
from miniclaude.model.packed_layers import pack_model
from miniclaude.model.pair_code import NATIVE
from tests.engine.test_fused import THREADS, cache_of, round_activations
from tests.model.models import LLAMA, random_model
from tests.model.test_packed import error


@pytest.mark.parametrize(
    ("sharing", "tokens"), [(1, 1), (1, 2), (1, 5), (1, 24), (3, 1), (3, 2), (3, 5), (3, 8)]
)
@pytest.mark.parametrize("window", [7, 1000])
@pytest.mark.parametrize("before", [0, 30, 101])
def test_a_tile_of_attention_is_the_equation(
    sharing: int, tokens: int, window: int, before: int
) -> None:
    """A tile computes products with keys that some of its tokens must not see, and with more keys
    and queries than there are; none of that may be left in what comes out."""
    size, head = 32, 1
    generator = torch.Generator().manual_seed(before)
    qkv = torch.randn(tokens + 1, (head + sharing) * size, generator=generator)
    keys, values = torch.randn(2, 150, size, generator=generator).bfloat16()
    slots = torch.randperm(150, generator=generator)[: before + tokens]
    lengths = torch.cat([torch.tensor([99]), before + 1 + torch.arange(tokens)])
    out = torch.full((tokens + 1, (head + sharing) * size), torch.nan)
    rows = tile_rows(sharing)
    scores = np.full((rows, score_room(len(slots))), np.nan, np.float32)
    tile = np.full((2 * rows + 16, size), np.nan, np.float32)
    bits = [half.view(torch.int16).numpy() for half in (keys, values)]
    attend_tile(
        qkv.numpy(), 1, tokens, head, sharing, bits[0], bits[1], slots.numpy(), slots[:9].numpy(),
        lengths.numpy(), window, 0.3, scores, tile, out.numpy(),
    )  # fmt: skip
    for token in range(1, tokens + 1):
        seen = slots[max(0, int(lengths[token]) - window) : int(lengths[token])]
        for place in range(head, head + sharing):
            part = slice(place * size, (place + 1) * size)
            query = qkv[token, part].bfloat16().float() if NATIVE else qkv[token, part]
            weights = (keys[seen].float() @ query * 0.3).softmax(0)
            expected = weights @ values[seen].float()
            near = 2**-8 * (weights @ values[seen].float().abs()) if NATIVE else 1e-5
            assert ((out[token, part] - expected).abs() <= near + 1e-4 * expected.abs()).all()
    assert out[0].isnan().all()
    assert out[:, : head * size].isnan().all()


@torch.inference_mode()
@pytest.mark.parametrize("kv_heads", [2, 4])
def test_a_long_prompt_is_several_tiles(kv_heads: int) -> None:
    """Of 12 tokens where two heads share their keys, of 24 where none does; the last is smaller."""
    model = random_model(LLAMA, head_dim=32, kv_heads=kv_heads, windows=(None, 5))
    pack_model(model, 8)
    fused = FusedModel(model, THREADS)
    assert tile_tokens(model.config.heads // kv_heads) == (12 if kv_heads == 2 else 24)
    round_activations(model)
    spans = [Span(list(range(8)), 0, 31)]
    ids = torch.randint(
        model.config.vocab_size, (1, 31), generator=torch.Generator().manual_seed(6)
    )
    hidden = fused.hidden(ids, cache_of(model, torch.bfloat16).step(spans))
    wanted = model.hidden(ids, cache_of(model, torch.float32).step(spans))
    assert error(hidden, wanted) < 0.02
