"""A folder appears whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from miniclaude.errors import ConflictError, DiskFullError, StoreError
from miniclaude.model.new_folder import delete, new_folder


def test_it_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with new_folder(target) as partial:
        (partial / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def interrupted(folder: Path) -> None:
    with new_folder(folder) as partial:
        (partial / "a").write_text("1")
        raise KeyboardInterrupt


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_old_folder_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("old")
    with pytest.raises(ValueError, match="half"), new_folder(tmp_path / "model", overwrite=True):
        raise ValueError("half")
    assert (tmp_path / "model" / "a").read_text() == "old"
    with new_folder(tmp_path / "model", overwrite=True) as partial:
        (partial / "b").write_text("new")
        assert (tmp_path / "model" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "b"]


def test_the_old_folder_returns_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames the name is free; a failure there must not lose both."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("old")
    rename = Path.rename

    def second_fails(path: Path, target: Path) -> Path:
        if path.name.endswith(".partial"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with (
        pytest.raises(StoreError, match="cannot be written"),
        new_folder(tmp_path / "model", overwrite=True),
    ):
        pass
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_existing_folder_is_not_touched_unasked(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as partial:  # an empty one is nothing to lose
        (partial / "a").write_text("1")
    with pytest.raises(ConflictError, match="already exists"), new_folder(tmp_path / "model"):
        pass
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConflictError, match="already exists"), new_folder(tmp_path / "file"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room(number: int, tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match="No room to write") as caught,
        new_folder(tmp_path / "model"),
    ):
        raise OSError(number, os.strerror(number))
    assert "Free some space" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    """The link was moved aside, could not be deleted as a folder, and stayed."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a").write_text("theirs")
    (tmp_path / "near").mkdir()
    for target in ("../far", "../nowhere"):
        (tmp_path / "near" / "model").symlink_to(target)
        with new_folder(tmp_path / "near" / "model", overwrite=True) as partial:
            (partial / "a").write_text("ours")
        assert [path.name for path in (tmp_path / "near").iterdir()] == ["model"]
        assert (tmp_path / "near" / "model" / "a").read_text() == "ours"
        delete(tmp_path / "near" / "model")
    assert (tmp_path / "far" / "a").read_text() == "theirs"
