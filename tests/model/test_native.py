"""Our own format reads back what it wrote, and says what is wrong with what it did not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from miniclaude.errors import CheckpointError
from miniclaude.model import native
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.config_json import ConfigFields
from miniclaude.model.transformer import Transformer
from tests.model.models import GPT2, LLAMA, MIXTURE

CONFIGS = {
    "gpt2": GPT2,
    "sinusoidal": dataclasses.replace(GPT2, positions="sinusoidal", tied_head=False),
    "llama": dataclasses.replace(LLAMA, qk_norm=True, qkv_bias=True, windows=(None, 7)),
    "stretched": dataclasses.replace(
        LLAMA, rotary=RotaryConfig(5e5, "llama3", 8.0, 1.0, 4.0, 32), mlp_bias=True
    ),
    "experts": dataclasses.replace(MIXTURE, mlp_bias=True, norm="layernorm"),
}


def read(config: ModelConfig, **changes: object) -> ModelConfig:
    """Through JSON, as a file would."""
    values = json.loads(json.dumps(native.write_config_fields(config))) | changes
    return native.read_config_fields(ConfigFields(Path("config.json"), values))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_field_reads_back(config: ModelConfig) -> None:
    assert read(config) == config


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_has_its_piece(config: ModelConfig) -> None:
    pieces = [piece.name for piece in native.pieces(config)]
    assert sorted(pieces) == sorted(name for name, _ in Transformer(config).named_parameters())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions": "alibi"}, "must be one of learned, sinusoidal, rotary"),
        ({"windows": "all"}, "windows is 'all'; it must be a list"),
        ({"windows": [None, 0]}, "positive whole numbers and nulls"),
        ({"rotary": {"theta": 1e4, "kind": "yarn"}}, "default, linear, dynamic, llama3"),
        ({"rotary": {"theta": 1e4, "kind": "default", "original_context": "8"}}, "a whole number"),
        ({"activation": None}, "activation is None"),
        ({"experts": -1}, "experts is -1; it must be a whole number from 1"),
        ({"sparse_layers": [1, 0]}, "sparse_layers is [1, 0]; it must be a list of true and false"),
    ],
)
def test_fields_that_cannot_be(changes: dict[str, object], words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(GPT2, **changes)
    assert words in caught.value.message
