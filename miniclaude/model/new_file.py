"""Files that are whole, on the disk itself, and still what they were."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from miniclaude.errors import NO_ROOM, ConflictError, DiskFullError, StoreError


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears, or replaces another, at once: a process that is killed leaves the
    old one or the new one, never a part. Raises OSError, and then leaves the old one."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        flush_to_disk(partial)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    flush_to_disk(path.parent)


def check_no_file(path: Path) -> None:
    """Raises ConflictError when there is something of that name: to be asked before long work."""
    if path.exists() or path.is_symlink():
        raise ConflictError(
            f"{path} already exists.", hint="Choose another name, or remove it first."
        )


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yields an open file beside `path`; when the block ends well, it is flushed and takes that
    name. When the block fails, nothing is left of it.

    Raises ConflictError when there is something of that name, DiskFullError when there is no room,
    StoreError when the disk refuses otherwise.
    """
    check_no_file(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            yield file
        flush_to_disk(partial)
        partial.rename(path)
        flush_to_disk(path.parent)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(
                f"No room to write {path}: {error.strerror}.",
                hint="Free some space on that disk and try again; nothing was left behind.",
            ) from error
        raise StoreError(
            f"{path} cannot be written: {error}.", hint="Check the path and its permissions."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def flush_to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
