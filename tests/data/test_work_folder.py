"""Steps are done once, and half a dataset is never taken for one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from miniclaude.data.work_folder import READY, WorkFolder, disk_errors
from miniclaude.errors import ConflictError, DatasetError, DiskFullError, StoreError


def test_finished_steps_are_remembered_for_the_same_key(tmp_path: Path) -> None:
    with WorkFolder(tmp_path / "rows", "one") as work:
        assert work.report("clean") is None
        (work.path / "a").write_text("x")
        work.finish({"clean": {"rows": 3}}, "a")
    with WorkFolder(tmp_path / "rows", "one") as work:
        assert work.report("clean") == {"rows": 3}
        assert (work.path / "a").exists()
    with WorkFolder(tmp_path / "rows", "two") as work:
        assert work.report("clean") is None
        assert not (work.path / "a").exists(), "another recipe must not find old files"


def test_a_state_cut_short_means_start_over(tmp_path: Path) -> None:
    with WorkFolder(tmp_path / "rows", "one") as work:
        work.finish({"clean": {}})
        (work.path / "state.json").write_text('{"key": "one", "st')
    with WorkFolder(tmp_path / "rows", "one") as work:
        assert work.report("clean") is None


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    """Two commands in two terminals would write into each other's files."""
    with (
        WorkFolder(tmp_path / "rows", "one"),
        pytest.raises(ConflictError, match="'rows' is being prepared by another process"),
        WorkFolder(tmp_path / "rows", "one"),
    ):
        pass
    with WorkFolder(tmp_path / "rows", "one"):
        pass


def test_publishing_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    final = tmp_path / "rows"
    final.mkdir()
    (final / "old").write_text("old")
    with WorkFolder(final, "one") as work:
        (work.path / READY).mkdir()
        (work.path / READY / "new").write_text("new")
        work.publish()
    assert [path.name for path in final.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_killed_between_the_two_renames_the_older_dataset_comes_back(tmp_path: Path) -> None:
    final = tmp_path / "rows"
    with WorkFolder(final, "one") as work:
        (work.path / "replaced").mkdir()
        (work.path / "replaced" / "old").write_text("old")
    with WorkFolder(final, "one"):
        assert (final / "old").read_text() == "old"


def test_what_the_disk_refuses_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match="No room to write the dataset 'rows'") as caught,
        disk_errors(tmp_path / "rows"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "goes on where it stopped" in caught.value.hint
    with pytest.raises(StoreError, match="cannot be written"), disk_errors(tmp_path / "rows"):
        raise PermissionError(errno.EACCES, "Permission denied")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="cannot be written"), WorkFolder(blocked / "rows", "x"):
        pass


def test_rows_that_cannot_be_used_leave_nothing_behind(tmp_path: Path) -> None:
    """Of every source that was refused a hidden folder stayed for ever, as large as its rows;
    nothing could go on from it, for a corrected source is another one."""

    def refused(error: DatasetError | DiskFullError) -> None:
        with WorkFolder(tmp_path / "rows", "key") as work:
            work.finish({"clean": {"rows": 1}})
            raise error

    with pytest.raises(DatasetError):
        refused(DatasetError("No row can be used.", hint=""))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DiskFullError):
        refused(DiskFullError("No room.", hint=""))
    with WorkFolder(tmp_path / "rows", "key") as work:
        assert work.report("clean") == {"rows": 1}
