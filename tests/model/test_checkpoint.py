"""Model folders: what is written reads back, and what is wrong is said plainly."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import platform
import resource
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    DiskFullError,
    UnknownArchitectureError,
)
from miniclaude.model.checkpoint import load_model, read_config, save_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.transformer import Transformer
from tests.model.models import GPT2, LLAMA, random_ids, random_model

INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small Llama folder in several shards."""
    save_model(random_model(LLAMA), tmp_path / "tiny", max_shard_bytes=8_000)
    return tmp_path / "tiny"


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """A small GPT-2 folder with one weights file."""
    save_model(random_model(GPT2), tmp_path / "gpt2")
    return tmp_path / "gpt2"


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rewrite_header(file: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change a safetensors file's header, leaving the tensors' bytes alone."""
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("shard", [4 << 30, 9_000], ids=["single", "sharded"])
@pytest.mark.parametrize(
    "config",
    [GPT2, LLAMA],
    ids=["gpt2", "llama"],
)
@torch.no_grad()
def test_round_trip(config: ModelConfig, shard: int, tied: bool, tmp_path: Path) -> None:
    model = random_model(config, tied_head=tied)
    save_model(model, tmp_path / "model", max_shard_bytes=shard)
    assert (tmp_path / "model" / INDEX).exists() == (shard == 9_000)
    assert read_config(tmp_path / "model") == model.config
    loaded = load_model(tmp_path / "model")
    assert not loaded.training
    ids = random_ids(2, 9)
    assert torch.equal(loaded(ids), model(ids))


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": "sinusoidal"},
        {"norm": "rmsnorm", "windows": (None, 4)},
        {"qkv_bias": False, "kv_heads": 1, "positions": "sinusoidal"},
        {"mlp_bias": False, "activation": "relu", "gated_mlp": True},
    ],
    ids=["sinusoidal", "rmsnorm", "grouped", "gated"],
)
@torch.no_grad()
def test_what_nobody_else_can_express_is_kept_too(
    changes: dict[str, object], tmp_path: Path
) -> None:
    """Such a folder has a model_type of our own, so no other library loads it wrongly."""
    model = random_model(GPT2, **changes)
    save_model(model, tmp_path / "study")
    assert json.loads((tmp_path / "study/config.json").read_text())["model_type"] == "mini_claude"
    assert read_config(tmp_path / "study") == model.config
    ids = random_ids(1, 9)
    assert torch.equal(load_model(tmp_path / "study")(ids), model(ids))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_dtypes(dtype: torch.dtype, tmp_path: Path) -> None:
    """Weights are written in the dtype they have, and read into the dtype asked for."""
    model = random_model(GPT2).to(dtype)
    save_model(model, tmp_path / "half")
    assert f'"{str(dtype)[6:]}"' in (tmp_path / "half/config.json").read_text()
    same, wide = load_model(tmp_path / "half", dtype=dtype), load_model(tmp_path / "half")
    for name, value in model.state_dict().items():
        assert torch.equal(same.state_dict()[name], value), name
        assert torch.equal(wide.state_dict()[name], value.float()), name


def test_a_tied_head_stays_tied(single: Path) -> None:
    model = load_model(single)
    assert model.head.weight is model.tokens.weight
    model.tokens.weight.data.zero_()
    assert not model.head.weight.any()


@pytest.mark.parametrize("equal", [True, False], ids=["equal", "different"])
@torch.no_grad()
def test_a_stored_head_that_config_calls_tied(equal: bool, tmp_path: Path) -> None:
    """Some writers store it anyway: a copy is passed over, but a head of its own is believed."""
    model = random_model(LLAMA)
    if equal:
        model.head.weight.copy_(model.tokens.weight)
    save_model(model, tmp_path / "model")
    change_config(tmp_path / "model", tie_word_embeddings=True)
    loaded = load_model(tmp_path / "model")
    assert loaded.config.tied_head == equal
    ids = random_ids(1, 9)
    assert torch.equal(loaded(ids), model(ids))


@torch.no_grad()
def test_names_without_prefix_and_buffers(single: Path) -> None:
    """GPT-2's first checkpoints left out `transformer.` and kept their causal masks."""
    before = load_model(single)(random_ids(1, 9))

    def older(header: dict[str, dict[str, object]]) -> None:
        for name in list(header):
            header[name.removeprefix("transformer.")] = header.pop(name)
        last = max(int(h["data_offsets"][1]) for n, h in header.items() if n[0] != "_")  # type: ignore[index]
        header["h.0.attn.bias"] = {
            "dtype": "U8",
            "shape": [1, 1, 4, 4],
            "data_offsets": [last, last + 16],
        }

    rewrite_header(single / "model.safetensors", older)
    with (single / "model.safetensors").open("ab") as file:
        file.write(bytes(16))
    assert torch.equal(load_model(single)(random_ids(1, 9)), before)


def test_extra_config_and_companions(tmp_path: Path) -> None:
    """What belongs to the tokenizer travels with the weights; it cannot alter the architecture."""
    (tmp_path / "tokenizer.json").write_text("{}")
    save_model(
        random_model(GPT2),
        tmp_path / "model",
        extra_config={"eos_token_id": 7, "n_layer": 99},
        companions=[tmp_path / "tokenizer.json"],
    )
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert (config["eos_token_id"], config["n_layer"]) == (7, 2)
    assert (tmp_path / "model/tokenizer.json").read_text() == "{}"


def test_an_existing_folder_is_replaced_only_when_asked(single: Path) -> None:
    other = random_model(LLAMA)
    with pytest.raises(ConflictError, match="already exists"):
        save_model(other, single)
    assert read_config(single).family == "gpt2"
    save_model(other, single, overwrite=True)
    assert read_config(single).family == "llama"
    assert [path.name for path in single.parent.iterdir()] == [single.name]


def test_disk_full(single: Path) -> None:
    """Half a model is never left under the name of a whole one. The limit on a file's size is the
    kernel's own refusal to write, met in the middle of the weights."""
    model = random_model(GPT2, width=64, head_dim=32)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(DiskFullError, match=r"No room to write .*gpt2"):
            save_model(model, single, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_config(single) == GPT2
    load_model(single)
    assert [path.name for path in single.parent.iterdir()] == [single.name]


def resident(field: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at their highest."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs Linux with glibc")
@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["transposed", "fused"])
def test_loading_needs_little_more_than_the_weights(config: ModelConfig, tmp_path: Path) -> None:
    """The model never exists twice in memory, even where the file keeps it in another layout."""
    sizes: dict[str, Any] = {"width": 512, "heads": 8, "kv_heads": 8, "head_dim": 64}
    shape = dataclasses.replace(config, **sizes, mlp_width=2048, layers=8, windows=())
    with torch.device("meta"):
        model = Transformer(shape)
    model.to_empty(device="cpu")
    save_model(model, tmp_path / "large")
    size = sum(parameter.nbytes for parameter in model.parameters())
    del model
    ctypes.CDLL(None).malloc_trim(0)  # memory freed before goes back, so none of it is reused
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    before = resident("VmRSS")
    load_model(tmp_path / "large")
    grown = resident("VmHWM") - before
    assert size > 100e6
    assert 0.9 * size < grown < 1.15 * size


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limit on address space")
def test_weights_that_memory_cannot_hold(tmp_path: Path) -> None:
    """Said with their size, rather than as the allocator's own words."""
    wide = dataclasses.replace(GPT2, vocab_size=200_000, width=256, head_dim=128)
    with torch.device("meta"):
        model = Transformer(wide)
    save_model(model.to_empty(device="cpu"), tmp_path / "large")
    del model
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (resident("VmSize") + (32 << 20), limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"no room on cpu for 0\.2 GB") as caught:
            load_model(tmp_path / "large")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert "choose a smaller model" in caught.value.hint


def test_parameters_can_be_trained(single: Path) -> None:
    model: Transformer = load_model(single)
    model(random_ids(1, 5)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


class TestWhatIsWrong:
    """Each message names the file at fault, each hint what to do."""

    def refused(self, folder: Path, *words: str) -> None:
        with pytest.raises(CheckpointError) as caught:
            load_model(folder)
        for word in words:
            assert word in str(caught.value)
        assert caught.value.hint

    def test_no_config(self, folder: Path) -> None:
        (folder / "config.json").unlink()
        self.refused(folder, str(folder), "has no config.json")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "is not valid JSON"),
            ("[]", "a JSON list, not an object"),
            ("[" * 100_000, "is not valid JSON"),
            ('{"model_type": "llama", "rope_theta": NaN}', "not finite"),
            ('{"model_type": "llama", "rope_theta": 1e999}', "not finite"),
            ('{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}", "is not valid JSON"),
            ('{"a": "' + "x" * (1 << 20) + '"}', "is longer than"),
            ("\ud800", "is not valid JSON"),
        ],
        ids=["cut", "list", "deep", "nan", "infinite", "huge", "long", "surrogate"],
    )
    def test_config_is_not_a_config(self, folder: Path, text: str, words: str) -> None:
        (folder / "config.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        self.refused(folder, "config.json", words)

    def test_unknown_architecture_lists_what_there_is(self, folder: Path) -> None:
        change_config(folder, model_type="mamba2")
        with pytest.raises(UnknownArchitectureError) as caught:
            read_config(folder)
        for name in ("mamba2", "gpt2", "llama", "mistral", "qwen2", "qwen3"):
            assert name in str(caught.value)

    def test_missing_shard_is_named(self, folder: Path) -> None:
        shards = sorted(folder.glob("model-*.safetensors"))
        assert len(shards) > 2
        shards[1].unlink()
        self.refused(folder, f"lacks the shard {shards[1].name}")

    def test_truncated_shard(self, folder: Path) -> None:
        shard = sorted(folder.glob("model-*.safetensors"))[0]
        shard.write_bytes(shard.read_bytes()[:-100])
        self.refused(folder, shard.name, "bytes where its header describes")

    def test_empty_shard(self, single: Path) -> None:
        (single / "model.safetensors").write_bytes(b"")
        self.refused(single, "model.safetensors is not a whole safetensors file")

    def test_tensor_missing(self, folder: Path) -> None:
        change_config(folder, num_hidden_layers=3)
        self.refused(folder, "has no tensor model.layers.2.")

    def test_tensor_of_wrong_shape(self, folder: Path) -> None:
        change_config(folder, intermediate_size=20)
        self.refused(folder, "gate_proj.weight has shape [24, 16]", "asks for [20, 16]")

    def test_unexpected_tensors(self, folder: Path) -> None:
        change_config(folder, num_hidden_layers=1)
        said = "9 tensors that its config.json leaves no place for: 'model.layers.1."
        self.refused(folder, said)

    @pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", ""])
    def test_shard_outside_the_folder(self, folder: Path, name: str) -> None:
        (folder / INDEX).write_text(json.dumps({"weight_map": {"x": name}}))
        self.refused(folder, INDEX, repr(name), "not a plain file name")

    def test_index_without_a_map(self, folder: Path) -> None:
        (folder / INDEX).write_text('{"weight_map": []}')
        self.refused(folder, INDEX, "weight_map", "an object")

    def test_only_a_pickle(self, single: Path) -> None:
        (single / "model.safetensors").rename(single / "pytorch_model.bin")
        self.refused(single, "pytorch_model.bin", "a pickle", "has safetensors files")

    def test_no_weights_at_all(self, single: Path) -> None:
        (single / "model.safetensors").unlink()
        self.refused(single, "neither model.safetensors nor")

    def test_quantised(self, folder: Path) -> None:
        change_config(folder, quantization_config={"quant_method": "gptq"})
        self.refused(folder, "quantised")

    def test_a_model_that_memory_cannot_hold(self, folder: Path) -> None:
        """Shapes are compared with the files before a byte is reserved."""
        change_config(folder, vocab_size=1 << 24, hidden_size=1 << 18)
        self.refused(folder, "model.embed_tokens.weight has shape [53, 16]")
