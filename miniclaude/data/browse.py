"""A dataset's rows a page at a time, as a person looks through them: shortened, and searched.

A page begins after a line of the file and says where the next one begins, so that no answer needs
more than a bounded part of the file, however large it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miniclaude.data.example import Example, Place, from_row
from miniclaude.data.prepared import REJECTED, PreparedDataset, Split
from miniclaude.data.rejection import SHOWN
from miniclaude.data.repeated import repeated_place
from miniclaude.data.source_names import SourceNames
from miniclaude.errors import DatasetError, NotFoundError

MOST_ROWS = 100
"""On a page."""
SCAN_BYTES = 64 << 20
"""Of a file, that are looked through for one page."""
MOST_TURNS = 6
MOST_CHARACTERS = 600
UNITS = ("line", "item", "row", "paragraph")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows, each with its `number`. next: where to go on from; None at the end."""

    rows: list[Json]
    next: int | None


def kept_rows(
    dataset: PreparedDataset, split: Split, *, after: int, limit: int, query: str = ""
) -> RowPage:
    """Rows of a split whose texts hold `query`, whatever the case. after: the line that the page
    begins behind. Raises DatasetError."""
    wanted = query.casefold()

    def show(number: int, row: Json) -> Json | None:
        if wanted and wanted not in "\n".join(texts_of(row)).casefold():
            return None
        return {"number": number, **shortened(row)}

    return _page(dataset.folder / f"{split}.jsonl", after, limit, show)


def rejected_rows(
    dataset: PreparedDataset, *, after: int, limit: int, query: str = "", error: str = ""
) -> RowPage:
    """Rows that were left out, with the error's name and the cure. error: only those of that name.
    Raises DatasetError."""
    wanted = query.casefold()
    names = SourceNames.of(dataset)

    def show(number: int, row: Json) -> Json | None:
        if error and row["error"] != error:
            return None
        if wanted and wanted not in f"{row['row']}\n{row['message']}".casefold():
            return None
        return {**_rejected(number, row, names), "row": row["row"][:MOST_CHARACTERS]}

    return _page(dataset.folder / REJECTED, after, limit, show)


def kept_row(dataset: PreparedDataset, split: Split, number: int) -> Json:
    """A row of a split as it stands. Raises NotFoundError, DatasetError."""
    return _row_at(dataset.folder / f"{split}.jsonl", number)


def example_at(dataset: PreparedDataset, split: Split, number: int) -> Example:
    """The same as an example. Raises NotFoundError, DatasetError."""
    return from_row(kept_row(dataset, split, number), Place(f"{split}.jsonl", number))


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was left out. told: what is shown of it; whole: whether `told["row"]` is all of
    it; place: where it stood; repeats: where the row stands that it repeats, if it does."""

    told: Json
    whole: bool
    place: Place
    repeats: Place | None


def rejected_row(dataset: PreparedDataset, number: int) -> RejectedRow:
    """Raises NotFoundError, DatasetError."""
    row = _row_at(dataset.folder / REJECTED, number)
    told = {**_rejected(number, row, SourceNames.of(dataset)), "row": row["row"]}
    return RejectedRow(
        told, len(row["row"]) < SHOWN, _place_of(row), repeated_place(row["message"])
    )


def shortened(row: Mapping[str, Any]) -> Json:
    """What is shown of a row in a list: its first turns, each cut. more: turns that are not shown;
    kind: the type of conversation, where the row says."""
    turns = list(turns_of(row))
    return {
        "turns": [
            {"role": role, "text": text[:MOST_CHARACTERS], "cut": len(text) > MOST_CHARACTERS}
            for role, text in turns[:MOST_TURNS]
        ],
        "more": max(len(turns) - MOST_TURNS, 0),
        "kind": row.get("kind") or "",
    }


def turns_of(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who says what, of a row as `example.to_row` has it; of plain text, `text`."""
    if isinstance(row.get("text"), str):
        yield "text", row["text"]
    for name, messages in (("", row.get("messages")), *((n, row.get(n)) for n in ANSWERS)):
        for message in messages if isinstance(messages, list) else ():
            yield name or str(message.get("role")), _said(message)


ANSWERS = ("chosen", "rejected")


def texts_of(row: Mapping[str, Any]) -> Iterator[str]:
    """What is said in a row."""
    return (text for _, text in turns_of(row))


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    if content and not text:
        text = json.dumps(content, ensure_ascii=False)
    if calls := message.get("tool_calls"):
        text = f"{text}\n{json.dumps(calls, ensure_ascii=False)}".strip()
    return text


def _rejected(number: int, row: Json, names: SourceNames) -> Json:
    return {
        "number": number,
        "place": names.plain(str(_place_of(row))),
        "error": row["error"],
        "message": names.plain(row["message"]),
        "cure": row["cure"],
    }


def _place_of(row: Json) -> Place:
    unit = next((unit for unit in UNITS if unit in row), "line")
    return Place(row["file"], row.get(unit, 0), unit)


def _page(path: Path, after: int, limit: int, show: Callable[[int, Json], Json | None]) -> RowPage:
    """The rows behind line `after` that `show` shows."""
    shown: list[Json] = []
    read = 0
    for number, line in _lines(path, after):
        if len(shown) == limit or read > SCAN_BYTES:
            return RowPage(shown, number - 1)
        read += len(line)
        if (row := show(number, _parsed(path, number, line))) is not None:
            shown.append(row)
    return RowPage(shown, None)


def _row_at(path: Path, number: int) -> Json:
    for found, line in _lines(path, number - 1):
        return _parsed(path, found, line)
    raise NotFoundError(
        f"There is no row {number:,}.", hint="The dataset's counts say how many there are."
    )


def _lines(path: Path, after: int) -> Iterator[tuple[int, bytes]]:
    """The lines behind the first `after`, with their numbers."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number > after:
                    yield number, line
    except OSError as error:
        raise DatasetError(
            f"{path.name} cannot be read: {error.strerror or error}.",
            hint="Prepare the dataset again.",
        ) from error


def _parsed(path: Path, number: int, line: bytes) -> Json:
    try:
        row = json.loads(line)
        if isinstance(row, dict):
            return row
    except (ValueError, RecursionError):
        pass
    raise DatasetError(f"{path.name}, line {number} is damaged.", hint="Prepare the dataset again.")
