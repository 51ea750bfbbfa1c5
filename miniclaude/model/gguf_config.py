"""A model's shape in GGUF's keys, and back.

What GGUF has no word for is refused rather than left out, for llama.cpp would then compute
something else without a complaint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch

from miniclaude.errors import CheckpointError, UnknownArchitectureError
from miniclaude.model import gpt2, llama
from miniclaude.model.checkpoint_format import CheckpointFormat
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.config_json import ConfigFields
from miniclaude.model.gguf_file import GGUFFile, Value
from miniclaude.model.gguf_names import HEAD, ROPE_FACTORS, TOKENS
from miniclaude.model.positions import rotary_frequencies

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""config.json's `model_type` → GGUF's `general.architecture`, of the Llama family."""
READ = ("llama", "qwen2", "qwen3", "gpt2")

SCALING_FACTOR, OLD_FACTOR = "rope.scaling.factor", "rope.scale_linear"
"""The factor of linear scaling, and its key in files of 2023."""

LLAMA_31 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_context": 8192}
"""How Llama 3.1 and later stretch their wavelengths, but for the factor. GGUF keeps the result, one
number for each pair of dimensions, and not the settings."""


def architecture_of(config: ModelConfig) -> str:
    """GGUF's name for models of this shape. Raises UnknownArchitectureError where it has none."""
    if config.experts:
        raise UnknownArchitectureError(
            "format: the model has experts, which are not written as GGUF here.",
            hint="Export it as safetensors: `mini-claude models export NAME FOLDER`.",
            param="format",
        )
    if gpt2.write_config_fields(config) is not None:
        if config.activation != "gelu_tanh":
            raise _no_word(f"a GPT-2 with the activation {config.activation!r}")
        return "gpt2"
    model_type = llama.model_type_of(config)
    if model_type is None or config.rotary is None:
        raise _no_word("a model of this shape")
    if config.activation != "silu":
        raise _no_word(f"a Llama with the activation {config.activation!r}")
    if config.rotary.kind == "dynamic":
        raise _no_word("dynamic rotary scaling")
    if model_type == "qwen3" and config.qkv_bias:
        raise _no_word("a Qwen3 with biases in its attention")
    return ARCHITECTURES[model_type]


def _no_word(what: str) -> UnknownArchitectureError:
    return UnknownArchitectureError(
        f"format: GGUF has no word for {what}, so llama.cpp would compute something else.",
        hint="Export it as safetensors: `mini-claude models export NAME FOLDER`.",
        param="format",
    )


def write_metadata(config: ModelConfig) -> dict[str, Value]:
    """The keys that describe the shape.

    Layers that look back no further than a window have no key in these architectures; a context as
    long as the window says the same, for then no token ever leaves it.
    """
    architecture = architecture_of(config)
    context = min([config.context, *(window for window in config.windows if window)])
    rotary = config.rotary
    eps = "layer_norm_epsilon" if architecture == "gpt2" else "layer_norm_rms_epsilon"
    keys: dict[str, Value] = {
        "vocab_size": config.vocab_size,
        "context_length": context,
        "embedding_length": config.width,
        "block_count": config.layers,
        "feed_forward_length": config.mlp_width,
        "attention.head_count": config.heads,
        "attention.head_count_kv": config.kv_heads,
        f"attention.{eps}": config.norm_eps,
    }
    if rotary is not None:
        keys |= {
            "attention.key_length": config.head_dim,
            "attention.value_length": config.head_dim,
            "rope.dimension_count": config.head_dim,
            "rope.freq_base": rotary.theta,
        }
        if rotary.kind == "linear":
            keys |= {
                "rope.scaling.type": "linear",
                "rope.scaling.factor": rotary.factor,
            }
    return {f"{architecture}.{name}": value for name, value in keys.items()}


def rope_factors(config: ModelConfig) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """[head_dim / 2]: what each wavelength is multiplied by, where Llama 3.1's stretching is on."""
    if config.rotary is None or config.rotary.kind != "llama3":
        return None
    length = torch.ones(())
    plain = rotary_frequencies(RotaryConfig(config.rotary.theta), config.head_dim, length)
    stretched = rotary_frequencies(config.rotary, config.head_dim, length)
    factors: np.ndarray[Any, np.dtype[np.float32]] = (plain / stretched).numpy()
    return factors


def read_metadata(gguf: GGUFFile) -> tuple[CheckpointFormat, ModelConfig]:
    """The format that a model of this shape is written in, and the shape.

    Raises UnknownArchitectureError for architectures and settings that are not followed here,
    CheckpointError naming the key that is missing or out of range.
    """
    architecture = gguf.metadata.get("general.architecture")
    if not isinstance(architecture, str) or architecture not in READ:
        raise UnknownArchitectureError(
            f"{gguf.path}: general.architecture is {architecture!r:.80}, which is not implemented.",
            hint=f"Choose a model of one of these: {', '.join(READ)}.",
            param="general.architecture",
        )
    prefix = f"{architecture}."
    keys = {
        name.removeprefix(prefix): value
        for name, value in gguf.metadata.items()
        if name.startswith(prefix)
    }
    fields = ConfigFields(gguf.path, keys)
    tokens = gguf.tensors.get(TOKENS)
    if tokens is None or len(tokens.shape) != 2:
        raise CheckpointError(
            f"{gguf.path} has no table of token embeddings, {TOKENS}.",
            hint="It holds a part of a model, or none; choose the file of a whole one.",
        )
    form = gpt2.FORMAT if architecture == "gpt2" else llama.FORMAT
    config = _config(gguf, fields, architecture, tokens.shape[0])
    if form.write(config) is None:
        raise UnknownArchitectureError(
            f"{gguf.path}: a {architecture} model with this mixture of biases is not implemented.",
            hint="Choose another model.",
        )
    return form, config


def _config(gguf: GGUFFile, fields: ConfigFields, architecture: str, rows: int) -> ModelConfig:
    width, heads = fields.integer("embedding_length"), fields.integer("attention.head_count")
    experts = fields.values.get("expert_count", 0)
    if type(experts) is not int or experts:
        raise fields.unsupported("expert_count", "mixtures of experts are not implemented")
    family: Literal["gpt2", "llama"] = "gpt2" if architecture == "gpt2" else "llama"
    is_llama = family == "llama"
    head_dim = fields.integer("attention.key_length", max(width // heads, 1))
    if fields.integer("attention.value_length", head_dim) != head_dim:
        raise fields.unsupported("attention.value_length", "keys and values are of one length here")
    context = fields.integer("context_length")
    rotary = _rotary(gguf, fields, head_dim) if is_llama else None
    if rotary is not None and rotary.kind == "linear":
        # Some files say how long it was before, and some of those, older ones of ours among them,
        # say nothing else.
        before = fields.integer("rope.scaling.original_context_length", 1)
        context = max(context, int(before * rotary.factor))

    def has(name: str) -> bool:
        return f"blk.0.{name}" in gguf.tensors

    eps = "attention.layer_norm_rms_epsilon" if is_llama else "attention.layer_norm_epsilon"
    return ModelConfig(
        family=family,
        vocab_size=rows,
        context=context,
        width=width,
        layers=fields.integer("block_count"),
        heads=heads,
        kv_heads=fields.integer("attention.head_count_kv", heads),
        head_dim=head_dim,
        mlp_width=fields.integer("feed_forward_length"),
        norm="rmsnorm" if is_llama else "layernorm",
        norm_eps=fields.number(eps),
        activation="silu" if is_llama else "gelu_tanh",
        gated_mlp=is_llama,
        positions="rotary" if is_llama else "learned",
        rotary=rotary,
        qkv_bias=has("attn_q.bias") if is_llama else True,
        out_bias=has("attn_output.bias") if is_llama else True,
        mlp_bias=has("ffn_up.bias") if is_llama else True,
        qk_norm=has("attn_q_norm.weight"),
        tied_head=HEAD not in gguf.tensors,
    )


def _rotary(gguf: GGUFFile, fields: ConfigFields, head_dim: int) -> RotaryConfig:
    if fields.integer("rope.dimension_count", head_dim) != head_dim:
        raise fields.unsupported("rope.dimension_count", "a head is always rotated whole here")
    theta = fields.number("rope.freq_base", 10_000.0)
    factor = _linear_factor(fields)
    kind = fields.text("rope.scaling.type", "none" if factor == 1 else "linear")
    factors = gguf.tensors.get(ROPE_FACTORS)
    if factors is not None:
        if factors.shape != (head_dim // 2,) or kind not in ("none", "linear"):
            raise fields.unsupported("rope.scaling.type", f"{ROPE_FACTORS} does not go with it")
        if kind == "linear" and factor != 1:
            raise fields.unsupported(SCALING_FACTOR, f"{ROPE_FACTORS} does not go with it")
        return _llama_31(gguf, theta, factors.read_rows(0, 1)[0])
    if kind == "linear":
        return RotaryConfig(theta, "linear", factor)
    if kind != "none":
        raise fields.unsupported("rope.scaling.type", "implemented are none and linear")
    return RotaryConfig(theta=theta)


def _linear_factor(fields: ConfigFields) -> float:
    """What linear scaling divides positions by: 1 where a file says nothing, or llama.cpp's 0. A
    factor without a type means linear scaling."""
    name = SCALING_FACTOR if SCALING_FACTOR in fields.values else OLD_FACTOR
    return 1.0 if fields.values.get(name) == 0 else fields.number(name, 1.0)


def _llama_31(
    gguf: GGUFFile, theta: float, factors: np.ndarray[Any, np.dtype[np.float32]]
) -> RotaryConfig:
    """The settings that give these factors."""
    most = float(factors.max())
    settings: Mapping[str, Any] = {"kind": "llama3", "factor": round(most, 3), **LLAMA_31}
    if most >= 1:
        rotary = RotaryConfig(theta=theta, **settings)
        length = torch.ones(())
        plain = rotary_frequencies(RotaryConfig(theta), 2 * len(factors), length)
        expected = (plain / rotary_frequencies(rotary, 2 * len(factors), length)).numpy()
        if np.allclose(factors, expected, rtol=1e-4):
            return rotary
    raise UnknownArchitectureError(
        f"{gguf.path}: {ROPE_FACTORS} stretches positions in another way than Llama 3.1 does, which"
        " is not implemented.",
        hint="Choose another model: passing the tensor over would give wrong answers.",
    )
