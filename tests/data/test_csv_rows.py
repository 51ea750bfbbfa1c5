"""CSV: physical lines for places, and rows that do not fit named, not shifted."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.data import csv_rows
from miniclaude.data.example import Example, to_row
from miniclaude.data.reading import read_examples
from miniclaude.data.rejection import Item, Rejection
from miniclaude.errors import DatasetError


def read(tmp_path: Path, content: bytes, name: str = "rows.csv") -> list[Item]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_examples(path))


def test_a_row_has_the_line_it_begins_in(tmp_path: Path) -> None:
    """With line ends inside of quotes, counting rows would send people to the wrong line."""
    content = b'instruction,output\r\n"Hello\r\nyou","Hi, ""friend""!"\r\n\r\nBye,Bye!\r\n'
    first, second = read(tmp_path, content)
    assert isinstance(first, Example)
    assert [message.text for message in first.messages] == ["Hello\r\nyou", 'Hi, "friend"!']
    assert (first.place.line, second.place.line) == (2, 5)


@pytest.mark.parametrize(
    ("line", "error", "cure"),
    [
        (b"Hello", "csv_cell_count", "add the missing cells"),
        (b"Hello,you,Hi!", "csv_cell_count", "between quotes"),
        (b"caf\xe9,Hi!", "invalid_utf8", "Save the file as UTF-8"),
        (b'"Hello"you,Hi!', "not_csv", "double each quote"),
        (b",Hi!", "missing_field", '"instruction"'),
        (b"Hello,", "missing_field", '"output"'),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, line: bytes, error: str, cure: str) -> None:
    content = b"instruction,output\nHello,Hi!\n" + line + b"\nBye,Bye!\n"
    first, bad, last = read(tmp_path, content)
    assert isinstance(first, Example)
    assert isinstance(last, Example)
    assert last.place.line == 4
    assert isinstance(bad, Rejection)
    assert (bad.place.line, bad.error) == (3, error)
    assert cure in bad.cure


def test_a_quote_that_is_never_closed_is_told_with_what_it_swallowed(tmp_path: Path) -> None:
    content = b'instruction,output\nHello,Hi!\nBye,"Bye!\nA,B\nC,D\n'
    _, bad = read(tmp_path, content)
    assert isinstance(bad, Rejection)
    assert bad.place.line == 3
    assert bad.message.startswith("The row, read up to line 5, is not CSV")


def test_a_line_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MAX_ROW", 1_000)
    content = b"instruction,output\nA," + b"x" * 600_000 + b"\nBye,Bye!\n"
    bad, last = read(tmp_path, content)
    assert isinstance(bad, Rejection)
    assert bad.error == "row_too_long"
    assert (bad.place.line, last.place.line) == (2, 3)
    assert isinstance(last, Example)


@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
def test_the_separator_is_found_out(tmp_path: Path, sign: str) -> None:
    """A spreadsheet in German writes semicolons."""
    [item] = read(tmp_path, f"instruction{sign}output\nHello{sign}Hi!\n".encode(), "rows.tsv")
    assert isinstance(item, Example)
    assert item.messages[1].text == "Hi!"


def test_cells_of_json_and_flags(tmp_path: Path) -> None:
    content = (
        'instruction,output,history,kto_tag\nHello,Hi!,"[[""a"", ""b""]]",true\nHello,[1],,False\n'
    )
    first, second = read(tmp_path, content.encode())
    assert isinstance(first, Example)
    assert [m.text for m in first.messages] == ["a", "b", "Hello", "Hi!"]
    assert first.desirable is True
    assert isinstance(second, Example)
    assert to_row(second)["label"] is False
    assert second.messages[-1].text == "[1]"


@pytest.mark.parametrize("head", [b"a,,b\n1,2,3\n", b"a,a\n1,2\n", b'"a\n', b"\xff,a\n1,2\n"])
def test_the_first_line_names_the_columns(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(DatasetError, match="line 1: the first line does not name") as caught:
        read(tmp_path, head)
    assert "instruction,input,output" in caught.value.hint
