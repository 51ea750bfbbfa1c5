"""A finished dataset is opened; anything else is not, and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.pipeline import prepare
from miniclaude.data.prepared import (
    PreparedDataset,
    dataset_folder,
    find_dataset,
    list_datasets,
    remove_dataset,
)
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import DatasetError, InvalidRequestError, NotFoundError
from tests.data.rows import different, write_rows


@pytest.fixture
def dataset(tmp_path: Path) -> PreparedDataset:
    path = write_rows(tmp_path / "my.jsonl", different(20))
    return prepare([path], tmp_path / "sets" / "mine", PrepareOptions(augment=False))


def test_it_opens_with_its_facts(dataset: PreparedDataset) -> None:
    opened = PreparedDataset.open(dataset.folder)
    assert (opened.name, opened.task) == ("mine", "supervised")
    assert opened.count("train") + opened.count("validation") == 20
    assert len(opened.fingerprint) == 64
    assert opened.report["name"] == "mine"
    opened.verify()


def test_equal_rows_have_an_equal_fingerprint(dataset: PreparedDataset, tmp_path: Path) -> None:
    """A run that resumes must know that it still trains on the same rows."""
    path = write_rows(tmp_path / "copy.jsonl", different(20))
    options = PrepareOptions(augment=False)
    assert prepare([path], tmp_path / "other", options).fingerprint == dataset.fingerprint
    path = write_rows(tmp_path / "copy.jsonl", different(19))
    assert prepare([path], tmp_path / "third", options).fingerprint != dataset.fingerprint


@pytest.mark.parametrize("name", ["train.jsonl", "report.json"])
def test_a_missing_or_shortened_file_is_named(dataset: PreparedDataset, name: str) -> None:
    path = dataset.folder / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DatasetError, match=f"{name} is missing, or was changed"):
        PreparedDataset.open(dataset.folder)
    path.unlink()
    with pytest.raises(DatasetError, match=f"{name} is missing, or was changed"):
        PreparedDataset.open(dataset.folder)


def test_a_changed_row_is_found_by_its_hash(dataset: PreparedDataset) -> None:
    path = dataset.folder / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"river", b"RIVER"))
    with pytest.raises(DatasetError, match=r"train\.jsonl was changed"):
        PreparedDataset.open(dataset.folder).verify()


@pytest.mark.parametrize("content", ["", "[]", '{"version": 99, "files": {}}', "{"])
def test_a_manifest_that_is_none(dataset: PreparedDataset, content: str) -> None:
    (dataset.folder / "manifest.json").write_text(content)
    with pytest.raises(DatasetError, match=r"manifest\.json|not a dataset that this version"):
        PreparedDataset.open(dataset.folder)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is not a finished dataset: manifest\.json"):
        PreparedDataset.open(tmp_path)


def test_a_damaged_row_is_named(dataset: PreparedDataset) -> None:
    path = dataset.folder / "train.jsonl"
    lines = path.read_text().splitlines()
    for line in ("{", "[]"):
        path.write_text("\n".join([lines[0], line, ""]))
        with pytest.raises(DatasetError, match=r"train\.jsonl, line 2 is not"):
            list(dataset.examples("train"))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a..b", "-x-", "ü", "x" * 200])
def test_a_name_never_leaves_the_library(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not a dataset's name"):
        dataset_folder(tmp_path, name)


def test_the_library_lists_finds_and_removes(dataset: PreparedDataset) -> None:
    library = dataset.folder.parent
    (library / "half").mkdir()
    (library / ".mine.preparing").mkdir()
    assert [found.name for found in list_datasets(library)] == ["mine"]
    assert find_dataset(library, "mine").fingerprint == dataset.fingerprint
    with pytest.raises(NotFoundError, match="There is no dataset 'yours'") as caught:
        find_dataset(library, "yours")
    assert caught.value.hint == "There are mine."
    remove_dataset(library, "mine")
    remove_dataset(library, "half")
    assert list_datasets(library) == []
    with pytest.raises(NotFoundError):
        remove_dataset(library, "mine")


def test_manifest_holds_no_time(dataset: PreparedDataset) -> None:
    """The same rows must give the same bytes tomorrow."""
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    assert set(manifest) == {
        *("version", "name", "key", "task", "sources", "options", "rows", "fingerprint", "files")
    }
