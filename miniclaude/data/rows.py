"""Rows of a JSON Lines file or JSON array, plain or compressed, each with its place in the file."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from miniclaude.errors import DatasetError

MAX_LINE_BYTES = 32 << 20
MAX_ARRAY_BYTES = 256 << 20

Row = dict[str, object]


def open_bytes(path: Path) -> BinaryIO | gzip.GzipFile | lzma.LZMAFile:
    """Open a file for reading, through gzip or xz where its name ends in .gz or .xz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    return path.open("rb")


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Each JSON object and its line (in a `.json` array: its place), counted from 1.

    Raises DatasetError naming file and line when the file cannot be read or decompressed, a line
    is longer than 32 MiB (an array: 256 MiB), is not JSON, or holds anything but an object.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            if ".json" in path.suffixes:
                for number, row in enumerate(_parse_array(path, file.read(MAX_ARRAY_BYTES)), 1):
                    yield number, _require_object(path, number, row)
                return
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise _bad_line(path, number, f"longer than {MAX_LINE_BYTES:,} bytes")
                if line.strip():
                    yield number, _parse(path, number, line)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DatasetError(
            f"{path} cannot be read after line {number}: {error}.",
            hint="Check the path, or fetch the file again.",
        ) from error


def _parse(path: Path, number: int, line: bytes) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _bad_line(path, number, f"not valid JSON ({error})") from error
    return _require_object(path, number, row)


def _parse_array(path: Path, data: bytes) -> list[object]:
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _bad_line(path, 1, f"not valid JSON ({error})") from error
    if not isinstance(rows, list):
        raise _bad_line(path, 1, f"a JSON {type(rows).__name__}, not an array of objects")
    return rows


def _require_object(path: Path, number: int, row: object) -> Row:
    if not isinstance(row, dict):
        raise _bad_line(path, number, f"a JSON {type(row).__name__}, not an object")
    return row


def _bad_line(path: Path, number: int, problem: str) -> DatasetError:
    return DatasetError(
        f"{path}, line {number}: {problem}.",
        hint="Each row must be one JSON object; correct or remove it.",
    )
