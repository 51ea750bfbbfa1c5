"""Rows of any file, each with its place: the kind of file is told by its name and first bytes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from miniclaude.data.arrow_stream import CONTINUATION
from miniclaude.data.byte_stream import BUFFER, broken, open_stream, unreadable
from miniclaude.data.csv_rows import read_csv
from miniclaude.data.json_rows import read_json_lines, read_json_values
from miniclaude.data.raw import BadRow, RawRow, Row, Share
from miniclaude.data.table_rows import ARROW_FILE, read_arrow, read_parquet
from miniclaude.data.text_rows import read_text
from miniclaude.errors import DatasetError

PACKED = frozenset({".gz", ".xz", ".bz2", ".zst"})
ENDINGS = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
    ".md": "text",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
LIST_OF_ROWS = re.compile(rb"\[\s*([\{\]]|$)")


@dataclass(frozen=True, slots=True)
class FileRows:
    """A file's rows. unit: what their numbers count, see `Place`."""

    unit: str
    rows: Iterator[RawRow]


def ending(name: str) -> str:
    """The ending that tells the kind of file, without that of a packer; empty when unknown."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in ENDINGS else ""


def open_rows(path: Path, share: Share | None = None) -> Iterator[FileRows]:
    """The one `FileRows` of a file; the file is closed when the iterator is. share: the rows that
    must be read; of the others, only those that cost nothing.

    Raises DatasetError for a file that cannot be opened or whose kind cannot be told; reading its
    rows raises it for one that is damaged, saying after which row.
    """
    kind = _table_kind(path)
    if kind:
        read = read_parquet if kind == "parquet" else read_arrow
        yield FileRows("row", _guarded(read(path), str(path), "row"))
        return
    with open_stream(path) as stream:
        yield stream_rows(stream, path.name, str(path), share)


def stream_rows(
    stream: io.BufferedReader, name: str, shown: str, share: Share | None = None
) -> FileRows:
    """The rows of an open stream of text. name: whose ending tells the kind. shown: for errors."""
    kind = ENDINGS.get(ending(name), "")
    head = stream.peek(BUFFER).lstrip()
    unit = "line"
    if kind == "csv":
        rows = read_csv(stream, shown)
    elif kind == "text":
        rows = read_text(stream)
    elif _is_values(head, kind):
        unit, rows = "item", read_json_values(stream)
    elif kind or head.startswith((b"{", b"[")):
        rows = read_json_lines(stream, share)
    else:
        raise DatasetError(
            f"{shown}: the kind of file cannot be told.",
            hint=f"Give its name one of the endings {', '.join(ENDINGS)}.",
            code="unknown_file_kind",
        )
    return FileRows(unit, _guarded(rows, shown, unit))


def _is_values(head: bytes, kind: str) -> bool:
    """Whether a JSON text is one list, or objects over several lines, not an object a line."""
    if head.startswith(b"["):
        return kind == "json" or LIST_OF_ROWS.match(head) is not None
    if kind != "json":
        return False
    first, line_end, _ = head.partition(b"\n")
    if not line_end:
        return not head.startswith(b"{")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return True
    return False


def _table_kind(path: Path) -> str:
    """`parquet` or `arrow` for such files, by their first bytes; else empty."""
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise unreadable(str(path), error) from error
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((ARROW_FILE, CONTINUATION)):
        return "arrow"
    if head and ending(path.name) in (".parquet", ".arrow"):
        kind = "a Parquet" if ending(path.name) == ".parquet" else "an Arrow"
        raise DatasetError(
            f"{path} is not {kind} file.",
            hint="Fetch it again, or give it the ending of what it is.",
            code="unreadable_file",
        )
    return ""


def _guarded(rows: Iterator[RawRow], name: str, unit: str) -> Iterator[RawRow]:
    """`rows`, with the damage of a file told as what it is, and after which row."""
    number = 0
    try:
        for number, row in rows:
            yield number, row
    except broken() as error:
        raise unreadable(name, error, f", after {unit} {number}") from error


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Each row of a file and its number, for data that has to be faultless.

    Raises DatasetError naming file and place at the first bad row.
    """
    for file in open_rows(path):
        for number, row in file.rows:
            if isinstance(row, BadRow):
                raise DatasetError(
                    f"{path}, {file.unit} {number}: {row.error.message}",
                    hint=row.error.hint,
                    code=row.error.code,
                )
            yield number, row
