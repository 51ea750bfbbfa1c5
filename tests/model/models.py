"""Small random models of our own for the tests of this room."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.transformer import Transformer

GPT2 = ModelConfig(
    family="gpt2",
    vocab_size=53,
    context=48,
    width=16,
    layers=2,
    heads=2,
    kv_heads=2,
    head_dim=8,
    mlp_width=40,
    norm="layernorm",
    norm_eps=1e-5,
    activation="gelu_tanh",
    gated_mlp=False,
    positions="learned",
    qkv_bias=True,
    out_bias=True,
    mlp_bias=True,
)

LLAMA = ModelConfig(
    family="llama",
    vocab_size=53,
    context=48,
    width=16,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=4,
    mlp_width=24,
    norm="rmsnorm",
    norm_eps=1e-6,
    activation="silu",
    gated_mlp=True,
    positions="rotary",
    rotary=RotaryConfig(),
    tied_head=False,
)

MIXTURE = dataclasses.replace(
    LLAMA,
    experts=5,
    experts_per_token=2,
    expert_width=12,
    shared_expert_width=8,
    sparse_layers=(True, False),
)
"""Of two layers, one with experts and a shared one, one dense."""


def random_model(config: ModelConfig, **changes: Any) -> Transformer:
    """A model whose every weight matters, the same on each call."""
    model = Transformer(dataclasses.replace(config, **changes))
    generator = torch.Generator().manual_seed(11)
    model.initialise(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def random_ids(batch: int, tokens: int, seed: int = 5) -> torch.Tensor:
    """[batch, tokens] token ids."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(GPT2.vocab_size, (batch, tokens), generator=generator)
