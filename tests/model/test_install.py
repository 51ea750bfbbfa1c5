"""Importing a folder: checked before it is copied, whole or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    DiskFullError,
    InvalidRequestError,
    TokenizerError,
)
from miniclaude.model import install as install_module
from miniclaude.model.facts import read_facts
from miniclaude.model.install import import_folder, read_manifest
from miniclaude.model.library import Library
from miniclaude.model.outline import read_outline
from tests.model.test_hub import Recorder
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "tiny")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


def test_a_folder_is_copied_under_its_name(source: Path, library: Library) -> None:
    (source / "training_log.txt").write_text("not needed")
    (source / "evil.py").write_text("not wanted")
    progress = Recorder()
    model = import_folder(source, library, progress=progress)
    assert model.name == "tiny"
    assert sorted(path.name for path in model.path.iterdir()) == [
        "config.json",
        "manifest.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert read_manifest(model.path)["source"] == {"folder": str(source)}
    assert progress.done == progress.total > 0
    assert not (library.home_models / ".importing" / "tiny").exists()


def test_weights_that_are_there_twice_are_copied_and_counted_once(
    source: Path, library: Library
) -> None:
    """Some authors publish their own format beside Hugging Face's: the copy took twice the disk,
    and the page said twice the memory."""
    weights = (source / "model.safetensors").read_bytes()
    (source / "consolidated.safetensors").write_bytes(weights)
    (source / "model.safetensors.index.json").write_text('{"weight_map": {"a": "b.safetensors"}}')
    model = import_folder(source, library, progress=Recorder())
    names = {path.name for path in model.path.iterdir()}
    assert "model.safetensors" in names
    assert names.isdisjoint({"consolidated.safetensors", "model.safetensors.index.json"})
    outline = read_outline(source, "twice")
    assert outline is not None
    assert outline.parameters == read_facts(source).parameters


def test_another_name_may_be_given(source: Path, library: Library) -> None:
    assert import_folder(source, library, name="me/mine", progress=Recorder()).name == "me/mine"


def test_a_name_that_is_taken_is_kept(source: Path, library: Library) -> None:
    import_folder(source, library, progress=Recorder())
    with pytest.raises(ConflictError, match="'tiny' is already installed"):
        import_folder(source, library, progress=Recorder())


def test_a_bundled_models_name_is_taken_too(source: Path, tmp_path: Path) -> None:
    """A model that hides the bundled one answers in its place, and nothing says so."""
    (tmp_path / "bundled" / "tiny").mkdir(parents=True)
    library = Library(tmp_path / "models", tmp_path / "bundled")
    with pytest.raises(ConflictError, match="'tiny' is the name of a model that came with") as it:
        import_folder(source, library, progress=Recorder())
    assert it.value.hint == "Choose another --name."
    assert not library.home_models.exists()
    assert import_folder(source, library, name="mine", progress=Recorder()).name == "mine"


def test_bad_names(source: Path, library: Library) -> None:
    with pytest.raises(InvalidRequestError, match="is not a model name"):
        import_folder(source, library, name="../tiny", progress=Recorder())


def test_a_corrupt_shard_is_found_before_copying(source: Path, library: Library) -> None:
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"model\.safetensors has"):
        import_folder(source, library, progress=Recorder())
    assert not library.home_models.exists()


def test_a_truncated_tokenizer_is_found_before_copying(source: Path, library: Library) -> None:
    (source / "tokenizer.json").write_text('{"model": {')
    with pytest.raises(TokenizerError):
        import_folder(source, library, progress=Recorder())
    assert not library.home_models.exists()


def test_a_folder_that_is_not_there(tmp_path: Path, library: Library) -> None:
    with pytest.raises(CheckpointError, match="there is no such folder"):
        import_folder(tmp_path / "nowhere", library, progress=Recorder())


def test_a_disk_that_fills_up_leaves_nothing(
    source: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(install_module, "_copy", full)
    with pytest.raises(DiskFullError, match="no room in"):
        import_folder(source, library, progress=Recorder())
    assert library.list() == []
    assert list((library.home_models / ".importing").iterdir()) == []


def test_facts_are_read_without_the_weights(source: Path) -> None:
    facts = read_facts(source)
    attention = 32 * (32 + 16 + 16) + 32 * 32
    assert facts.parameters == 300 * 32 + 2 * (attention + 3 * 32 * 64 + 2 * 32) + 32
    assert facts.dtype == "F32"
    assert facts.cache_bytes_per_token == 2 * 4 * 2 * 2 * 8
