"""A folder that appears whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from miniclaude.errors import NO_ROOM, ConflictError, DiskFullError, StoreError
from miniclaude.model.new_file import flush_to_disk

REMOVING = ".removing-"
"""Before the name of a folder that is being deleted."""


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

    With `overwrite`, a folder already there gives way as in `take_place`. Raises ConflictError when
    it exists and may not be replaced, DiskFullError when there is no room, StoreError when the disk
    refuses otherwise.
    """
    if not overwrite:
        check_no_folder(folder)
    partial = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.partial"
    try:
        partial.mkdir(parents=True)
        yield partial
        take_place(partial, folder, overwrite=overwrite)
    except OSError as error:
        raise cannot_write(folder, error, "nothing was left behind") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def take_place(new: Path, folder: Path, *, overwrite: bool) -> None:
    """Flush the finished folder `new`, on the same disk, and give it the name `folder`. It stays
    where it is until its bytes are on the disk.

    With `overwrite`, what is there already is moved aside first and deleted last, so at each moment
    one of the two is whole on disk. Raises OSError, and then leaves both.
    """
    replaced = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.replaced"
    for path in new.iterdir():
        flush_to_disk(path)
    flush_to_disk(new)
    try:
        if overwrite and is_there(folder):
            folder.rename(replaced)
        new.rename(folder)
        flush_to_disk(folder.parent)
    finally:
        if is_there(replaced):
            if is_there(folder):
                with suppress(OSError):  # the new one is in its place
                    # Under a name by which it cannot come back, should this be killed meanwhile.
                    unwanted = folder.parent / f"{REMOVING}{folder.name}.{secrets.token_hex(4)}"
                    delete(replaced.rename(unwanted))
            else:
                replaced.rename(folder)


def cannot_write(folder: Path, error: OSError, left: str) -> StoreError:
    """The error for a folder that the disk refuses. left: what became of the work, in words."""
    if error.errno in NO_ROOM:
        return DiskFullError(
            f"No room to write {folder}: {error.strerror}.",
            hint=f"Free some space on that disk and try again; {left}.",
        )
    return StoreError(
        f"{folder} cannot be written: {error}.", hint="Check the path and its permissions."
    )


def is_there(path: Path) -> bool:
    """Whether the name is taken, be it by a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def delete(path: Path) -> None:
    """Delete a folder, or a link to one and not what it leads to. Nothing happens where another
    process deletes it. Raises OSError."""
    with suppress(FileNotFoundError):
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path)
