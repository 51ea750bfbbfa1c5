"""config.json of Llama and its relatives, in the older form and in transformers 5's."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import CheckpointError, UnknownArchitectureError
from miniclaude.model import llama
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.config_json import ConfigFields
from tests.model.models import LLAMA

TINY: dict[str, object] = {
    "model_type": "llama",
    "vocab_size": 53,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}


def read(**fields: object) -> ModelConfig:
    return llama.read_config_fields(ConfigFields(Path("config.json"), TINY | fields))


def test_defaults_are_those_of_transformers() -> None:
    config = read()
    assert (config.kv_heads, config.head_dim, config.norm_eps) == (4, 4, 1e-6)
    assert (config.activation, config.tied_head) == ("silu", False)
    assert config.rotary == RotaryConfig(theta=10_000.0)


LLAMA3: dict[str, object] = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rope_theta": 5e5}, RotaryConfig(5e5)),
        ({"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, RotaryConfig(5e5)),
        ({"rope_theta": 1e6, "rope_scaling": None}, RotaryConfig(1e6)),
        (
            {"rope_scaling": {"type": "linear", "factor": 2.0}},
            RotaryConfig(kind="linear", factor=2.0),
        ),
        (
            {"rope_scaling": {"rope_type": "dynamic", "type": "ignored", "factor": 2}},
            RotaryConfig(kind="dynamic", factor=2.0, original_context=64),
        ),
        (
            {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
            RotaryConfig(5e5, "llama3", 8.0, 1.0, 4.0, 32),
        ),
        (
            {"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", **LLAMA3}},
            RotaryConfig(5e5, "llama3", 8.0, 1.0, 4.0, 32),
        ),
    ],
    ids=["theta", "parameters", "null", "linear", "dynamic", "llama3-old", "llama3-new"],
)
def test_rotary_in_both_forms(fields: dict[str, object], expected: RotaryConfig) -> None:
    assert read(**fields).rotary == expected


def test_only_dynamic_stretching_lengthens_the_context() -> None:
    """`max_position_embeddings` is where it begins; of the other kinds it is the context after it.
    DeepSeek Coder, whose folder says 16,384 and a linear factor of 4, was offered with 65,536, of
    which it has learnt a quarter."""
    assert read().context == 64
    assert read(rope_scaling={"type": "linear", "factor": 2.5}).context == 64
    assert read(rope_scaling={"type": "dynamic", "factor": 4.0}).context == 256
    assert read(rope_scaling={"rope_type": "llama3", **LLAMA3}).context == 64


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        (
            {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
            "default, linear, dynamic, llama3",
        ),
        ({"rope_scaling": {"type": "su", "factor": 4.0}}, "'su'"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1e4}}}, "all layers"),
        ({"hidden_act": "xielu"}, "hidden_act"),
        (
            {
                "model_type": "qwen2",
                "use_sliding_window": True,
                "layer_types": ["linear_attention"] * 3,
            },
            "layer_types",
        ),
    ],
    ids=["yarn", "su", "partial", "partial-new", "per-layer", "activation", "layer-types"],
)
def test_what_is_not_implemented_is_refused_by_name(fields: dict[str, object], word: str) -> None:
    with pytest.raises(UnknownArchitectureError, match=word):
        read(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_attention_heads": 5}, "divisor of hidden_size"),
        ({"num_key_value_heads": 3}, "cannot share 3 key/value heads evenly"),
        ({"head_dim": 3}, "head_dim is 3"),
        ({"rope_scaling": {"type": "linear"}}, "factor is missing"),
        ({"rope_scaling": {"type": "linear", "factor": 0.5}}, "contradict each other"),
        ({"rope_scaling": "linear"}, "rope_scaling is 'linear'; it must be an object"),
        ({"rope_theta": -1}, "rope_theta is -1"),
        ({"num_hidden_layers": 10**30}, "num_hidden_layers is 1000"),
        ({"num_hidden_layers": 10**9}, "a whole number from 1 to 4,096"),
        ({"rope_theta": 10**400}, "rope_theta is 1000"),
        (
            {"rope_scaling": {"rope_type": "llama3", **LLAMA3, "low_freq_factor": 4.0}},
            "contradict each other",
        ),
        (
            {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "head_dim": 2},
            "more than one pair",
        ),
        (
            {"model_type": "qwen3", "use_sliding_window": True, "layer_types": ["full_attention"]},
            "1 attention windows for 3 layers",
        ),
        ({"model_type": "qwen2", "use_sliding_window": True, "layer_types": "all"}, "layer_types"),
        (
            {"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": -1},
            "max_window_layers is -1",
        ),
        ({"model_type": "mistral", "sliding_window": 0}, "sliding_window is 0"),
    ],
)
def test_fields_that_cannot_be(fields: dict[str, object], words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(**fields)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("fields", "windows"),
    [
        ({"model_type": "llama", "sliding_window": 5}, (None, None, None)),
        ({"model_type": "mistral", "sliding_window": 5}, (5, 5, 5)),
        ({"model_type": "mistral", "sliding_window": None}, (None, None, None)),
        ({"model_type": "mistral"}, (4096, 4096, 4096)),
        ({"model_type": "qwen2", "sliding_window": 5}, (None, None, None)),
        ({"model_type": "qwen2", "use_sliding_window": True}, (None, None, None)),
        (
            {
                "model_type": "qwen2",
                "use_sliding_window": True,
                "sliding_window": 5,
                "max_window_layers": 1,
            },
            (None, 5, 5),
        ),
        (
            {
                "model_type": "qwen3",
                "use_sliding_window": True,
                "sliding_window": 5,
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            },
            (5, None, 5),
        ),
    ],
)
def test_windows(fields: dict[str, object], windows: tuple[int | None, ...]) -> None:
    assert read(**fields).windows == windows


def test_biases_and_norms_are_the_relatives_own() -> None:
    qwen2, qwen3 = read(model_type="qwen2"), read(model_type="qwen3")
    assert (qwen2.qkv_bias, qwen2.out_bias, qwen2.qk_norm) == (True, False, False)
    assert (qwen3.qkv_bias, qwen3.qk_norm, qwen3.head_dim) == (False, True, 128)
    biased = read(attention_bias=True)
    assert (biased.qkv_bias, biased.out_bias, biased.mlp_bias) == (True, True, False)


BASE = dataclasses.replace(LLAMA, width=16, layers=3, windows=())


@pytest.mark.parametrize(
    ("changes", "model_type"),
    [
        ({}, "llama"),
        ({"head_dim": 6, "tied_head": True}, "llama"),
        ({"qkv_bias": True, "out_bias": True, "mlp_bias": True}, "llama"),
        ({"windows": (5, 5, 5)}, "mistral"),
        ({"qkv_bias": True}, "qwen2"),
        ({"qkv_bias": True, "windows": (None, 5, None)}, "qwen2"),
        ({"qk_norm": True, "head_dim": 12, "windows": (5, None, None)}, "qwen3"),
        ({"rotary": RotaryConfig(1e6, "linear", 1.5)}, "llama"),
        ({"rotary": RotaryConfig(5e5, "llama3", 8.0, original_context=32)}, "llama"),
        ({"windows": (5, None, None)}, None),
        ({"windows": (5, 6, 5), "qk_norm": True}, None),
        ({"qk_norm": True, "mlp_bias": True}, None),
        ({"out_bias": True}, None),
        ({"width": 18, "head_dim": 6}, None),
        ({"gated_mlp": False}, None),
    ],
)
def test_written_as_the_relative_that_computes_the_same(
    changes: dict[str, Any], model_type: str | None
) -> None:
    config = dataclasses.replace(BASE, **changes)
    written = llama.write_config_fields(config)
    assert (written and written["model_type"]) == model_type
    if written is not None:
        assert llama.read_config_fields(ConfigFields(Path("config.json"), written)) == config
