"""What touches an MLP and does not know experts: it works beside them or refuses them by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from miniclaude.errors import CheckpointError, UnknownArchitectureError
from miniclaude.model.adapter import load_adapter, save_adapter
from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.facts import read_facts
from miniclaude.model.gguf_blocks import F16
from miniclaude.model.gguf_export import write_gguf
from miniclaude.model.library import Library
from miniclaude.model.load_packed import load_packed
from miniclaude.model.lora import LoraConfig, add_lora, fold, lora_parameters
from miniclaude.model.merged import write_merged
from miniclaude.model.packed_folder import map_packed
from miniclaude.model.packed_layers import pack_model
from miniclaude.model.quantize import QuantizedLinear, quantize
from miniclaude.model.write_packed import quantize_model, write_packed
from tests.model.models import MIXTURE, random_ids, random_model
from tests.model.test_hub import Recorder
from tests.tiny_checkpoint import write_tiny_checkpoint

WORDS = "experts are not packed into 8 or 4 bits"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny Mixtral that can chat, installed as `mix`."""
    return write_tiny_checkpoint(tmp_path / "models" / "mix", experts=4)


def test_packing_is_refused(folder: Path, tmp_path: Path) -> None:
    """Before anything is read or written, and with what to do instead."""
    library = Library(tmp_path / "models")
    model = library.find("mix")
    (tmp_path / "packed").mkdir()
    with pytest.raises(CheckpointError, match=WORDS) as caught:
        load_packed(folder, 8)
    assert str(folder) in caught.value.message
    assert "--dtype bfloat16" in caught.value.hint
    with pytest.raises(CheckpointError, match=f"^mix has 4 experts a layer, and {WORDS}"):
        quantize_model(model, library, 4, name="small", progress=Recorder())
    with pytest.raises(CheckpointError, match=WORDS):
        write_packed(folder, tmp_path / "packed", 4, progress=Recorder())
    with pytest.raises(CheckpointError, match=WORDS):
        pack_model(load_model(folder), 8)
    assert not list((tmp_path / "packed").iterdir())
    assert [each.name for each in library.list()] == ["mix"]


def test_a_folder_that_claims_to_be_packed_is_refused(folder: Path) -> None:
    path = folder / "config.json"
    packing = {"quant_method": "mini-claude", "version": 1, "bits": 8, "group_size": None}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": packing}))
    with pytest.raises(CheckpointError, match=WORDS):
        map_packed(folder)


def test_gguf_is_refused(folder: Path, tmp_path: Path) -> None:
    model = Library(tmp_path / "models").find("mix")
    with pytest.raises(UnknownArchitectureError, match="the model has experts") as caught:
        write_gguf(model, tmp_path / "mix.gguf", F16, Recorder())
    assert "models export NAME FOLDER" in caught.value.hint
    assert not (tmp_path / "mix.gguf").exists()


def test_facts_tell_total_from_active(folder: Path) -> None:
    facts = read_facts(folder)
    expert = 3 * 32 * 64
    assert facts.parameters - facts.active_parameters == 2 * 2 * expert
    assert facts.weight_bytes == 4 * facts.parameters, "all experts are in memory"


@torch.no_grad()
def test_a_quantised_base_keeps_its_experts_as_they_are() -> None:
    """Adapters on a base in 8 bits: only its linear layers are in few bits."""
    model = random_model(MIXTURE)
    before, ids = model(random_ids(2, 9)), random_ids(2, 9)
    quantize(model, 8)
    assert isinstance(model.get_submodule("blocks.0.attention.qkv"), QuantizedLinear)
    assert model.get_parameter("blocks.0.mlp.up").dtype == torch.float32
    assert float((model(ids) - before).abs().mean() / before.abs().mean()) < 0.05


@torch.no_grad()
def test_an_adapter_is_stored_loaded_and_folded_in(tmp_path: Path) -> None:
    model, ids = random_model(MIXTURE), random_ids(2, 9)
    save_model(model, tmp_path / "base")
    add_lora(model, LoraConfig(r=2))
    for _, parameter in lora_parameters(model):
        parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    save_adapter(model, tmp_path / "adapter", base="base")
    again = load_model(tmp_path / "base")
    assert load_adapter(again, tmp_path / "adapter").left_out == ()
    torch.testing.assert_close(again(ids), model(ids))
    fold(again)
    torch.testing.assert_close(again(ids), model(ids), atol=1e-5, rtol=0)


def test_an_adapter_of_experts_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """PEFT can adapt the shared expert: to leave that out would give other answers."""
    model = random_model(MIXTURE)
    add_lora(model, LoraConfig(r=2, targets=("q_proj",)))
    save_adapter(model, tmp_path, base="base")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    config["target_modules"] = ["q_proj", "shared_expert.up_proj"]
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    where = "base_model.model.model.layers.0.mlp.shared_expert.up_proj"
    tensors[f"{where}.lora_A.weight"] = torch.ones(2, MIXTURE.width)
    tensors[f"{where}.lora_B.weight"] = torch.ones(MIXTURE.shared_expert_width, 2)
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=r"shared_expert\.up_proj"):
        load_adapter(random_model(MIXTURE), tmp_path)


def test_a_whole_model_is_exported(folder: Path, tmp_path: Path) -> None:
    write_merged(Library(tmp_path / "models").find("mix"), tmp_path / "out")
    one, other = load_model(folder), load_model(tmp_path / "out")
    assert all(map(torch.equal, one.parameters(), other.parameters()))
