"""Items as lines of JSON, for the files between two stages and for what processes tell each other.

A kept row is `["file", line, "unit", {row}]`, a rejected one has a fifth and further fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from miniclaude.data.example import Example, Place, from_row, to_row
from miniclaude.data.rejection import Item, Rejection
from miniclaude.errors import DatasetError

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""JSON on one line; made once, since making an encoder takes longer than a short row does."""


def item_line(item: Item) -> str:
    """The item as a line, without its end."""
    place = item.place
    if isinstance(item, Rejection):
        why = (item.error, item.message, item.cure, item.row)
        return encode([place.file, place.line, place.unit, None, *why])
    return encode([place.file, place.line, place.unit, to_row(item)])


def read_item(line: str) -> Item:
    """The item of a line that `item_line` wrote."""
    file, number, unit, row, *rest = json.loads(line)
    place = Place(file, number, unit)
    return from_row(row, place) if row is not None else Rejection(place, *rest)


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file, lazily. Raises DatasetError when a line is not one."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            try:
                item = read_item(line)
            except (ValueError, TypeError) as error:
                raise DatasetError(
                    f"{path}, line {number} is damaged: {error}.",
                    hint="Remove that folder and prepare the data again.",
                ) from error
            yield item


def rejection_line(rejection: Rejection) -> str:
    """A line of `rejected.jsonl`."""
    return encode(rejection.as_dict())


def row_line(example: Example) -> str:
    """A line of `train.jsonl` or `validation.jsonl`."""
    return encode(to_row(example))


def read_row(line: bytes, place: Place) -> Example:
    """The example of a line that `row_line` wrote."""
    return from_row(json.loads(line), place)
