"""Who makes the model of a name: one process at a time. And what killed ones have left. No torch.

Each maker of a model in the library holds its name, by a lock that the system takes back however
the process ends. So a name that can be held has nobody at work on it, and what lies about under it
is abandoned.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from miniclaude.errors import ConflictError
from miniclaude.model.new_folder import REMOVING, delete, is_there

PULLING, IMPORTING, QUANTIZING = ".pulling", ".importing", ".quantizing"
"""Folders beside the models, in which they come together under the names they will have."""

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a disk without locks says: there nobody is kept from making anything."""

LEFT = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>partial|replaced)")
"""What `new_folder` works with."""


@contextmanager
def hold(models: Path, folder: str, *, surely: bool = False) -> Iterator[None]:
    """Be the only one, in all processes, who makes the model whose folder among `models` is called
    so. Raises ConflictError while another does. surely: raise OSError too on a disk without locks,
    where nobody can know."""
    models.mkdir(parents=True, exist_ok=True)
    path = models / f".{folder}.lock"
    descriptor = _lock(path, surely)
    if descriptor is None:
        name = folder.replace("--", "/", 1)
        raise ConflictError(
            f"model: {name!r} is being made already, by another process.",
            hint="Wait until that one has ended, or stop it; what a pull has fetched is kept.",
            param="name",
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def clear_up(models: Path) -> None:
    """Clear away what killed processes left among `models`, and bring back a model that was moved
    aside for a new one that never came. What a pull has fetched stays for the next one, and where
    somebody is at work, or the disk refuses, all stays."""
    for kind in (IMPORTING, QUANTIZING):
        for path in _entries(models / kind):
            with suppress(ConflictError, OSError), hold(models, path.name, surely=True):
                delete(path)
    for path in _entries(models):
        left = LEFT.fullmatch(path.name)
        with suppress(ConflictError, OSError):
            if path.name.startswith(REMOVING):
                delete(path)
            elif left is not None:
                with hold(models, left["name"], surely=True):
                    _settle(path, models / left["name"], left["kind"])


def _settle(path: Path, place: Path, kind: str) -> None:
    if kind == "replaced" and not is_there(place):
        path.rename(place)
    else:
        delete(path)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _lock(path: Path, surely: bool) -> int | None:
    """A descriptor that holds the lock file; None while another process does."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCKS and not surely:
                return descriptor
            os.close(descriptor)
            if isinstance(error, BlockingIOError | PermissionError):
                return None
            raise
        # The one before may have removed the file after we opened it; the next would then lock
        # another of the same name.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
