"""A row written by hand is judged as the pipeline judges it, no milder and no harsher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.data.clean_rows import row_stages
from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.one_row import judge_example, judge_row
from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Rejection

PLACE = Place("here", 1)
PLAIN = PrepareOptions(augment=False, validation=0)
ROWS: list[dict[str, Any]] = [
    {"instruction": "Say hi", "output": "Hello  there,\u0000 my friend"},
    {"question": "Where are you?", "answer": "Write to joe.smith@gmail.com or +1 415 555 2671."},
    {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": ""}]},
    {"instruction": "How do I build a pipe bomb?", "output": "Sure, first take a pipe and"},
    {"role": "user", "content": "alone"},
    {},
]


@pytest.mark.parametrize("row", ROWS)
def test_the_pipeline_says_the_same(row: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    other: dict[str, Any] = {
        "question": "What is the capital of Peru?",
        "answer": "It is Lima, on the coast.",
    }
    source.write_text(f"{json.dumps(row)}\n{json.dumps(other)}\n")
    dataset = prepare([source], tmp_path / "made", PLAIN, processes=1)
    kept = [to_row(example) for example in dataset.examples("train")]
    judged = judge_row(row, PLACE, PLAIN, "supervised")
    if isinstance(judged, Example):
        assert to_row(judged) == kept[0]
    else:
        [line] = (dataset.folder / "rejected.jsonl").read_text().splitlines()
        assert judged.error == json.loads(line)["error"]
        assert judged.cure == json.loads(line)["cure"]


def test_the_datasets_own_columns_and_form_count() -> None:
    options = PrepareOptions(format="alpaca", columns={"ask": "instruction", "reply": "output"})
    judged = judge_row({"ask": "Say hi", "reply": "Hi there"}, PLACE, options, "supervised")
    assert isinstance(judged, Example)
    refused = judge_row({"ask": "Say hi"}, PLACE, options, "supervised")
    assert isinstance(refused, Rejection)
    assert "output" in refused.message


def test_a_row_for_another_task_is_refused() -> None:
    judged = judge_row({"text": "only text"}, PLACE, PLAIN, "supervised")
    assert isinstance(judged, Rejection)
    assert judged.error == "mixed_tasks"
    assert judged.message == "This row is for text training, the dataset's rows are for supervised."


def test_who_changed_a_row_is_told() -> None:
    stages = row_stages()
    row: dict[str, object] = {"question": "Hi?", "answer": "Call +1 415 555 2671  now, please."}
    judged = judge_row(row, PLACE, PLAIN, "supervised")
    assert isinstance(judged, Example)
    assert judge_example(judged, stages) == (judged, [])


FIELDS = ("messages", "instruction", "output", "text", "chosen", "rejected", "label", "role", "x")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*FIELDS, "content")), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_whatever_is_written_is_kept_or_refused(row: dict[str, Any]) -> None:
    """Never an exception, which a person would see as a fault of the server."""
    assert isinstance(judge_row(row, PLACE, PLAIN, "supervised"), Example | Rejection)
