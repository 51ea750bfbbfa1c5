"""Ids: UUID version 7 (RFC 9562), 32 hexadecimal digits, made here and nowhere else.

They sort by the time they were made, so an index in id order is an index in time order, and a
row's neighbours on disk are its neighbours in the conversation.
"""

from __future__ import annotations

import re
import secrets
import threading
import time

from miniclaude.errors import NotFoundError

_ID = re.compile(r"[0-9a-f]{32}\Z")


class _Clock:
    """Ticks of 1/4096 millisecond since 1970 that never repeat, even when the clock goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def tick(self) -> int:
        with self._lock:
            self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
            return self._last


_clock = _Clock()


def new_id() -> str:
    """An id greater than every id this process has made before.

    Layout, most significant first: 48 bits of Unix milliseconds, version, 12 bits of the
    millisecond's fraction (RFC 9562 §6.2, method 3), variant, 62 random bits.
    """
    milliseconds, fraction = divmod(_clock.tick(), 4096)
    number = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    return f"{number:032x}"


def require_id(value: str, noun: str) -> str:
    """`value`, if it has an id's shape; no other string ever reaches the database as one.

    Raises NotFoundError, because nothing can have such an id. noun: "conversation", "message"…
    """
    if not _ID.match(value):
        raise not_found(noun)
    return value


def not_found(noun: str, param: str | None = None) -> NotFoundError:
    """The error for a row that is not there, or is not this owner's: the two look the same."""
    return NotFoundError(
        f"There is no such {noun}.", hint="It may have been deleted; reload the list.", param=param
    )
