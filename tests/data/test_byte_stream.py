"""Whatever a file is encoded or packed in, its rows come out, or it is said why not."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import polars
import pytest

from miniclaude.data import byte_stream
from miniclaude.data.byte_stream import as_stream, open_stream
from miniclaude.data.example import Example
from miniclaude.data.reading import read_examples
from miniclaude.errors import DatasetError

ROWS = '{"text": "Zürich"}\n{"text": "天気"}\n'


def texts(path: Path) -> list[str]:
    return [item.text for item in read_examples(path) if isinstance(item, Example)]


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        ROWS.encode("utf-16-be").join([b"\xfe\xff", b""]),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace("\n", "\r").encode("utf-16"),
        ROWS.replace("\n", "\r\n", 1).replace("}\n", "}\r").encode(),
        ROWS.rstrip().encode(),
        ("\n \n" + ROWS + "\n\n").encode(),
    ],
    ids=["utf8", "bom", "utf16le", "utf16be", "crlf", "cr", "cr16", "mixed", "no-end", "blank"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_rows_survive_every_encoding(tmp_path: Path, content: bytes, pack: object) -> None:
    """Excel writes a mark, old programs CR alone, Windows UTF-16. Packing is told by content: a
    download that lost its `.gz` is read all the same."""
    path = tmp_path / "rows.jsonl"
    assert callable(pack)
    path.write_bytes(pack(content))
    assert texts(path) == ["Zürich", "天気"]


def test_zstd_is_read_through_polars(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.zst"
    frame = polars.DataFrame({"text": ["Zürich", "天気"]})
    frame.write_csv(path, compression="zstd")
    assert texts(path) == ["Zürich", "天気"]


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("a.jsonl", b"", "empty_file", "is empty"),
        ("a.jsonl", b"\n\r\n \n", "empty_file", "holds no row"),
        ("a.json", b"[]", "empty_file", "holds no row"),
        ("a.csv", b"instruction,output\n", "empty_file", "holds no row"),
        ("a.jsonl", b"\x7fELF\0\0\0\1" * 20, "binary_file", "holds zero bytes"),
        ("a.jsonl", '{"text": "a"}'.encode("utf-16-le"), "not_utf8", "UTF-16 without its mark"),
        ("a.jsonl", b"\xff\xfe{\0\x00\xd8", "not_utf8", "is not the UTF-16"),
        ("a.bin", b"hello", "unknown_file_kind", "kind of file cannot be told"),
        ("a.parquet", b"hello", "unreadable_file", "is not a Parquet file"),
        ("a.parquet", b"PAR1hello", "unreadable_file", "damaged"),
        ("a.arrow", b"\xff\xff\xff\xff\1\0\0\0\0", "unreadable_file", "damaged"),
        ("a.json", b'[{"text": "a"}, ', "truncated_file", "after item 1: the file is cut short"),
        ("a.json", b'[{"text": "a"}', "truncated_file", "after item 1: the file is cut short"),
        ("a.jsonl.gz", gzip.compress(ROWS.encode(), mtime=0)[:-9], "truncated_file", "cut short"),
        ("a.jsonl.xz", lzma.compress(ROWS.encode())[:-9], "truncated_file", "cut short"),
        ("a.jsonl.gz", b"\x1f\x8b\x07" + b"hello" * 9, "unreadable_file", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, code: str, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=says) as caught:
        list(read_examples(path))
    assert caught.value.code == code
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_what_was_read_before_the_damage_is_told(tmp_path: Path) -> None:
    """Half a file must not pass for a whole one; and where it broke is worth knowing."""
    path = tmp_path / "a.jsonl.gz"
    rows = "".join(f'{{"text": "row {n} {n * n * 7919 % 10007}"}}\n' for n in range(60_000))
    path.write_bytes(gzip.compress(rows.encode())[:-20_000])
    items = read_examples(path)
    count = 0
    try:
        for _ in items:
            count += 1
    except DatasetError as error:
        said = error.message
    assert count > 1_000
    assert f"after line {count}: the file is cut short" in said


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        list(read_examples(tmp_path / "nowhere.jsonl"))
    with pytest.raises(DatasetError, match="a folder with no files of rows"):
        list(read_examples(tmp_path))
    with pytest.raises(DatasetError, match="is a folder"), open_stream(tmp_path):
        pass


def test_cr_line_ends_across_pieces_of_a_stream(tmp_path: Path) -> None:
    """A CRLF that falls on the border of two reads is one line end."""
    stream = as_stream(iter([b"a\r", b"\nb", b"", b"\r", b"c"]))
    assert stream.read() == b"a\r\nb\rc"
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\r' * 40_000)
    assert len(texts(path)) == 40_000


def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(ROWS)

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DatasetError, match=r"cannot be read: Permission denied\.") as caught:
        list(read_examples(path))
    assert "that you may read it" in caught.value.hint


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_a_packed_file_cannot_blow_up(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes of gzip hold gigabytes of blank lines, which would keep a worker busy for
    hours."""
    monkeypatch.setattr(byte_stream, "FREE", 1 << 20)
    path = tmp_path / "bomb.jsonl"
    path.write_bytes(pack(b"\n" * (64 << 20)))
    with pytest.raises(DatasetError, match="unpacks to more than 200 times its size") as caught:
        texts(path)
    assert caught.value.code == "packed_too_tightly"
    assert "unpack it first" in (caught.value.hint or "")


def test_a_packed_file_of_ordinary_text_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is bounded is the ratio, not the size: a large file that packs well is no bomb."""
    monkeypatch.setattr(byte_stream, "FREE", 1 << 10)
    path = tmp_path / "rows.jsonl.gz"
    rows = "".join(f'{{"text": "row number {number}"}}\n' for number in range(20_000))
    path.write_bytes(gzip.compress(rows.encode()))
    assert len(texts(path)) == 20_000
