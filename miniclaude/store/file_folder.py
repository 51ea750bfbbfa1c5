"""The bytes of uploaded files: one folder, each file under its id, whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from miniclaude.errors import NO_ROOM, DiskFullError, PayloadTooLargeError, StoreError

PARTIAL = ".partial"


class FileWriter:
    """A file in the making. bytes, sha256: of what has been written."""

    def __init__(self, descriptor: int, max_bytes: int) -> None:
        self._out = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self._max_bytes = max_bytes
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes. Raises PayloadTooLargeError when there are more than `max_bytes`."""
        self.bytes += len(data)
        if self.bytes > self._max_bytes:
            raise PayloadTooLargeError(
                f"The file is larger than {self._max_bytes:,} bytes.",
                hint="Split it, or raise max_file_bytes in config.toml.",
                param="file",
            )
        self._digest.update(data)
        self._out.write(data)

    def finish(self) -> None:
        """Flush to the disk itself, which can take seconds; once is enough."""
        if self._out.closed:
            return
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()

    def abandon(self) -> None:
        """Close without caring for what is not written."""
        with suppress(OSError):
            self._out.close()


class FileFolder:
    """Where the bytes of one home folder's files are. Made when something is first put there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, file_id: str) -> Path:
        """Where a file's bytes are. file_id: one that the store has made."""
        return self._folder / file_id

    @contextmanager
    def write(self, file_id: str, max_bytes: int) -> Iterator[FileWriter]:
        """Write a file's bytes; they are there when the block ends well, and nothing is when it
        fails. A block on an event loop calls `finish` in another thread, last. Raises
        PayloadTooLargeError, DiskFullError and StoreError."""
        partial = self._folder / f"{file_id}{PARTIAL}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            writer = FileWriter(os.open(partial, flags, 0o600), max_bytes)
            try:
                yield writer
                writer.finish()
                partial.rename(self.path(file_id))
            except BaseException:
                writer.abandon()
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFullError(
                    "No space is left for the file.",
                    hint="Free some space and send it again; nothing was left behind.",
                ) from error
            raise StoreError(
                f"The file cannot be stored: {error.strerror or error}.",
                hint="Check the permissions of the home folder.",
            ) from error

    def remove(self, file_id: str) -> None:
        """Delete a file's bytes, where there are any."""
        self.path(file_id).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> None:
        """Delete bytes that no row speaks of: a process was killed between the two. Only while
        nothing is being uploaded."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name.startswith("file-") and path.name not in known:
                    path.unlink(missing_ok=True)
