"""A tiny configuration of `transformers` for every family we load.

Each is shaped so that its peculiarity shows in the logits: windows shorter than the text, head
sizes that are not width / heads, more heads than key/value heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transformers

SMALL: dict[str, Any] = {
    "vocab_size": 101,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": None,
}
LLAMA3_ROPE: dict[str, Any] = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


EXPERTS: dict[str, Any] = {
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}
WIDE_EXPERTS: dict[str, Any] = {**EXPERTS, "head_dim": 24}


def gpt2(**changes: Any) -> Any:
    """GPT-2, its sizes apart from one another."""
    sizes: dict[str, Any] = {
        "vocab_size": 101,
        "n_positions": 64,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "bos_token_id": 1,
        "eos_token_id": None,
    }
    return transformers.GPT2Config(**(sizes | changes))


def llama(**changes: Any) -> Any:
    """The Llama block with the changes of one of its versions."""
    return transformers.LlamaConfig(**(SMALL | changes))


def rope(kind: str, factor: float) -> dict[str, Any]:
    """A rotary setting that is stretched by `factor`."""
    return {"rope_type": kind, "rope_theta": 10_000.0, "factor": factor}


FAMILIES: dict[str, Callable[[], Any]] = {
    "gpt2": gpt2,
    "gpt2-relu-wide-untied": lambda: gpt2(
        activation_function="relu", n_inner=72, tie_word_embeddings=False
    ),
    "gpt2-exact-gelu": lambda: gpt2(activation_function="gelu", layer_norm_epsilon=1e-3),
    "llama-2": lambda: llama(num_key_value_heads=4),
    "llama-biased": lambda: llama(attention_bias=True, mlp_bias=True),
    "llama-3": lambda: llama(rope_parameters=LLAMA3_ROPE, rms_norm_eps=1e-5),
    "llama-linear-rope": lambda: llama(rope_parameters=rope("linear", 4.0)),
    "llama-dynamic-rope": lambda: llama(rope_parameters=rope("dynamic", 4.0)),
    "llama-dynamic-rope-outgrown": lambda: llama(
        rope_parameters=rope("dynamic", 4.0), max_position_embeddings=16
    ),
    "tinyllama": lambda: llama(num_key_value_heads=1, num_attention_heads=8, hidden_size=64),
    "smollm2": lambda: llama(tie_word_embeddings=True, rope_parameters={"rope_theta": 100_000.0}),
    "mistral": lambda: transformers.MistralConfig(**SMALL, sliding_window=5),
    "mistral-everywhere": lambda: transformers.MistralConfig(
        **SMALL, sliding_window=None, head_dim=16
    ),
    "qwen2": lambda: transformers.Qwen2Config(**SMALL, tie_word_embeddings=True),
    "qwen2-sliding": lambda: transformers.Qwen2Config(
        **SMALL, use_sliding_window=True, sliding_window=5, max_window_layers=1
    ),
    "qwen3": lambda: transformers.Qwen3Config(**SMALL, head_dim=24),
    "qwen3-sliding": lambda: transformers.Qwen3Config(
        **SMALL,
        head_dim=24,
        attention_bias=True,
        use_sliding_window=True,
        sliding_window=6,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "mixtral": lambda: transformers.MixtralConfig(
        **SMALL, num_local_experts=5, num_experts_per_tok=2
    ),
    "mixtral-sliding": lambda: transformers.MixtralConfig(
        **SMALL, num_local_experts=4, num_experts_per_tok=3, sliding_window=5
    ),
    "qwen2-moe": lambda: transformers.Qwen2MoeConfig(
        **SMALL, **EXPERTS, shared_expert_intermediate_size=40
    ),
    "qwen2-moe-some-layers": lambda: transformers.Qwen2MoeConfig(
        **SMALL,
        **EXPERTS,
        shared_expert_intermediate_size=16,
        norm_topk_prob=True,
        decoder_sparse_step=2,
        qkv_bias=False,
        use_sliding_window=True,
        sliding_window=5,
        max_window_layers=2,
        tie_word_embeddings=True,
    ),
    "qwen3-moe": lambda: transformers.Qwen3MoeConfig(**SMALL, **WIDE_EXPERTS, norm_topk_prob=True),
    "qwen3-moe-some-layers": lambda: transformers.Qwen3MoeConfig(
        **SMALL,
        **WIDE_EXPERTS,
        mlp_only_layers=[1],
        attention_bias=True,
        use_sliding_window=True,
        sliding_window=6,
    ),
}
