"""JSON read a row at a time: equal to reading it whole, and bounded."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.data import json_rows
from miniclaude.data.byte_stream import as_stream
from miniclaude.data.example import Example
from miniclaude.data.json_rows import item_end, read_json_lines, read_json_values
from miniclaude.data.raw import MAX_ROW, BadRow
from miniclaude.data.reading import read_examples
from miniclaude.data.rejection import Rejection

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=6)


@settings(max_examples=60)
@given(ROWS, st.sampled_from([None, 1]), st.booleans(), st.integers(1, 40))
def test_a_list_in_pieces_equals_the_list_read_whole(
    rows: list[dict[str, object]], indent: int | None, ascii_only: bool, chunk: int
) -> None:
    """`json.loads` is the reference; wherever the pieces are cut, in a text or a number."""
    data = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    expected = json.loads(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "CHUNK", chunk)
        read = list(read_json_values(io.BytesIO(data)))
    assert [number for number, _ in read] == list(range(1, len(expected) + 1))
    assert [row for _, row in read if not isinstance(row, BadRow)] == expected


@given(VALUES, st.text(max_size=5))
def test_the_brackets_find_where_an_item_ends(value: object, after: str) -> None:
    text = json.dumps([value])
    assert item_end(text + after, 0) == len(text)


def test_faulty_items_do_not_take_their_neighbours_along(tmp_path: Path) -> None:
    """One comma too many in a list of a million rows is one rejection, not none read."""
    path = tmp_path / "rows.json"
    path.write_bytes(
        b'[{"text": "1"}, {"text": "2",}, {\'text\': "3"}, nothing, {"text": "]}\\"{["},\n'
        b'{"text": [1, 2}, {"text": "7"}, 8, {"text": "\xff"}, {"text": "10"}]'
    )
    items = list(read_examples(path))
    assert [item.place.line for item in items] == list(range(1, 11))
    assert [item.text for item in items if isinstance(item, Example)] == ["1", ']}"{[', "7", "10"]
    errors = [item.error for item in items if isinstance(item, Rejection)]
    assert errors == ["not_json"] * 4 + ["data_type", "invalid_utf8"]
    [bytes_of] = [i for i in items if isinstance(i, Rejection) and i.error == "invalid_utf8"]
    assert "byte 11 of it is 0xff" in bytes_of.message


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("a.json", '{"text": "a"}\n{"text": "b"}\n', "line"),
        ("a.json", '{\n "text": "a"\n}\n{\n "text": "b"\n}', "item"),
        ("a.json", '[{"text": "a"},\n {"text": "b"}]', "item"),
        ("a.jsonl", '[\n{"text": "a"}, {"text": "b"}]', "item"),
        ("a", '{"text": "a"}\n{"text": "b"}', "line"),
        ("a.jsonl", '{"text": "a"}\n\ufeff{"text": "b"}\n', "line"),
    ],
)
def test_json_and_json_lines_are_told_apart_by_content(
    tmp_path: Path, name: str, text: str, unit: str
) -> None:
    """Half of the `.json` files on hubs are JSON Lines."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    items = list(read_examples(path))
    assert [item.text for item in items if isinstance(item, Example)] == ["a", "b"]
    assert {item.place.unit for item in items} == {unit}


def long_row(size: int, end: bytes) -> Iterator[bytes]:
    """A good row, one of `size` bytes that are made as they are read, and a good row."""
    piece = b'x\\"}]' * 50_000
    yield b'{"text": "a"}' + end + b'{"text": "'
    for _ in range(size // len(piece)):
        yield piece
    yield b'"}' + end + b'{"text": "b"}'


@pytest.mark.parametrize("end", [b"\n", b","], ids=["lines", "list"])
def test_a_row_of_a_gigabyte_is_refused_without_being_held(end: bytes) -> None:
    """It would take ten times its size as Python objects, and the machine down with it."""
    read = read_json_lines if end == b"\n" else read_json_values
    tracemalloc.start()
    try:
        # Brackets are counted, which takes longer than looking for the end of a line.
        size = 1 << 30 if end == b"\n" else 1 << 27
        (_, first), (second, bad), (third, last) = read(as_stream(long_row(size, end)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (first, last) == ({"text": "a"}, {"text": "b"})
    assert (second, third) == (2, 3)
    assert isinstance(bad, BadRow)
    assert bad.error.code == "row_too_long"
    assert "longer than 32 MiB" in bad.error.message
    assert len(bad.raw) <= 8_000
    assert peak < 5 * MAX_ROW


def test_empty_rows_cost_next_to_nothing(tmp_path: Path) -> None:
    """Ten million are a file of 10 MB; the test reads a tenth. Blank lines keep their number,
    empty objects are rejected by name."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n" * 1_000_000 + b'{"text": "a"}\n' + b"{}\n" * 1_000)
    first, *rest = read_examples(path)
    assert isinstance(first, Example)
    assert first.place.line == 1_000_001
    assert {item.error for item in rest if isinstance(item, Rejection)} == {"empty_row"}
    assert len(rest) == 1_000


def test_line_ends_of_two_kinds_count_alike(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a"}\r{"text": "b"}\r\r{"text": \r\n{"text": "c"}\n')
    items = list(read_examples(path))
    assert [(item.place.line, type(item)) for item in items] == [
        (1, Example),
        (2, Example),
        (4, Rejection),
        (5, Example),
    ]
