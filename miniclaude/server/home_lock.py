"""One server per home folder: two would write the same rows and load every model twice."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from miniclaude.errors import HomeLockedError, StoreError

LOCK_FILE = "server.lock"


class HomeLock:
    """The lock, held. Its file tells others who we are."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def describe(self, url: str) -> None:
        """Write our process id and where we answer."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()


@contextmanager
def home_lock(home: Path) -> Iterator[HomeLock]:
    """Hold the lock of `home`, making the folder where it is missing.

    The kernel frees the lock however the process ends, so a file left behind means nothing.
    Raises HomeLockedError naming the other server's process id and URL, and StoreError when the
    folder cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not truncated on opening: until the lock is ours the file is the other server's.
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The home folder {home} cannot be written: {error.strerror}.",
            hint="Choose another with --home, or correct its permissions.",
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _locked(home, file.read(4096)) from None
        lock = HomeLock(file)
        lock.describe("an address not yet chosen")
        yield lock


def _locked(home: Path, holder: str) -> HomeLockedError:
    try:
        known = json.loads(holder)
        who = f"process {int(known['pid'])}, at {known['url']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"  # it has locked the file and not yet written its name
    return HomeLockedError(
        f"A Mini-Claude server already uses {home}: {who}.",
        hint="Use that one, stop it, or start this one with another --home.",
    )
