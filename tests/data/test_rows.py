"""Reading rows: every kind of file, and errors that say where."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from miniclaude.data.rows import read_rows
from miniclaude.errors import DatasetError

LINES = b'{"text": "one"}\n\n{"text": "two"}\n'


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.xz"])
def test_lines_keep_their_number_past_empty_ones(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    packed = {".gz": gzip.compress(LINES), ".xz": lzma.compress(LINES)}
    path.write_bytes(packed.get(path.suffix, LINES))
    assert list(read_rows(path)) == [(1, {"text": "one"}), (3, {"text": "two"})]


def test_an_array_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[{"a": 1}, {"a": 2}]')
    assert list(read_rows(path)) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2: The line is not JSON: it ends"),
        ("a.jsonl", b"[1]\n", "line 1: The row is a list, not an object"),
        ("a.jsonl", b"[" * 100_000, "nested too deeply"),
        ("a.jsonl", b'{"a": "\xff"}\n', "line 1: The line is not UTF-8: byte 8 of it is 0xff"),
        ("a.json", b"[1]", "item 1: The row is a number, not an object"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-9], "cut short"),
        ("a.jsonl.xz", lzma.compress(LINES)[:-9], "cut short"),
    ],
)
def test_a_bad_file_is_named_with_the_place(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=says) as caught:
        list(read_rows(path))
    assert str(path) in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.jsonl does not exist"):
        list(read_rows(tmp_path / "nowhere.jsonl"))
