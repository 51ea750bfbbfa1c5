"""Rows of Parquet and Arrow files. Null fields are left out: tables give every row all columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from miniclaude.data.arrow_stream import read_arrow_stream
from miniclaude.data.raw import RawRow

if TYPE_CHECKING:
    import polars

ROWS = 1_000
"""Rows of a Parquet file that are held as Python values at once."""
ARROW_FILE = b"ARROW1"


def read_parquet(path: Path) -> Iterator[RawRow]:
    """Each row, numbered from 1; row groups are read one after the other."""
    import polars

    return _rows(polars.scan_parquet(path, glob=False).collect_batches(chunk_size=ROWS))


def read_arrow(path: Path) -> Iterator[RawRow]:
    """Each row of an Arrow file, numbered from 1, in the streaming or the random-access format."""
    import polars

    with path.open("rb") as file:
        head = file.read(len(ARROW_FILE))
        file.seek(0)
        if head == ARROW_FILE:
            yield from _rows(polars.scan_ipc(path, glob=False).collect_batches(chunk_size=ROWS))
        else:
            yield from _rows(read_arrow_stream(file, str(path)))


def _rows(batches: Iterable[polars.DataFrame]) -> Iterator[RawRow]:
    number = 0
    for batch in batches:
        for row in batch.iter_rows(named=True):
            number += 1
            yield number, {column: value for column, value in row.items() if value is not None}
