"""A folder that appears whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miniclaude.errors import NO_ROOM, ConflictError, DiskFullError, StoreError
from miniclaude.model.new_file import flush_to_disk


def check_no_folder(folder: Path) -> None:
    """Raises ConflictError when there is something of that name, other than an empty folder: to be
    asked before long work."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            f"{folder} already exists.", hint="Choose another folder, or remove it first."
        )


@contextmanager
def new_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yields an empty folder beside `folder`; when the block ends well, its files are flushed and
    it takes that name. When the block fails, nothing is left of it.

    With `overwrite`, a folder already there is moved aside first and deleted last, so at each
    moment one of the two is whole on disk. Raises ConflictError when it exists and may not be
    replaced, DiskFullError when there is no room, StoreError when the disk refuses otherwise.
    """
    if not overwrite:
        check_no_folder(folder)
    token = secrets.token_hex(4)
    partial = folder.parent / f".{folder.name}.{token}.partial"
    replaced = folder.parent / f".{folder.name}.{token}.replaced"
    try:
        partial.mkdir(parents=True)
        yield partial
        for path in partial.iterdir():
            flush_to_disk(path)
        flush_to_disk(partial)
        if overwrite and folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
        flush_to_disk(folder.parent)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(
                f"No room to write {folder}: {error.strerror}.",
                hint="Free some space on that disk and try again; nothing was left behind.",
            ) from error
        raise StoreError(
            f"{folder} cannot be written: {error}.",
            hint="Check the path and its permissions.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(replaced, ignore_errors=True)
        elif replaced.exists():
            replaced.rename(folder)
