"""Adapter folders: what fits is loaded, what does not is refused with both shapes named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.errors import CheckpointError, ConflictError
from miniclaude.model.adapter import load_adapter, read_adapter_config, save_adapter
from miniclaude.model.lora import LoraConfig, add_lora, lora_parameters
from miniclaude.model.shards import make_header, read_header, write_shard
from tests.model.models import GPT2, LLAMA, random_ids, random_model

IDS = random_ids(2, 20)
PREFIX = "base_model.model.model.layers.0.self_attn."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter on q_proj and v_proj of the tiny Llama."""
    model = random_model(LLAMA)
    add_lora(model, LoraConfig(r=2, targets=("q_proj", "v_proj")))
    with torch.no_grad():
        for _, parameter in lora_parameters(model):
            parameter.fill_(0.1)
    save_adapter(model, tmp_path / "adapter", base="org/tiny")
    return tmp_path / "adapter"


def change(folder: Path, **fields: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def rewrite(folder: Path, edit: Any) -> None:
    """The tensors again, as `edit` leaves the dictionary of them."""
    path = folder / "adapter_model.safetensors"
    tensors = {}
    for name, stored in read_header(path).items():
        tensors[name] = torch.empty(stored.shape)
        stored.read_into(tensors[name])
    edit(tensors)
    items = list(tensors.items())
    write_shard(path, items, make_header((n, t.dtype, tuple(t.shape)) for n, t in items))


def test_what_is_saved_is_what_is_loaded(folder: Path) -> None:
    model = random_model(LLAMA)
    before = model(IDS)
    loaded = load_adapter(model, folder)
    assert loaded.left_out == ()
    assert loaded.config.base == "org/tiny"
    assert not torch.allclose(model(IDS), before, atol=1e-3)
    assert not any(p.requires_grad for p in model.parameters())
    again = random_model(LLAMA)
    load_adapter(again, folder, "mine", trainable=True)
    assert torch.equal(again(IDS), model(IDS))
    assert {p for p in again.parameters() if p.requires_grad} == {
        p for _, p in lora_parameters(again, "mine")
    }


def test_what_is_written(folder: Path) -> None:
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["target_modules"] == ["q_proj", "v_proj"]
    assert (config["r"], config["lora_alpha"], config["bias"]) == (2, 32, "none")
    assert config["fan_in_fan_out"] is False
    names = sorted(read_header(folder / "adapter_model.safetensors"))
    assert names[0] == PREFIX + "q_proj.lora_A.weight"
    assert len(names) == 8


def test_a_folder_is_not_written_over(folder: Path) -> None:
    model = random_model(LLAMA)
    add_lora(model, LoraConfig(r=2))
    with pytest.raises(ConflictError, match="already exists"):
        save_adapter(model, folder, base="org/tiny")
    save_adapter(model, folder, base="org/tiny", overwrite=True)


def test_companions_lie_beside_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    model = random_model(LLAMA)
    add_lora(model, LoraConfig(r=2))
    save_adapter(
        model, folder, base="b", companions=[tmp_path / "chat_template.jinja"], overwrite=True
    )
    assert (folder / "chat_template.jinja").read_text() == "{{ messages }}"


def refused(folder: Path, match: str, **changes: Any) -> CheckpointError:
    """The error for another base; the model is left as it was."""
    model = random_model(changes.pop("config", LLAMA), **changes)
    names = set(model.state_dict())
    with pytest.raises(CheckpointError, match=match) as caught:
        load_adapter(model, folder)
    assert set(model.state_dict()) == names
    return caught.value


def test_an_adapter_for_another_base_names_both_shapes(folder: Path) -> None:
    error = refused(
        folder, r"lora_A.weight has shape \[2, 16\] where this model needs \[2, 32\]", width=32
    )
    assert "made for, org/tiny" in error.hint
    refused(folder, r"lora_B.weight has shape \[16, 2\] where .* needs \[32, 2\]", heads=8)
    refused(folder, r"no tensor .*layers\.2\..*3 layers", layers=3, windows=())
    refused(folder, r"4 tensors that this model of 1 layers", layers=1, windows=())
    error = refused(folder, r"does not fit .* no linear layer of this gpt2 model", config=GPT2)
    assert error.param == "target_modules"


def test_a_rank_that_the_tensors_do_not_have(folder: Path) -> None:
    change(folder, r=4)
    refused(folder, r"has shape \[2, 16\] where this model needs \[4, 16\]")


@pytest.mark.parametrize(
    ("field", "value", "cure"),
    [
        ("modules_to_save", ["lm_head"], "merge_and_unload"),
        ("bias", "all", "bias none"),
        ("layer_replication", [[0, 2]], "merge_and_unload"),
        ("trainable_token_indices", [1, 2], "merge_and_unload"),
        ("layers_to_transform", [1], "full names"),
        ("exclude_modules", ["v_proj"], "full names"),
        ("init_lora_weights", "pissa_niter_4", "path_initial_model_for_weight_conversion"),
        ("init_lora_weights", {"a": 1}, "path_initial_model"),
        ("lora_bias", True, "merge_and_unload"),
        ("peft_type", "IA3", "merge_and_unload"),
        ("an_option_of_2027", 3, "merge_and_unload"),
    ],
)
def test_features_we_do_not_have_are_refused_by_name(
    folder: Path, field: str, value: object, cure: str
) -> None:
    """Passed over, each would give an adapter that answers wrongly."""
    change(folder, **{field: value})
    error = refused(folder, f"adapter_config.json: {field} is ")
    assert error.param == field
    assert cure in error.hint


def test_defaults_and_nulls_are_no_features(folder: Path) -> None:
    change(
        folder,
        modules_to_save=None,
        layer_replication=[],
        use_qalora=False,
        loftq_config={},
        megatron_config=None,
        an_option_of_2027=None,
        init_lora_weights="gaussian",
        target_modules=["q_proj", "v_proj", "w1"],
    )
    load_adapter(random_model(LLAMA), folder)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"r": "8"}, "r is '8'; it must be a whole number"),
        ({"lora_alpha": None}, "alpha is None"),
        ({"target_modules": None}, "targets is None"),
        ({"target_modules": ["lm_head"]}, "lm_head is an embedding or the output head"),
        ({"target_modules": "(a+)+b"}, "repeats a group"),
        ({"rank_pattern": {"q_proj": -1}}, "rank_pattern['q_proj'] is -1"),
        ({"rank_pattern": [1]}, "rank_pattern is [1]"),
        ({"use_dora": "yes"}, "use_dora is 'yes'"),
        ({"use_dora": True}, "no tensor base_model.model.model.layers.0.self_attn.q_proj.lora_mag"),
    ],
)
def test_malformed_fields(folder: Path, fields: dict[str, object], problem: str) -> None:
    change(folder, **fields)
    refused(folder, re.escape(problem))


def test_tensors_too_few_and_too_many(folder: Path) -> None:
    rewrite(folder, lambda tensors: tensors.pop(PREFIX + "q_proj.lora_B.weight"))
    refused(folder, r"no tensor .*layers\.0\.self_attn\.q_proj\.lora_B\.weight")

    def add(tensors: dict[str, torch.Tensor]) -> None:
        tensors[PREFIX + "q_proj.lora_B.weight"] = torch.zeros(16, 2)
        tensors["base_model.model.score.weight"] = torch.zeros(3, 16)

    rewrite(folder, add)
    refused(folder, r"1 tensors that .* no place for: 'base_model\.model\.score\.weight")
    change(folder, task_type="SEQ_CLS")
    (sentence,) = load_adapter(random_model(LLAMA), folder).left_out
    assert sentence.startswith("'base_model.model.score.weight' [3, 16] is not used")


def test_corrupt_files_name_themselves(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused(folder, r"adapter_model\.safetensors has .* bytes where its header describes")
    weights.unlink()
    refused(folder, r"neither adapter_model\.safetensors nor adapter_model\.bin")
    (folder / "adapter_config.json").write_text("[")
    refused(folder, r"adapter_config\.json is not valid JSON")
    (folder / "adapter_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no adapter_config\.json"):
        read_adapter_config(folder)
