"""What is exported reads back as what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.export import WRITERS, export_rows, to_alpaca, to_sharegpt
from miniclaude.data.pipeline import prepare
from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.reading import read_examples
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import ConflictError, InvalidRequestError, RowError
from miniclaude.messages import Message, Tool, ToolCall, text_message
from tests.data.rows import different, said, write_rows

SYSTEM = text_message("system", "Be brief.")
ROWS = {
    "single": said("Hello?", "Yes."),
    "system": Example(Place("x", 1), (SYSTEM, *said("Hello?", "Yes.").messages)),
    "several": Example(
        Place("x", 1), (SYSTEM, *said("One?", "1").messages, *said("Two?", "2").messages)
    ),
    "preference": Example(
        Place("x", 1),
        said("Hello?", "Yes.").messages[:1],
        chosen=(text_message("assistant", "Good."),),
        rejected=(text_message("assistant", "Bad."),),
    ),
    "kto": replace(said("Hello?", "Yes."), desirable=False),
    "text": Example(Place("x", 1), text="Once."),
}


@pytest.mark.parametrize("form", list(WRITERS))
@pytest.mark.parametrize("kind", list(ROWS))
def test_rows_come_back(tmp_path: Path, form: str, kind: str) -> None:
    path = write_rows(tmp_path / "x.jsonl", [WRITERS[form](ROWS[kind])])
    [read] = read_examples(path)
    assert isinstance(read, Example), read
    assert to_row(read) == to_row(ROWS[kind])


def test_tool_calls_come_back_through_sharegpt(tmp_path: Path) -> None:
    row = Example(
        Place("x", 1),
        (
            text_message("user", "2 + 2?"),
            Message("assistant", (), (ToolCall("1", "add", '{"a": 2}'),)),
            Message("tool", text_message("user", "4").parts, (), "1"),
            text_message("assistant", "Four."),
        ),
        tools=(Tool("add", "adds", {"type": "object", "properties": {}}),),
    )
    [read] = read_examples(write_rows(tmp_path / "x.jsonl", [to_sharegpt(row)]))
    assert isinstance(read, Example), read
    assert read.tools == row.tools
    assert [message.role for message in read.messages] == [m.role for m in row.messages]
    [call] = read.messages[1].tool_calls
    assert (call.name, json.loads(call.arguments)) == ("add", {"a": 2})
    with pytest.raises(RowError, match="no place for tool calls"):
        to_alpaca(row)


def test_what_a_form_cannot_hold_is_refused_not_bent() -> None:
    """Exported without its weights, an answer would be learnt after all."""
    row = Example(Place("x", 1), said("a", "b").messages * 2, unlearned=frozenset({1}))
    for write in (to_alpaca, to_sharegpt):
        with pytest.raises(RowError, match="weight 0"):
            write(row)
    twice = Example(Place("x", 1), (*said("a", "b").messages[:1], *said("c", "d").messages))
    with pytest.raises(RowError, match="take turns"):
        to_alpaca(twice)


@pytest.fixture
def dataset(tmp_path: Path) -> PreparedDataset:
    unlearned = Example(Place("x", 1), different(31)[30].messages * 2, unlearned=frozenset({1}))
    path = write_rows(tmp_path / "my.jsonl", [*different(30), unlearned])
    return prepare([path], tmp_path / "mine", PrepareOptions(augment=False, validation=0.2))


def test_a_dataset_is_exported_and_says_what_it_left_out(
    dataset: PreparedDataset, tmp_path: Path
) -> None:
    written, left_out = export_rows(dataset, tmp_path / "out.jsonl", format_name="alpaca")
    assert written == 30
    assert [rejection.error for rejection in left_out] == ["not_expressible"]
    rows = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(rows) == 30
    written, _ = export_rows(
        dataset, tmp_path / "v.jsonl", format_name="openai", split="validation"
    )
    assert written == dataset.count("validation")


def test_nothing_is_overwritten_and_names_are_checked(
    dataset: PreparedDataset, tmp_path: Path
) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    with pytest.raises(ConflictError, match="already exists"):
        export_rows(dataset, tmp_path / "out.jsonl", format_name="openai")
    with pytest.raises(InvalidRequestError, match="format: 'xml' is unknown"):
        export_rows(dataset, tmp_path / "x.jsonl", format_name="xml")
    with pytest.raises(InvalidRequestError, match="split: 'test' is unknown"):
        export_rows(dataset, tmp_path / "x.jsonl", format_name="openai", split="test")
    assert (tmp_path / "out.jsonl").read_text() == "mine"
