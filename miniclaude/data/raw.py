"""A row as its file holds it, before its format is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from miniclaude.errors import RowError

MAX_ROW = 32 << 20
"""Bytes one row may have; a longer one is refused without being held."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """What is wrong with a row, and its first bytes."""

    error: RowError
    raw: bytes


@dataclass(slots=True)
class Share:
    """The rows that one of several processes reads, in blocks of so many rows. claim: gives the
    number of the next block that is this process's, greater each time. plain: whether rows may come
    as `PlainRow`. seen: rows that have gone by, also those of others."""

    block: int
    claim: Callable[[], int]
    plain: bool = False
    seen: int = 0
    _claimed: int = -1

    @property
    def mine(self) -> bool:
        """Whether the next row is one of them."""
        number = self.seen // self.block
        while self._claimed < number:
            self._claimed = self.claim()
        return self._claimed == number


PASSED_OVER: Row = {}
"""Stands for a row of another process, which need not be parsed."""

RawRow = tuple[int, Row | BadRow]
"""Where a row stands, counted from 1, and the row."""


def too_long(raw: bytes) -> BadRow:
    """The refusal of a row longer than `MAX_ROW`."""
    error = RowError(
        f"The row is longer than {MAX_ROW >> 20} MiB.",
        hint="Cut it into several rows; a model reads a few thousand words at once.",
        code="row_too_long",
    )
    return BadRow(error, raw[:8_000])


def require_object(value: object) -> Row:
    """The value as a row. Raises RowError unless it is an object."""
    if isinstance(value, dict):
        return value
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    raise RowError(
        f"The row is {kinds.get(type(value), 'a number')}, not an object.",
        hint='Write each row as an object: {"messages": […]}.',
        code="data_type",
    )
