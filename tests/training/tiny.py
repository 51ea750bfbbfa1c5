"""A model and text small enough to train in a moment."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat

import torch

from miniclaude.data.batches import Batches
from miniclaude.data.tokens import TokenDocument, TokenSet
from miniclaude.model.config import ModelConfig
from miniclaude.model.transformer import Transformer
from miniclaude.training.loop import Wish


def tiny_model(seed: int = 0) -> Transformer:
    """A Llama of two blocks, 16 wide, over 24 tokens."""
    model = Transformer(
        ModelConfig(
            family="llama",
            vocab_size=24,
            context=16,
            width=16,
            layers=2,
            heads=2,
            kv_heads=1,
            head_dim=8,
            mlp_width=32,
            norm="rmsnorm",
            norm_eps=1e-5,
            activation="silu",
            gated_mlp=True,
            positions="rotary",
        )
    )
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def counting_set(documents: int = 40) -> TokenSet:
    """Documents that count upwards modulo 20, of various lengths."""
    return TokenSet.gather(
        TokenDocument(
            [(start + n) % 20 for n in range(5 + start % 7)],
            [False] + [True] * (4 + start % 7),
            4 + start % 7,
        )
        for start in range(documents)
    )


def counting_batches(tokens: int = 4000) -> Batches:
    """Batches of about 32 positions of `counting_set`."""
    return Batches({"count": counting_set()}, {"count": 1}, tokens=tokens, size=32, seed=0)


def after(steps: int, wish: Wish = "pause") -> Callable[[], Wish]:
    """A control that lets a run do so many steps."""
    go: Wish = "go"
    left = chain(repeat(go, steps), repeat(wish))
    return lambda: next(left)
