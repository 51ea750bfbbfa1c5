"""Tuned models in the library: found by what their folder says, and only where that is true."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    InvalidRequestError,
    ModelNotFoundError,
)
from miniclaude.model.library import Library
from miniclaude.model.tuned import TUNED_NAME, check_files, new_id, read_tuned, tuned_name
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `tiny`, an adapter on it and a whole tuned model."""
    home = tmp_path_factory.mktemp("home")
    base = write_tiny_checkpoint(home / "models" / "tiny")
    write_tiny_adapter(base, home / "adapters", suffix="one")
    write_tiny_adapter(base, home / "adapters", suffix="two", whole=True)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


@pytest.fixture
def library(home: Path) -> Library:
    return Library(home / "models", None, home / "adapters")


def test_tuned_models_are_listed_with_their_base(library: Library, home: Path) -> None:
    one, two, tiny = library.list()
    assert one.name.startswith("ft:tiny:us:one:")
    assert (one.root, one.owner, one.context, one.bytes > 100) == ("tiny", "us", 256, True)
    assert (one.adapter, one.weights) == (one.path, home / "models" / "tiny")
    assert (two.adapter, two.weights, two.context) == (None, two.path, 256)
    assert (tiny.tuned, tiny.owner, tiny.root) == (None, "mini-claude", "tiny")
    assert library.find(one.name) == one


def test_an_adapter_that_appears_is_listed_at_once(library: Library, home: Path) -> None:
    before = len(library.list())
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters", suffix="three")
    assert len(library.list()) == before + 1
    assert library.find(name).tuned is not None


def test_a_base_that_adapters_need_stays(library: Library) -> None:
    one, two, _ = library.list()
    with pytest.raises(ConflictError, match=r"'tiny' is the base of ft:tiny:us:one:\w+, which"):
        library.remove("tiny")
    library.remove(one.name)
    library.remove("tiny")
    assert [model.name for model in library.list()] == [two.name]
    assert two.weights == two.path


def test_a_base_that_is_gone_is_named_beside_its_adapter(library: Library, home: Path) -> None:
    shutil.rmtree(home / "models" / "tiny")
    one = next(model for model in library.list() if ":one:" in model.name)
    with pytest.raises(
        ModelNotFoundError, match=r"ft:tiny:us:one:\w+' is an adapter on 'tiny', which is not inst"
    ):
        _ = one.weights


def test_an_adapter_on_an_adapter_is_refused(library: Library, home: Path) -> None:
    one, two, _ = library.list()
    for base in (one, two):
        write_tiny_adapter(
            home / "models" / "tiny",
            home / "adapters",
            base_name=base.name,
            suffix="on-" + base.name[11:14],
        )
    on_one = next(model for model in library.list() if ":on-one:" in model.name)
    on_two = next(model for model in library.list() if ":on-two:" in model.name)
    with pytest.raises(ConflictError, match="which is an adapter itself"):
        _ = on_one.weights
    assert on_two.weights == two.path
    assert on_two.root == "tiny"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "tiny"),
        ("name", "ft:tiny:us:x:000000000000"),
        ("name", "ft:../../x:us:x:{id}"),
        ("base", ""),
        ("method", "magic"),
        ("created", "today"),
        ("sha256", {"a": 1}),
    ],
)
def test_a_folder_that_lies_is_not_listed(library: Library, field: str, value: object) -> None:
    """Else a stranger's folder could answer under another model's name."""
    one, *others = library.list()
    path = one.path / "mini-claude.json"
    if isinstance(value, str):
        value = value.replace("{id}", one.path.name)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(CheckpointError, match=rf"mini-claude\.json: {field}|sha256"):
        read_tuned(one.path)
    assert library.list() == others


def test_other_folders_are_passed_over(library: Library, home: Path) -> None:
    before = library.list()
    (home / "adapters" / ".making").mkdir()
    (home / "adapters" / "notes.txt").write_text("hello")
    (home / "adapters" / "abcdefghijkl").mkdir()
    assert library.list() == before


def test_a_file_that_changed_is_named(library: Library) -> None:
    one = library.list()[0]
    check_files(one.path)
    weights = one.path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors is missing or not what"):
        check_files(one.path)


def test_names() -> None:
    model_id = new_id()
    name = tuned_name("org/tiny", "us", "", model_id)
    assert name == f"ft:org/tiny:us::{model_id}"
    assert TUNED_NAME.fullmatch(name)
    assert tuned_name(name, "us", "b", "0" * 12) == "ft:org/tiny:us:b:000000000000"
    for param, parts in (("org", ("a b", "c")), ("suffix", ("a", "b:c"))):
        with pytest.raises(InvalidRequestError) as caught:
            tuned_name("tiny", *parts, model_id)
        assert caught.value.param == param
