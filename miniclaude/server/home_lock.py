"""One server per home folder: two would write the same rows and load every model twice."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miniclaude.errors import NO_ROOM, DiskFullError, HomeLockedError, StoreError

LOCK_FILE = "server.lock"


class HomeLock:
    """The lock, held. Its file tells others who we are."""

    def __init__(self, home: Path, descriptor: int) -> None:
        self._home = home
        self._descriptor = descriptor

    def describe(self, url: str) -> None:
        """Write our process id and where we answer. Raises StoreError, DiskFullError."""
        text = json.dumps({"pid": os.getpid(), "url": url}).encode()
        try:
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise _cannot_write(self._home, error) from error


@contextmanager
def home_lock(home: Path) -> Iterator[HomeLock]:
    """Hold the lock of `home`, making the folder where it is missing.

    The kernel frees the lock however the process ends, so a file left behind means nothing.
    Raises HomeLockedError naming the other server's process id and URL, StoreError when the
    folder cannot be written, and DiskFullError.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not truncated on opening: until the lock is ours the file is the other server's.
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_write(home, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _locked(home, os.pread(descriptor, 4096, 0)) from None
        lock = HomeLock(home, descriptor)
        lock.describe("an address not yet chosen")
        yield lock
    finally:
        os.close(descriptor)


def _cannot_write(home: Path, error: OSError) -> StoreError:
    if error.errno in NO_ROOM:
        return DiskFullError(
            f"No space is left to write to the home folder {home}.",
            hint="Free some space, or choose another folder with --home.",
        )
    return StoreError(
        f"The home folder {home} cannot be written: {error.strerror}.",
        hint="Choose another with --home, or correct its permissions.",
    )


def _locked(home: Path, holder: bytes) -> HomeLockedError:
    try:
        known = json.loads(holder)
        who = f"process {int(known['pid'])}, at {known['url']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"  # it has locked the file and not yet written its name
    return HomeLockedError(
        f"A Mini-Claude server already uses {home}: {who}.",
        hint="Use that one, stop it, or start this one with another --home.",
    )
