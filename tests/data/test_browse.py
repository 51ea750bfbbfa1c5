"""Rows a page at a time: nothing is skipped, shown twice, or read without end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from miniclaude.data import browse
from miniclaude.data.browse import kept_row, kept_rows, rejected_row, shortened, turns_of
from miniclaude.data.example import Place
from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.repeated import repeated_place
from miniclaude.errors import DatasetError, NotFoundError


def row(text: str) -> dict[str, Any]:
    asked = {"role": "user", "content": text}
    return {"messages": [asked, {"role": "assistant", "content": "yes"}]}


@pytest.fixture
def dataset(tmp_path: Path) -> PreparedDataset:
    lines = [json.dumps(row(f"row {number}\u2028 «Ärger»")) for number in range(1, 11)]
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return PreparedDataset(tmp_path, {"sources": []})


def all_pages(dataset: PreparedDataset, limit: int, query: str = "") -> list[int]:
    numbers: list[int] = []
    after: int | None = 0
    while after is not None:
        page = kept_rows(dataset, "train", after=after, limit=limit, query=query)
        numbers += [one["number"] for one in page.rows]
        after = page.next
    return numbers


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 100])
def test_pages_join_without_gap_or_overlap(dataset: PreparedDataset, limit: int) -> None:
    assert all_pages(dataset, limit) == list(range(1, 11))


def test_a_search_that_finds_little_stops_and_says_where_to_go_on(
    dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "SCAN_BYTES", 300)
    first = kept_rows(dataset, "train", after=0, limit=5, query="ROW 9")
    assert (first.rows, first.next) == ([], 3)
    assert all_pages(dataset, 5, "ROW 9") == [9]
    assert all_pages(dataset, 5, "«ärger»") == list(range(1, 11))


def test_a_row_that_is_not_there_and_one_that_is_damaged(dataset: PreparedDataset) -> None:
    with pytest.raises(NotFoundError, match="no row 11"):
        kept_row(dataset, "train", 11)
    (dataset.folder / "train.jsonl").write_text("[1]\n")
    with pytest.raises(DatasetError, match=r"train\.jsonl, line 1 is damaged"):
        kept_row(dataset, "train", 1)
    with pytest.raises(DatasetError, match=r"rejected\.jsonl cannot be read"):
        rejected_row(dataset, 1)


def test_every_task_is_shown_as_turns() -> None:
    better, worse = ([{"role": "assistant", "content": text}] for text in ("a", "b"))
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    called = {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}
    asked = {"messages": [{"role": "user", "content": "q"}]}
    preference = {**asked, "chosen": better, "rejected": worse}
    assert list(turns_of(preference)) == [("user", "q"), ("chosen", "a"), ("rejected", "b")]
    assert list(turns_of({"text": "plain"})) == [("text", "plain")]
    assert '"name": "f"' in next(turns_of(called))[1]


def test_a_long_row_is_cut_and_says_so() -> None:
    told = shortened({"messages": [{"role": "user", "content": "x" * 700}] * 9, "kind": "list"})
    assert (len(told["turns"]), told["more"], told["kind"]) == (6, 3, "list")
    assert (len(told["turns"][0]["text"]), told["turns"][0]["cut"]) == (600, True)


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("the same words as a, line 1.jsonl, item 3.", Place("a, line 1.jsonl", 3, "item")),
        ("nearly the same as b.csv, row 12: 93% of", Place("b.csv", 12, "row")),
        ("instruction is empty.", None),
    ],
)
def test_the_row_that_is_repeated_is_found_in_the_message(
    message: str, place: Place | None
) -> None:
    """Whatever the file is called."""
    assert repeated_place(message) == place
