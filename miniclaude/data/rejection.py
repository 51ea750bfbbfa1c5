"""A row that cannot be used: kept aside with its place, the error's name and the cure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from miniclaude.data.example import Example, Place
from miniclaude.errors import MiniClaudeError
from miniclaude.errors import RowError as RowError

SHOWN = 2_000
"""Characters of a rejected row that are kept."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one row is not among the examples.

    error: a stable name, OpenAI's where it has one (`missing_messages_list`). message: what is
    wrong. cure: what to do about it. row: the beginning of the row as it stood in the file.
    """

    place: Place
    error: str
    message: str
    cure: str
    row: str

    def __str__(self) -> str:
        return f"{self.place}: {self.error}: {self.message} {self.cure}"

    def as_dict(self) -> dict[str, object]:
        """The rejection as one JSON object, a line of `rejected.jsonl`."""
        return {
            "file": self.place.file,
            self.place.unit: self.place.line,
            "error": self.error,
            "message": self.message,
            "cure": self.cure,
            "row": self.row,
        }


Item = Example | Rejection
"""What flows through a pipeline."""


def reject(place: Place, error: MiniClaudeError, row: object) -> Rejection:
    """The rejection of `row` for `error`."""
    return Rejection(place, error.code or "bad_row", error.message, error.hint, shown(row))


def shown(row: object) -> str:
    """At most 2,000 characters of a row, always valid UTF-8."""
    if isinstance(row, bytes):
        text = row[: 4 * SHOWN].decode("utf-8", "replace")
    elif isinstance(row, str):
        text = row
    else:
        try:
            text = json.dumps(row, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            text = str(type(row).__name__)
    return text[:SHOWN].encode("utf-8", "replace").decode("utf-8")
