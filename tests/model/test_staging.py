"""One maker for each name, and nothing lost or left over where one was killed."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from miniclaude.errors import ConflictError
from miniclaude.model import new_folder as new_folder_module
from miniclaude.model.gguf_export import TYPES, write_gguf
from miniclaude.model.gguf_import import import_gguf
from miniclaude.model.install import import_folder
from miniclaude.model.library import Library
from miniclaude.model.new_folder import new_folder
from miniclaude.model.push import copy_to, prepare
from miniclaude.model.staging import IMPORTING, PULLING, QUANTIZING, clear_up, hold
from miniclaude.model.trash import Trash
from miniclaude.model.write_packed import quantize_model
from tests.model.gguf_models import Silent
from tests.model.hub_stand_in import folder_files
from tests.model.test_hub import Recorder
from tests.tiny_checkpoint import write_tiny_checkpoint

TOKEN = "0123abcd"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write_tiny_checkpoint(tmp_path / "models" / "tiny")
    return Library(tmp_path / "models", adapters=tmp_path / "adapters")


class Meanwhile(Recorder):
    """A progress in whose middle something else is tried, once."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.refusals: list[str] = []
        self._work = work
        self._bytes = 0

    def advance(self, count: int) -> None:
        super().advance(count)
        self._bytes += count
        if self._bytes > self.total // 2 and not self.refusals:
            with pytest.raises(ConflictError) as caught:
                self._work()
            self.refusals.append(str(caught.value))


def test_two_quantisations_to_one_name_do_not_mix(library: Library) -> None:
    """The second emptied the first's folder and wrote files of the same names into it; the first
    went on in those, and installed a model of which half was zeros."""
    tiny = library.find("tiny")
    alone = quantize_model(tiny, library, 8, name="alone", progress=Recorder())
    progress = Meanwhile(lambda: quantize_model(tiny, library, 8, name="q", progress=Recorder()))
    made = quantize_model(tiny, library, 8, name="q", progress=progress)
    [refusal] = progress.refusals
    assert refusal.startswith("model: 'q' is being made already, by another process.")
    assert "Wait until that one has ended, or stop it" in refusal
    name = "model.safetensors"
    assert (made.path / name).read_bytes() == (alone.path / name).read_bytes()


def test_nor_do_imports(library: Library, tmp_path: Path) -> None:
    """They emptied each other's folder, and both failed."""
    tiny = library.find("tiny")
    file = tmp_path / "tiny.gguf"
    write_gguf(tiny, file, TYPES["f16"], Silent())
    source = tiny.path
    progress = Meanwhile(lambda: import_gguf(file, library, name="copy", progress=Silent()))
    made = import_folder(source, library, name="copy", progress=progress)
    assert len(progress.refusals) == 1
    assert (made.path / "model.safetensors").read_bytes() == (
        source / "model.safetensors"
    ).read_bytes()


def test_a_name_that_came_to_be_taken_is_not_written_over(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look at the name and the work another process may have made that model."""
    source = library.find("tiny").path
    checked: list[Path] = []

    def another_is_faster(folder: Path) -> None:
        if not checked:
            checked.append(folder)
            import_folder(source, library, name="copy", progress=Recorder())

    monkeypatch.setattr("miniclaude.model.install.check_folder", another_is_faster)
    with pytest.raises(ConflictError, match="'copy' is already installed"):
        import_folder(source, library, name="copy", progress=Recorder())


def test_a_name_is_free_again_however_the_work_ends(tmp_path: Path) -> None:
    def fail() -> None:
        with hold(tmp_path, "org--a"):
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        fail()
    (tmp_path / ".org--a.lock").touch()  # what a killed process leaves means nothing
    with (
        hold(tmp_path, "org--a"),
        hold(tmp_path, "org--b"),
        pytest.raises(ConflictError, match="'org/a' is being made already"),
        hold(tmp_path, "org--a"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_is_cleared_away(library: Library) -> None:
    """It was hidden from the list and stayed on the disk for ever, gigabytes at a time. What a pull
    has fetched is what the next one goes on from."""
    models = library.home_models
    for left in (
        f"{IMPORTING}/a",
        f"{QUANTIZING}/org--b",
        f".k.{TOKEN}.partial",
        f".tiny.{TOKEN}.replaced",
        ".removing-c",
        f"{PULLING}/d",
    ):
        (models / left).mkdir(parents=True)
        (models / left / "model.safetensors").write_bytes(b"half")
    Trash(library).empty()
    there = {str(path.relative_to(models)) for path in models.rglob("*") if path.is_file()}
    own = {f"tiny/{name}" for name in folder_files(models / "tiny")}
    assert there == own | {f"{PULLING}/d/model.safetensors"}


def test_a_model_that_was_moved_aside_comes_back(library: Library) -> None:
    """A process killed between the two renames of a replacement left the old model under a hidden
    name only: it was gone from the list, and nothing brought it back."""
    models = library.home_models
    (models / "tiny").rename(models / f".tiny.{TOKEN}.replaced")
    assert library.list() == []
    clear_up(models)
    assert [model.name for model in library.list()] == ["tiny"]


def test_what_others_are_at_work_on_stays(library: Library) -> None:
    """Cleaning up after one quantisation deleted the folder of every other one."""
    models = library.home_models
    work = [models / QUANTIZING / "q", models / f".q.{TOKEN}.partial"]
    for folder in work:
        folder.mkdir(parents=True)
    with hold(models, "q"):
        clear_up(models)
        assert all(folder.is_dir() for folder in work)
    clear_up(models)
    assert not any(folder.exists() for folder in work)


def test_an_export_into_the_library_is_not_cleared_away_while_it_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It held no name: any `models list` meanwhile deleted what there was of it."""
    models = library.home_models
    copy = shutil.copyfile

    def copied(source: Path, to: Path) -> Path:
        clear_up(models)
        return copy(source, to)

    monkeypatch.setattr(shutil, "copyfile", copied)
    copy_to(prepare(library.find("tiny"), None, ask=False), models / "exported")
    assert {model.name for model in library.list()} == {"tiny", "exported"}


def test_what_was_replaced_does_not_come_back_half_deleted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the old model was deleted, then the new one removed: the old one's remains were
    taken for a model that had been moved aside."""
    models = library.home_models

    def interrupted(path: Path) -> None:
        raise OSError(f"{path} is busy")

    with monkeypatch.context() as patch:
        patch.setattr(new_folder_module, "delete", interrupted)
        with new_folder(models / "tiny", overwrite=True) as folder:
            write_tiny_checkpoint(folder / "inner")
    shutil.rmtree(models / "tiny")
    clear_up(models)
    assert list(models.iterdir()) == []


def test_a_disk_without_locks_is_worked_on_and_not_cleared_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether somebody is at work cannot be told there, so what may be theirs stays."""

    def refused(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with hold(tmp_path, "a"), hold(tmp_path, "a"):
        pass
    assert list(tmp_path.iterdir()) == []
    work = tmp_path / IMPORTING / "a"
    work.mkdir(parents=True)
    clear_up(tmp_path)
    assert work.is_dir()
