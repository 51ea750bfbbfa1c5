"""GPT-2's config.json, as GPT-2, DialoGPT and others wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.errors import CheckpointError, UnknownArchitectureError
from miniclaude.model import gpt2
from miniclaude.model.checkpoint import read_config
from miniclaude.model.config import ModelConfig
from miniclaude.model.config_json import ConfigFields
from tests.model.models import GPT2

TINY: dict[str, object] = {"vocab_size": 53, "n_embd": 16, "n_layer": 2, "n_head": 2}


def read(**fields: object) -> ModelConfig:
    return gpt2.read_config_fields(ConfigFields(Path("config.json"), TINY | fields))


def test_defaults_are_those_of_gpt2() -> None:
    config = read()
    assert (config.context, config.mlp_width, config.norm_eps) == (1024, 64, 1e-5)
    assert (config.activation, config.tied_head, config.head_dim) == ("gelu_tanh", True, 8)


@pytest.mark.parametrize("size", ["117M", "345M", "762M"])
def test_dialogpt_has_no_model_type(shared_folder: Path, size: str, tmp_path: Path) -> None:
    """Its published config.json is older than that field; the fields it has are GPT-2's."""
    source = shared_folder / f"data/gpt2-tokenizer/dialogpt_{size}_config.json"
    (tmp_path / "config.json").write_bytes(source.read_bytes())
    config = read_config(tmp_path)
    published = json.loads(source.read_text())
    assert config.family == "gpt2"
    assert (config.width, config.layers, config.heads, config.vocab_size) == (
        published["n_embd"],
        published["n_layer"],
        published["n_head"],
        50257,
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("gelu_new", "gelu_tanh"), ("gelu", "gelu"), ("relu", "relu"), ("silu", "silu")],
)
def test_activations(theirs: str, ours: str) -> None:
    assert read(activation_function=theirs).activation == ours


@pytest.mark.parametrize(
    "fields",
    [
        {"scale_attn_weights": False},
        {"scale_attn_by_inverse_layer_idx": True},
        {"add_cross_attention": True},
        {"activation_function": "quick_gelu"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_mathematics_we_do_not_follow_is_refused_by_name(fields: dict[str, object]) -> None:
    with pytest.raises(UnknownArchitectureError, match=next(iter(fields))):
        read(**fields)


def test_the_order_of_the_arithmetic_does_not_matter() -> None:
    assert read(reorder_and_upcast_attn=True) == read()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_head": 3}, "n_head is 3; it must be a divisor of n_embd, 16"),
        ({"n_layer": None}, "n_layer is None; it must be a whole number from 1"),
        ({"n_layer": True}, "n_layer is True"),
        ({"n_layer": 2.5}, "n_layer is 2.5"),
        ({"n_layer": 10**9}, "layers is 1000000000"),
        ({"vocab_size": "many"}, "vocab_size is 'many'"),
        ({"layer_norm_epsilon": 0}, "layer_norm_epsilon is 0; it must be a positive number"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings is 1; it must be true or false"),
        ({"activation_function": ["relu"]}, "must be a string"),
    ],
)
def test_fields_that_cannot_be(fields: dict[str, object], words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(**fields)
    assert words in caught.value.message
    assert "config.json" in caught.value.message


def test_a_missing_size_is_named() -> None:
    with pytest.raises(CheckpointError, match="n_embd is missing"):
        gpt2.read_config_fields(ConfigFields(Path("config.json"), {"vocab_size": 1, "n_head": 1}))


def test_written_fields_read_back() -> None:
    written = gpt2.write_config_fields(GPT2)
    assert written is not None
    assert gpt2.read_config_fields(ConfigFields(Path("config.json"), written)) == GPT2
