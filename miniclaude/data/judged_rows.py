"""Rows that were judged by themselves, with what the later steps must know of them.

Reading a row and cutting its text into shingles takes longer than finding its near-duplicates. So
both are done once, by whichever process judges the row: a file of judged rows holds, for each chunk
of rows, their lines (`item_lines.py`), facts, and sketches. The step that has to see all rows one
after the other reads numbers, and a row's line only to write it.

A chunk in the file: a line of JSON with the facts and the sizes of what follows, then the lines,
then the arrays, as they are in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from miniclaude.data.accounts import keys_of, prompt_key
from miniclaude.data.example import Example, Place, Task
from miniclaude.data.kinds_at_once import kinds_of_texts
from miniclaude.data.plain_facts import plain_facts
from miniclaude.data.plain_rows import PlainRow
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item
from miniclaude.data.shingles import HashedShingles, compared
from miniclaude.data.similar import Sketches, sketch
from miniclaude.data.split import opening, sketch_openings
from miniclaude.data.validate import RowFacts, row_facts
from miniclaude.errors import DatasetError

Number = TypeVar("Number", np.uint64, np.int64)


class KeptRow(NamedTuple):
    """What is known of a row that was not rejected: its place and task, `accounts.prompt_key`, and
    its `validate.RowFacts`."""

    file: str
    line: int
    unit: str
    task: str
    key: int
    kind: str
    forms: list[str]
    answers: list[int]
    prompt: int | None
    turns: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.file, self.line, self.unit)


KEY, KIND = map(KeptRow._fields.index, ("key", "kind"))


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Some rows. lines: of each, with its end. kept: None for those that were rejected. texts,
    openings: sketches of those that were kept."""

    lines: list[bytes]
    kept: list[KeptRow | None]
    texts: Sketches
    openings: Sketches


class Collector:
    """Collects the rows of a chunk."""

    def __init__(self, options: PrepareOptions) -> None:
        self._options = options
        self._clear()

    def _clear(self) -> None:
        self._lines: list[bytes] = []
        self._kept: list[list[object] | None] = []
        self._texts: list[tuple[str, str]] = []
        self._openings: list[str] = []
        # Of plain rows: those whose keys are not made yet, and those whose kinds are not told yet.
        self._prompted: list[list[object]] = []
        self._prompts: list[str] = []
        self._asked: list[list[object]] = []
        self._questions: list[str] = []
        self._answers: list[str] = []

    def add(self, item: Item, line: bytes) -> None:
        """A judged row and its line, without the end: of a kept one that of training."""
        self._lines.append(line)
        if not isinstance(item, Example):
            self._kept.append(None)
            return
        self._keep(item.place, item.task, prompt_key(item), row_facts(item), compared(item))
        if self._options.validation:
            self._openings.append(opening(item))

    def add_plain(self, row: PlainRow) -> None:
        """A plain row that is kept as it came."""
        self._lines.append(row.line)
        texts, first, question, prompt, facts = plain_facts(row)
        kept = self._keep(row.place, "supervised", 0, facts, texts)
        self._prompted.append(kept)
        self._prompts.append(prompt)
        if not row.kind:
            self._asked.append(kept)
            self._questions.append(question)
            self._answers.append(row.texts[-1])
        if self._options.validation:
            self._openings.append(first)

    def _keep(
        self, place: Place, task: Task, prompt: int, facts: RowFacts, texts: tuple[str, str]
    ) -> list[object]:
        row: list[object] = [place.file, place.line, place.unit, task, prompt, *facts]
        self._kept.append(row)
        self._texts.append(texts)
        return row

    def take(self) -> bytes:
        """The rows so far as a chunk of the file, and none are left; empty when there were none."""
        if not self._lines:
            return b""
        for row, key in zip(self._prompted, keys_of(self._prompts), strict=True):
            row[KEY] = key
        kinds = kinds_of_texts(self._questions, self._answers)
        for row, kind in zip(self._asked, kinds, strict=True):
            row[KIND] = kind
        texts = sketch(self._texts, self._options.duplicates)
        openings = sketch_openings(self._openings, self._options.seed)
        lines = b"\n".join([*self._lines, b""])
        arrays: list[NDArray[np.generic]] = []
        for one in (texts, openings):
            arrays += one.shingles.hashes, one.shingles.bounds, one.keys
        sizes = [len(lines), *([array.shape for array in arrays])]
        head = orjson.dumps([sizes, self._kept]) + b"\n"
        chunk = b"".join([head, lines, *(array.tobytes() for array in arrays)])
        self._clear()
        return chunk


def read_judged(path: Path) -> Iterator[JudgedRows]:
    """The chunks of a file. Raises DatasetError when it is damaged."""
    with path.open("rb") as file:
        number = 0
        try:
            for chunk in read_chunks(file):
                number += 1
                yield chunk
        except (ValueError, TypeError) as error:
            raise DatasetError(
                f"{path}, chunk {number + 1} is damaged: {error}.",
                hint="Remove that folder and prepare the data again.",
            ) from error


def read_chunks(file: BinaryIO) -> Iterator[JudgedRows]:
    """The chunks of an open file. Raises ValueError or TypeError when it is damaged."""
    while head := file.readline():
        yield _read_chunk(file, head)


def _read_chunk(file: BinaryIO, head: bytes) -> JudgedRows:
    (size, *shapes), rows = orjson.loads(head)
    lines = file.read(size).splitlines(keepends=True)
    kept = [None if row is None else KeptRow(*row) for row in rows]
    sketches = [
        Sketches(
            HashedShingles(
                _read_array(file, hashes, np.uint64), _read_array(file, bounds, np.int64)
            ),
            _read_array(file, keys, np.uint64),
        )
        for hashes, bounds, keys in (shapes[:3], shapes[3:])
    ]
    if len(lines) != len(kept):
        raise ValueError(f"{len(lines)} lines for {len(kept)} rows")
    return JudgedRows(lines, kept, *sketches)


def _read_array(file: BinaryIO, shape: Sequence[int], kind: type[Number]) -> NDArray[Number]:
    data = file.read(8 * math.prod(shape))
    return np.frombuffer(data, kind).reshape(shape)
