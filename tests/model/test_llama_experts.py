"""config.json of the relatives with experts, and what of them is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.errors import CheckpointError, UnknownArchitectureError
from miniclaude.model import llama
from miniclaude.model.checkpoint import load_model, read_config, save_model
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.config_json import ConfigFields
from tests.model.models import LLAMA, MIXTURE, random_ids, random_model
from tests.model.test_llama import TINY

MIXTRAL: dict[str, object] = {
    "model_type": "mixtral",
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
}
QWEN2: dict[str, object] = {
    "model_type": "qwen2_moe",
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 12,
    "shared_expert_intermediate_size": 20,
}
QWEN3: dict[str, object] = {
    "model_type": "qwen3_moe",
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 12,
}


def read(base: dict[str, object], **fields: object) -> ModelConfig:
    return llama.read_config_fields(ConfigFields(Path("config.json"), TINY | base | fields))


def test_mixtral() -> None:
    config = read(MIXTRAL)
    assert (config.experts, config.experts_per_token, config.expert_width) == (4, 2, 24)
    assert config.norm_topk, "its softmax is over the chosen"
    assert config.sparse_layers == (True, True, True)
    assert (config.norm_eps, config.rotary) == (1e-5, RotaryConfig(theta=1e6))
    assert config.windows == (None, None, None)
    assert read(MIXTRAL, sliding_window=5).windows == (5, 5, 5)


def test_qwen2_moe() -> None:
    config = read(QWEN2)
    assert (config.experts, config.expert_width, config.shared_expert_width) == (4, 12, 20)
    assert (config.norm_topk, config.qkv_bias, config.mlp_width) == (False, True, 24)
    assert not read(QWEN2, qkv_bias=False).qkv_bias
    assert read(QWEN2, norm_topk_prob=True).norm_topk
    sliding = read(QWEN2, use_sliding_window=True, sliding_window=5, max_window_layers=3)
    assert sliding.windows == (5, None, 5), "every other one, as transformers has it"


def test_qwen3_moe() -> None:
    """transformers 5 writes the number of experts by another name than the hub's files have."""
    config = read(QWEN3)
    assert (config.experts, config.shared_expert_width, config.qk_norm) == (4, 0, True)
    assert config.head_dim == 4
    renamed = {name: value for name, value in QWEN3.items() if name != "num_experts"}
    assert read({**renamed, "num_local_experts": 4}) == config
    sliding = read(QWEN3, use_sliding_window=True, sliding_window=6, layer_types=["any"])
    assert sliding.windows == (6, 6, 6)


@pytest.mark.parametrize(
    ("fields", "sparse"),
    [
        ({}, (True, True, True)),
        ({"decoder_sparse_step": 2}, (False, True, False)),
        ({"mlp_only_layers": [0, 2]}, (False, True, False)),
        ({"decoder_sparse_step": 3, "mlp_only_layers": []}, (False, False, True)),
    ],
)
def test_which_layers_are_sparse(fields: dict[str, object], sparse: tuple[bool, ...]) -> None:
    assert read(QWEN3, **fields).sparse_layers == sparse


@pytest.mark.parametrize(
    ("base", "fields", "words"),
    [
        (MIXTRAL, {"router_jitter_noise": 0.1}, "router_jitter_noise is 0.1; a router is never"),
        (MIXTRAL, {"hidden_act": "xielu"}, "hidden_act"),
    ],
)
def test_what_is_not_implemented_is_refused_by_name(
    base: dict[str, object], fields: dict[str, object], words: str
) -> None:
    with pytest.raises(UnknownArchitectureError) as caught:
        read(base, **fields)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("base", "fields", "words"),
    [
        (MIXTRAL, {"num_local_experts": None}, "num_local_experts is None"),
        (MIXTRAL, {"num_local_experts": 10**6}, "from 1 to 1,024"),
        (MIXTRAL, {"num_experts_per_tok": 5}, "from 1 to the number of experts, 4"),
        (QWEN2, {"shared_expert_intermediate_size": 0}, "shared_expert_intermediate_size is 0"),
        (QWEN3, {"num_experts": 0}, "num_experts is 0; it must be a whole number from 1"),
        (QWEN3, {"moe_intermediate_size": 1 << 21}, "from 1 to 1,048,576"),
        (QWEN3, {"mlp_only_layers": "all"}, "mlp_only_layers is 'all'; it must be a list"),
        (QWEN3, {"mlp_only_layers": [-1]}, "it must be a list of whole numbers"),
        (QWEN3, {"mlp_only_layers": [0, 1, 2]}, "no layer is sparse"),
        (QWEN3, {"decoder_sparse_step": 0}, "decoder_sparse_step is 0"),
    ],
)
def test_fields_that_cannot_be(
    base: dict[str, object], fields: dict[str, object], words: str
) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(base, **fields)
    assert words in caught.value.message
    assert caught.value.hint


SPARSE = dataclasses.replace(
    LLAMA, experts=4, experts_per_token=2, expert_width=24, norm_topk=True, windows=()
)


@pytest.mark.parametrize(
    ("changes", "model_type"),
    [
        ({}, "mixtral"),
        ({"windows": (5, 5)}, "mixtral"),
        ({"shared_expert_width": 8, "norm_topk": False}, "qwen2_moe"),
        ({"shared_expert_width": 8, "qkv_bias": True, "windows": (5, None)}, "qwen2_moe"),
        ({"shared_expert_width": 8, "sparse_layers": (False, True)}, "qwen2_moe"),
        ({"qk_norm": True, "expert_width": 12, "sparse_layers": (True, False)}, "qwen3_moe"),
        ({"qk_norm": True, "qkv_bias": True, "out_bias": True, "windows": (6, 6)}, "qwen3_moe"),
        ({"norm_topk": False}, None),
        ({"expert_width": 12}, None),
        ({"sparse_layers": (False, True)}, None),
        ({"windows": (5, None)}, None),
        ({"qkv_bias": True}, None),
        ({"qk_norm": True, "windows": (5, None)}, None),
        ({"qk_norm": True, "shared_expert_width": 8}, None),
        ({"gated_mlp": False}, None),
    ],
)
def test_written_as_the_relative_that_computes_the_same(
    changes: dict[str, Any], model_type: str | None
) -> None:
    config = dataclasses.replace(SPARSE, **changes)
    written = llama.write_config_fields(config)
    assert (written and written["model_type"]) == model_type
    if written is not None:
        assert llama.read_config_fields(ConfigFields(Path("config.json"), written)) == config


@torch.no_grad()
def test_what_no_relative_has_is_kept_in_our_own_format(tmp_path: Path) -> None:
    model = random_model(MIXTURE, mlp_bias=True)
    save_model(model, tmp_path / "own")
    assert '"model_type": "mini_claude"' in (tmp_path / "own" / "config.json").read_text()
    assert read_config(tmp_path / "own") == model.config
    ids = random_ids(2, 9)
    assert torch.equal(load_model(tmp_path / "own")(ids), model(ids))
