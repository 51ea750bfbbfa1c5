"""Merging weight by weight is merging."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from miniclaude.errors import DiskFullError
from miniclaude.model.adapter import load_adapter, save_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.install import MARGIN
from miniclaude.model.library import InstalledModel, Library, folder_model
from miniclaude.model.load_packed import read
from miniclaude.model.lora import LoraConfig, add_lora, fold, lora_parameters
from miniclaude.model.merged import write_merged
from miniclaude.model.packed import PackedWeight
from miniclaude.model.tuned import publish
from miniclaude.model.write_packed import quantize_model
from tests.model.gguf_models import KINDS, Silent, write_model


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models", adapters=tmp_path / "adapters")


def taught(library: Library, kind: str, dtype: torch.dtype, *, dora: bool) -> InstalledModel:
    """An adapter on a model of that kind, with random numbers in both of its matrices."""
    model = load_model(write_model(library.home_models / "base", kind, dtype))
    add_lora(model, LoraConfig(r=4, dora=dora))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in lora_parameters(model):
            parameter.add_(torch.randn(parameter.shape, generator=generator) / 10)
    staging = library.home_models.parent / "staging"
    save_adapter(model, staging, base="base")
    assert library.adapters is not None
    names = {"base": "base", "org": "", "suffix": "", "method": "lora", "model_id": "ab" * 6}
    return library.find(publish(staging, library.adapters, **names).name)


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_each_weight_is_what_folding_the_whole_model_gives(
    library: Library, kind: str, dora: bool, tmp_path: Path
) -> None:
    dtype = torch.bfloat16 if kind == "qwen2" else torch.float32
    model = taught(library, kind, dtype, dora=dora)
    expected = load_model(model.weights)
    assert model.adapter is not None
    load_adapter(expected, model.adapter)
    fold(expected)
    write_merged(model, tmp_path / "out")
    found = load_model(tmp_path / "out", dtype=dtype)
    assert found.config == expected.config
    for name, parameter in expected.to(dtype).named_parameters():
        assert torch.equal(found.get_parameter(name), parameter), name


def watched(function: Callable[..., Tensor], alive: list[int]) -> Callable[..., Tensor]:
    """The same function; how many of its results are alive at each call is written down."""
    seen: list[weakref.ref[Tensor]] = []

    def watch(*arguments: Any) -> Tensor:
        alive.append(sum(tensor() is not None for tensor in seen))
        result = function(*arguments)
        seen.append(weakref.ref(result))
        return result

    return watch


@pytest.mark.parametrize("packed", [False, True])
def test_memory_holds_no_two_weights(
    library: Library, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole model was held in float32: 27 GB for one of 7 billion weights, of which the folder
    in 8 bits has 7, and the process was killed."""
    alive: list[int] = []
    if packed:
        base = folder_model(write_model(library.home_models / "base", "llama-biased"))
        model = quantize_model(base, library, 8, name="base8", progress=Silent())
        monkeypatch.setattr(PackedWeight, "unpack", watched(PackedWeight.unpack, alive))
    else:
        model = taught(library, "llama-biased", torch.float32, dora=False)
        monkeypatch.setattr("miniclaude.model.merged.read", watched(read, alive))
    write_merged(model, tmp_path / "out")
    assert len(alive) > 8
    assert max(alive) <= 1  # the loop that writes still has its last one


def test_room_is_asked_for_what_is_written(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight bits are written as four bytes: a disk with room for the folder alone was filled up
    before the error came."""
    base = folder_model(write_model(library.home_models / "base", "llama-biased"))
    model = quantize_model(base, library, 8, name="base8", progress=Silent())
    free = MARGIN + 2 * model.bytes
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
        with pytest.raises(DiskFullError, match=r"base8: .* are needed") as caught:
            write_merged(model, tmp_path / "deep" / "out")
    assert "choose a place on another disk" in caught.value.hint
    assert list((tmp_path / "deep").iterdir()) == []
