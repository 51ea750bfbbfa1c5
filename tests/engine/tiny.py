"""A model and a vocabulary small enough to be made anew in every test."""

from __future__ import annotations

from typing import Any

import torch

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import EngineFinish, GenerationRequest, Output, Sampling
from miniclaude.model.config import ModelConfig
from miniclaude.model.transformer import Transformer

EOS = 256


class ByteVocabulary:
    """Every byte is a token; 256 ends a text; 257 to 259 are padding without bytes."""

    strips_leading_space = False
    eos_ids: tuple[int, ...] = (EOS,)

    def token_bytes(self, token_id: int) -> bytes:
        """The byte itself."""
        return bytes([token_id]) if token_id < EOS else b""

    def is_special(self, token_id: int) -> bool:
        """Whether it is the end of text."""
        return token_id == EOS


def tiny_config(family: str = "gpt2", context: int = 96) -> ModelConfig:
    """GPT-2's shape, or Llama's with grouped queries, a sliding window and stretched rotation; of
    the family `experts`, Llama's with experts in its second layer."""
    if family == "gpt2":
        return ModelConfig(
            family="gpt2", vocab_size=260, context=context, width=32, layers=2, heads=4,
            kv_heads=4, head_dim=8, mlp_width=64, norm="layernorm", norm_eps=1e-5,
            activation="gelu_tanh", gated_mlp=False, positions="learned",
            qkv_bias=True, out_bias=True, mlp_bias=True,
        )  # fmt: skip
    experts: dict[str, Any] = {}
    if family == "experts":
        experts = {
            "experts": 4,
            "experts_per_token": 2,
            "expert_width": 24,
            "shared_expert_width": 16,
        }
        experts["sparse_layers"] = (False, True)
    return ModelConfig(
        family="llama", vocab_size=260, context=context, width=32, layers=2, heads=4, kv_heads=2,
        head_dim=8, mlp_width=64, **experts, norm="rmsnorm", norm_eps=1e-5, activation="silu",
        gated_mlp=True, positions="rotary", windows=(None, 8), tied_head=False,
    )  # fmt: skip


def tiny_model(family: str = "gpt2", context: int = 96) -> Transformer:
    """Random weights, the same each time, spread wide enough for clear favourites."""
    model = Transformer(tiny_config(family, context)).eval()
    generator = torch.Generator().manual_seed(7)
    model.initialise(generator)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.4, generator=generator)
    return model


def tiny_engine(family: str = "gpt2", *, context: int = 96, **limits: Any) -> Engine:
    """An engine with room for a few short answers, unless told otherwise."""
    defaults: dict[str, Any] = {
        "block_tokens": 4,
        "kv_tokens": 512,
        "step_tokens": 64,
        "max_running": 16,
    }
    return Engine(
        tiny_model(family, context), ByteVocabulary(), EngineLimits(**{**defaults, **limits})
    )


def ask(name: str, prompt: str, **settings: Any) -> GenerationRequest:
    """A request; 12 tokens, greedy and deaf to the end of text unless settings say otherwise."""
    sampling = Sampling(**{"max_tokens": 12, "temperature": 0.0, "ignore_eos": True, **settings})
    return GenerationRequest(name, tuple(prompt.encode()), sampling)


Key = tuple[str, int]


def run(engine: Engine, *requests: GenerationRequest) -> list[Output]:
    """Submit and step until all is told; the scheduler is checked after every step. Raises why a
    request was given up."""
    for request in requests:
        engine.submit(request)
    outputs: list[Output] = []
    while not engine.idle:
        outputs += engine.step()
        engine.scheduler.check()
        for error in engine.expire().values():
            raise error
    return outputs


def texts(outputs: list[Output]) -> dict[Key, str]:
    """Each answer's whole text."""
    joined: dict[Key, str] = {}
    for output in outputs:
        key = output.id, output.index
        joined[key] = joined.get(key, "") + output.text
    return joined


def finishes(outputs: list[Output]) -> dict[Key, EngineFinish]:
    """How each answer ended."""
    return {(o.id, o.index): o.finish for o in outputs if o.finish is not None}
