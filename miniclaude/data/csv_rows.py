"""Rows of comma- or tab-separated text; the first line names the columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import BinaryIO

from miniclaude.data.json_value import decode
from miniclaude.data.raw import MAX_ROW, BadRow, RawRow, too_long
from miniclaude.errors import DatasetError, RowError

DELIMITERS = ",\t;|"
STRUCTURED = frozenset(
    {
        *("messages", "conversations", "history", "tools", "prompt", "completion"),
        *("chosen", "rejected", "input", "preferred_output", "non_preferred_output"),
    }
)
"""Columns in which a cell may hold a list or an object, as JSON."""
TRUTH = {"true": True, "false": False, "1": True, "0": False}
FLAGS = frozenset({"kto_tag", "label"})


def read_csv(file: io.BufferedReader, name: str) -> Iterator[RawRow]:
    """Each row with the physical line it begins in; empty cells are left out, blank lines passed
    over. Raises DatasetError when the first line names no columns."""
    lines = _Lines(file)
    first = file.peek(1 << 16).partition(b"\n")[0]
    delimiter = max(DELIMITERS, key=lambda sign: first.count(sign.encode()))
    # The library's bound on a cell is one for the whole process; ours, for each line, is lower.
    csv.field_size_limit(MAX_ROW)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = next(reader, [])
    except csv.Error:
        columns = []
    named = [column.strip() for column in columns]
    faulty = lines.problem is not None or not named
    if faulty or not all(named) or len(set(named)) != len(named):
        raise DatasetError(
            f"{name}, line 1: the first line does not name each column once: {named}.",
            hint="Begin the file with a line of names, such as instruction,input,output.",
            code="csv_header",
        )
    while True:
        start = reader.line_num + 1
        lines.problem = None
        lines.raw.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield (
                start,
                BadRow(lines.problem or _not_csv(error, reader.line_num), b"".join(lines.raw)),
            )
            continue
        if cells is None:
            return
        if lines.problem is not None:
            yield start, BadRow(lines.problem, b"".join(lines.raw))
        elif not cells or cells == [""]:
            continue
        elif len(cells) != len(named):
            yield start, BadRow(_wrong_count(len(cells), len(named)), b"".join(lines.raw))
        else:
            yield (
                start,
                {c: _cell(c, value) for c, value in zip(named, cells, strict=True) if value},
            )


class _Lines:
    """The stream's lines as text.

    problem: what is wrong with a line of the present row. raw: its lines, at most 8,000 bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.problem: RowError | None = None
        self.raw: list[bytes] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        if len(self.raw) < 50:
            self.raw.append(line[:8_000])
        if len(line) > MAX_ROW:
            self.problem = too_long(line).error
            while line and not line.endswith(b"\n"):
                line = self._file.readline(1 << 18)
            return "\n"
        try:
            return decode(line, "The line")
        except RowError as error:
            self.problem = error
            return line.decode("utf-8", "replace")


def _cell(column: str, value: str) -> object:
    """A cell as JSON would have it."""
    if column in STRUCTURED and value[0] in "[{":
        try:
            parsed: object = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed
    if column in FLAGS:
        return TRUTH.get(value.strip().lower(), value)
    return value


def _not_csv(error: csv.Error, last: int) -> RowError:
    return RowError(
        f"The row, read up to line {last}, is not CSV: {error}.",
        hint="Put a cell that has quotes or line ends between quotes, close them, and double each"
        ' quote inside: "".',
        code="not_csv",
    )


def _wrong_count(found: int, wanted: int) -> RowError:
    return RowError(
        f"The row has {found} cells, the first line of the file {wanted}.",
        hint="Put a cell that holds the separator between quotes, or add the missing cells.",
        code="csv_cell_count",
    )
