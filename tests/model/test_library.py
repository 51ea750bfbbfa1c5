"""Model folders by name, and names that try to be paths."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from miniclaude.errors import ConflictError, InvalidRequestError, ModelNotFoundError
from miniclaude.model.library import Library, folder_name
from miniclaude.model.trash import Trash


def put(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"0123456789")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    put(tmp_path / "home" / "org--small", max_position_embeddings=2048)
    put(tmp_path / "home" / "gpt", n_positions=1024)
    put(tmp_path / "bundled" / "first", n_positions=256)
    return Library(tmp_path / "home", tmp_path / "bundled")


def test_lists_both_places_by_name(library: Library) -> None:
    models = library.list()
    assert [(model.name, model.context, model.bundled) for model in models] == [
        ("first", 256, True),
        ("gpt", 1024, False),
        ("org/small", 2048, False),
    ]
    assert all(model.bytes > 10 and model.created > 0 for model in models)


def test_unfinished_and_broken_folders_break_nothing(library: Library, tmp_path: Path) -> None:
    put(tmp_path / "home" / ".pulling", n_positions=1)
    (tmp_path / "home" / "no-config").mkdir()
    (tmp_path / "home" / "stray.txt").write_text("hello")
    (put(tmp_path / "home" / "broken") / "config.json").write_text("[")
    names = {model.name: model.context for model in library.list()}
    assert names == {"first": 256, "gpt": 1024, "org/small": 2048, "broken": 0}


def test_a_model_that_is_removed_while_we_look_is_skipped(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may remove one at any moment; no request for another model fails then."""
    scandir = os.scandir

    def remove_gpt(path: Path) -> AbstractContextManager[list[os.DirEntry[str]]]:
        with scandir(path) as found:
            entries = list(found)
        if path.name == "gpt":
            for entry in entries:
                os.unlink(entry)
        return nullcontext(entries)

    monkeypatch.setattr("miniclaude.model.library.os.scandir", remove_gpt)
    assert [model.name for model in library.list()] == ["first", "org/small"]


def test_an_installed_model_hides_a_bundled_one_of_its_name(
    library: Library, tmp_path: Path
) -> None:
    put(tmp_path / "home" / "first", n_positions=9)
    assert library.find("first").context == 9
    library.remove("first")
    assert library.find("first").bundled


def test_a_file_rewritten_within_a_second_is_another_model(
    library: Library, tmp_path: Path
) -> None:
    """Of the same size and second, it was taken for the old one: its old answers were given, and
    its old weights stayed in memory."""
    weights = tmp_path / "home" / "gpt" / "model.safetensors"
    second = 1_700_000_000_000_000_000
    os.utime(weights, ns=(second, second + 1))
    before = library.find("gpt")
    assert library.find("gpt") == before
    os.utime(weights, ns=(second, second + 2))
    written = library.find("gpt")
    assert written != before
    other = tmp_path / "other"
    other.write_bytes(b"9876543210")
    os.utime(other, ns=(second, second + 2))
    other.replace(weights)
    replaced = library.find("gpt")
    assert replaced != written
    assert (replaced.bytes, replaced.created) == (before.bytes, before.created)


def test_no_command_is_offered_for_what_is_no_name(library: Library) -> None:
    """A name from a request may hold anything; whoever reads the error may paste its command."""
    for name in ("../../etc/passwd", "x; rm -rf ~", "a/b/c"):
        with pytest.raises(ModelNotFoundError, match=r"org/small\.$"):
            library.find(name)


def test_find_says_what_is_there(library: Library) -> None:
    with pytest.raises(
        ModelNotFoundError, match=r"'gpt2' is not installed\. Installed: first, gpt"
    ):
        library.find("gpt2")


@pytest.mark.parametrize("name", ["../home/gpt", "/etc", "gpt/", "GPT/../gpt", "x" * 5000, ""])
def test_a_path_is_not_found_either(library: Library, name: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        library.find(name)
    assert len(str(caught.value)) < 600


def test_remove_deletes_the_folder(library: Library, tmp_path: Path) -> None:
    assert library.remove("org/small").name == "org/small"
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["gpt"]
    with pytest.raises(ModelNotFoundError):
        library.remove("org/small")


def test_of_a_linked_model_only_the_link_is_removed(library: Library, tmp_path: Path) -> None:
    """Deleting refused to follow the link, so removing failed and left it under a hidden name."""
    original = put(tmp_path / "elsewhere", n_positions=7)
    (tmp_path / "home" / "linked").symlink_to("../elsewhere")
    assert library.remove("linked").context == 7
    trash = Trash(library)
    (tmp_path / "home" / "linked").symlink_to("../elsewhere")
    removed = trash.remove("linked")
    assert trash.restore(removed.id).context == 7  # from the trash the link leads nowhere
    trash.delete(trash.remove("linked").id)
    assert sorted(path.name for path in (tmp_path / "home").rglob("*") if path.is_symlink()) == []
    assert (tmp_path / "home" / ".removing-linked").exists() is False
    assert (original / "config.json").is_file()


def test_a_bundled_model_stays(library: Library) -> None:
    with pytest.raises(ConflictError, match="came with Mini-Claude"):
        library.remove("first")
    assert library.find("first").path.is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "a/b/c",
        "a/../b",
        "a\\b",
        "a b",
        "a\n",
        "a--b",
        "-a",
        "é",
        "x" * 97,
    ],
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not a model name"):
        folder_name(name)


def test_names_that_are_folders() -> None:
    assert folder_name("tiny") == "tiny"
    assert folder_name("Org/SmolLM2-1.7B_v0") == "Org--SmolLM2-1.7B_v0"


def test_what_one_request_asks_for_is_found_without_reading_every_other_model(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request looks its model up, twice; with a hundred models installed that was the longest
    part of its way. What the file says now is told all the same."""
    monkeypatch.setattr(library, "list", lambda: pytest.fail("all models were looked at"))
    assert library.find("org/small").context == 2048
    config = tmp_path / "home" / "org--small" / "config.json"
    config.write_text(json.dumps({"n_positions": 77777}))
    assert library.find("org/small").context == 77777
