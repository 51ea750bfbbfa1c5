"""Examples for the tests of the pipeline: plain ones, and files of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from miniclaude.data.example import Example, Place, to_row
from miniclaude.messages import text_message

THINGS = [
    "river",
    "bridge",
    "candle",
    "mirror",
    "garden",
    "ladder",
    "violin",
    "basket",
    "lantern",
    "harbour",
    "kettle",
    "meadow",
    "pencil",
    "saddle",
    "tunnel",
    "window",
    "anchor",
    "blanket",
    "compass",
    "drawer",
    "engine",
    "feather",
    "glacier",
    "hammer",
    "island",
    "jacket",
]
DEEDS = [
    "carries",
    "hides",
    "paints",
    "mends",
    "watches",
    "borrows",
    "follows",
    "guards",
    "measures",
    "forgets",
]


def said(asked: str, answered: str, line: int = 1, **more: object) -> Example:
    """A question and its answer."""
    messages = (text_message("user", asked), text_message("assistant", answered))
    return Example(Place("my.jsonl", line), messages, **more)  # type: ignore[arg-type]


def different(count: int) -> list[Example]:
    """Conversations none of which is like another."""
    examples = []
    for n in range(count):
        thing, other = THINGS[n % 26], THINGS[(n // 26 + n) % 26]
        deed = DEEDS[n % 10]
        examples.append(
            said(
                f"Tell me what number {n} of the {thing} stories is about, with the {other}.",
                f"In story {n} a {thing} {deed} the {other} {n + 7} times, until {other} {n * 3}"
                f" and {thing} {n * 5} meet {THINGS[(n * 7) % 26]} {n} at last.",
                n + 1,
            )
        )
    return examples


def write_rows(path: Path, rows: Iterable[object]) -> Path:
    """A JSON Lines file. An Example becomes its row; text is written as it is."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            if isinstance(row, Example):
                row = to_row(row)
            file.write((row if isinstance(row, str) else json.dumps(row)) + "\n")
    return path
