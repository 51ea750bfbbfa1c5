"""Two commands that would write the same run: the second one is told so."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miniclaude.errors import ConflictError


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the run in `folder`, which need not be there yet. The lock goes with its process,
    however that ends.

    Raises ConflictError while another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f".{folder.name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                "This very run is going on in another process.",
                hint=f"Wait for it, or stop that one first. Its folder is {folder}.",
            ) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
