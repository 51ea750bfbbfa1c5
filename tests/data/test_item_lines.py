"""Items survive the files between two stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.example import Example, Place
from miniclaude.data.item_lines import (
    item_line,
    read_item,
    read_items,
    read_row,
    rejection_line,
    row_line,
)
from miniclaude.data.rejection import Item, Rejection
from miniclaude.errors import DatasetError
from miniclaude.messages import text_message
from tests.data.rows import different, said

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
places = st.builds(Place, texts, st.integers(1, 10**9), st.sampled_from(["line", "item", "row"]))
conversations = st.lists(st.tuples(texts, texts), min_size=1, max_size=3).map(
    lambda turns: tuple(
        text_message(role, text)  # type: ignore[arg-type]
        for pair in turns
        for role, text in zip(("user", "assistant"), pair, strict=True)
    )
)
items = st.one_of(
    st.builds(Example, places, text=texts),
    st.builds(Example, places, conversations, kind=texts),
    st.builds(Example, places, conversations, desirable=st.booleans()),
    st.builds(Rejection, places, texts, texts, texts, texts),
)


@given(items)
def test_an_item_comes_back_as_it_was(item: Item) -> None:
    """Line separators that are not line ends (U+2028, U+0085) must not break a line."""
    line = item_line(item)
    assert "\n" not in line
    assert read_item(line) == item


@given(items)
def test_a_row_comes_back_too(item: Item) -> None:
    if isinstance(item, Example):
        assert read_row(row_line(item).encode(), item.place) == item


@given(st.lists(items, max_size=4))
def test_files_too(tmp_path_factory: pytest.TempPathFactory, wanted: list[Item]) -> None:
    path = tmp_path_factory.mktemp("items") / "x.items"
    path.write_text("".join(item_line(item) + "\n" for item in wanted), "utf-8", newline="\n")
    assert list(read_items(path)) == wanted


@pytest.mark.parametrize("line", ["", "{}", "[1]", '["a", 1, "line"]', '["a",1,"line",{"x":1}]'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.items"
    path.write_text(item_line(said("a", "b")) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match=r"line 2|messages"):
        list(read_items(path))


def test_a_rejection_says_file_and_line() -> None:
    rejection = Rejection(Place("my.json", 7, "item"), "missing_content", "No.", "Write.", "{}")
    written = json.loads(rejection_line(rejection))
    assert written["file"] == "my.json"
    assert written["item"] == 7
    assert (written["error"], written["cure"]) == ("missing_content", "Write.")


def test_short_rows_make_short_lines() -> None:
    [example] = different(1)
    assert item_line(example).startswith('["my.jsonl",1,"line",{"messages":[{"role":"user"')
