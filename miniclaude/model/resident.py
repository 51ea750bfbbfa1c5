"""What start-up needed and answering does not, given back to the operating system. Linux only;
elsewhere nothing happens.

Starting goes once through most of PyTorch's and the compiler's libraries, a hundred megabytes of
code that stays mapped from then on. Such pages are a file's: the system could take them at any
time, but does not before it is short of memory, and meanwhile they count as this process's. Given
back, those that are used again return, from the system's own copy of the file.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

MAPPINGS = Path("/proc/self/smaps")
DONT_NEED = 4  # Linux's MADV_DONTNEED


def give_back_heap() -> None:
    """Freed memory, which glibc would keep where something in use lies behind it."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def give_back_code() -> None:
    """Mapped code and constants; for the next use of each page a microsecond is paid."""
    if not MAPPINGS.exists():
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in unchanged(MAPPINGS.read_text(errors="replace")):
        madvise(start, end - start, DONT_NEED)


def unchanged(smaps: str) -> Iterator[tuple[int, int]]:
    """Begin and end of the mappings that are just what is in their file: not to be written to, and
    without a page that the loader has changed before they became so, which would be lost."""
    place: tuple[int, int] | None = None
    for line in smaps.splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            rights, _, _, inode, *_ = rest.split()
            start, _, end = name.partition("-")
            read_only = rights in ("r-xp", "r--p") and inode != "0"
            place = (int(start, 16), int(end, 16)) if read_only else None
        elif name == "Anonymous:" and rest.split()[0] == "0" and place is not None:
            yield place
