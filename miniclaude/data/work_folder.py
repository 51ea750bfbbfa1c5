"""The folder in which a dataset is made: steps that are finished are not done twice.

`.NAME.preparing` stands beside the dataset it will become. `state.json` names the finished steps;
it is replaced atomically after a step's files are on disk, so whenever the process is killed, the
folder says the truth. The finished dataset is the inner folder `ready`, which one rename puts into
place: a half-written one never has a dataset's name.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from miniclaude.errors import NO_ROOM, ConflictError, DatasetError, DiskFullError, StoreError
from miniclaude.model.new_file import flush_to_disk, write_whole

STATE = "state.json"
READY = "ready"
REPLACED = "replaced"


class WorkFolder:
    """A context manager: holds the folder's lock. key: what is made of what; a folder left over
    from another key is emptied first.

    Raises ConflictError while another process is at work in it.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.final = folder
        self.path = folder.parent / f".{folder.name}.preparing"
        self._lock = folder.parent / f".{folder.name}.lock"
        self._key = key
        self._steps: dict[str, dict[str, object]] = {}
        self._descriptor = -1

    def __enter__(self) -> WorkFolder:
        with disk_errors(self.final):
            self.final.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise ConflictError(
                f"The dataset {self.final.name!r} is being prepared by another process.",
                hint="Wait until it is finished, or choose another --name.",
                param="name",
            ) from error
        with disk_errors(self.final):
            self._restore_replaced()
            state = self._read_state()
            if state.get("key") == self._key:
                steps = state.get("steps")
                self._steps = steps if isinstance(steps, dict) else {}
            else:
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir()
                self._write_state()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, DatasetError):
            # The source has to be changed, and then it is another preparation.
            shutil.rmtree(self.path, ignore_errors=True)
        if not self.path.exists():
            self._lock.unlink(missing_ok=True)
        os.close(self._descriptor)

    def report(self, step: str) -> dict[str, object] | None:
        """What a finished step reported; None while it is not finished."""
        return self._steps.get(step)

    def finish(self, reports: Mapping[str, dict[str, object]], *files: str) -> None:
        """Declare steps finished, once their files are on disk. reports: of each by its name."""
        with disk_errors(self.final):
            for name in files:
                flush_to_disk(self.path / name)
            self._steps.update(reports)
            self._write_state()

    def restart(self) -> None:
        """Forget every finished step."""
        self._steps = {}
        self._write_state()

    def discard(self, *files: str) -> None:
        """Remove files that no later step reads, to leave room on the disk."""
        for name in files:
            (self.path / name).unlink(missing_ok=True)

    def publish(self) -> None:
        """Put the inner folder `ready` into the dataset's place, over an older one, and remove the
        rest."""
        ready = self.path / READY
        replaced = self.path / REPLACED
        with disk_errors(self.final):
            if ready.exists():
                for path in ready.iterdir():
                    flush_to_disk(path)
                flush_to_disk(ready)
                shutil.rmtree(replaced, ignore_errors=True)
                if self.final.exists():
                    self.final.rename(replaced)
                ready.rename(self.final)
                flush_to_disk(self.final.parent)
            shutil.rmtree(self.path, ignore_errors=True)

    def _restore_replaced(self) -> None:
        """Killed between two renames: the older dataset goes back until the new one is ready."""
        replaced = self.path / REPLACED
        if replaced.exists() and not self.final.exists():
            replaced.rename(self.final)

    def _read_state(self) -> dict[str, object]:
        try:
            state = json.loads((self.path / STATE).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write_state(self) -> None:
        text = json.dumps({"key": self._key, "steps": self._steps}, ensure_ascii=False)
        write_whole(self.path / STATE, text)


def leftovers(folder: Path) -> bool:
    """Whether there is an unfinished, or not yet removed, work folder for this dataset."""
    return (folder.parent / f".{folder.name}.preparing").exists()


def abandon(folder: Path) -> None:
    """Throw away what an unfinished preparation has left; a finished dataset stays. Raises
    ConflictError while a process is at work on it."""
    with WorkFolder(folder, "") as work:
        shutil.rmtree(work.path, ignore_errors=True)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """What the disk refuses while a dataset is written: DiskFullError or StoreError. What is
    finished stays, so that the same command goes on from there."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(
                f"No room to write the dataset {folder.name!r} in {folder.parent}.",
                hint="Free some space and run the same command again; it goes on where it stopped.",
            ) from error
        raise StoreError(
            f"The dataset {folder.name!r} cannot be written in {folder.parent}: {error}.",
            hint="Check the path and its permissions.",
        ) from error
