"""A job's files are looked at before it is queued, and what is wrong is said by the person's own
name for the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import DatasetError
from miniclaude.jobs.order import JobOrder, Source
from miniclaude.jobs.validate import MAX_BAD, MAX_SHOWN, validate_files

GOOD = '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}'
PAIR = json.dumps(
    {
        "messages": [{"role": "user", "content": "hi"}],
        "chosen": [{"role": "assistant", "content": "a"}],
        "rejected": [{"role": "assistant", "content": "b"}],
    }
)


def look(folder: Path, text: str, objective: str = "supervised", ending: str = ".jsonl") -> Any:
    """Validate a file of this text; returns what was told."""
    path = folder / f"file-0{ending}"
    path.write_bytes(text.encode())
    told: list[dict[str, object]] = []
    order = JobOrder(
        "ftjob-1",
        "m",
        "tiny",
        folder,
        folder,
        training=(Source(str(path), f"rows{ending}"),),
        validation=(Source("seed", "seed"),),
        spec={"objective": objective},
    )
    try:
        validate_files(order, told.append)
    except DatasetError as error:
        return error, told
    return None, told


def test_good_rows_are_counted(tmp_path: Path) -> None:
    error, told = look(tmp_path, f"{GOOD}\n{GOOD}\n")
    assert error is None
    assert told == [{"event": "message", "message": "rows.jsonl: 2 examples."}]


def test_other_formats_are_read_by_the_names_ending(tmp_path: Path) -> None:
    assert look(tmp_path, "instruction,output\na,b\n", ending=".csv")[0] is None


def test_a_bad_row_is_named_with_its_line_and_its_cure(tmp_path: Path) -> None:
    error, told = look(tmp_path, f'{GOOD}\n{{"messages": [{{"role": "user", "content": "hi"}}]}}\n')
    assert error.message.startswith("rows.jsonl, line 2: example_missing_assistant_message: ")
    assert "Add the assistant's answer" in error.message
    assert (error.param, error.code) == ("training_file", "invalid_training_file")
    assert [event["level"] for event in told] == ["error"]


def test_many_bad_rows_are_counted_but_not_all_told(tmp_path: Path) -> None:
    """A file of ten million bad rows must neither fill the events nor be read to its end."""
    error, told = look(tmp_path, "{}\n" * (MAX_BAD + 500))
    assert f"So are {MAX_BAD - 1:,} others." in error.message
    assert len(told) == MAX_SHOWN


@pytest.mark.parametrize("text", ["", "\n\n\n", "\x00\x01\x02", "not json\n"])
def test_what_is_no_rows_at_all_is_said_by_the_files_own_name(tmp_path: Path, text: str) -> None:
    error, _ = look(tmp_path, text)
    assert error.message.startswith("rows.jsonl")
    assert str(tmp_path) not in str(error)
    assert error.param == "training_file"


@pytest.mark.parametrize(
    ("objective", "row", "words"),
    [
        (
            "dpo",
            GOOD,
            "rows.jsonl, line 1 holds conversations (messages); the method 'dpo' learns from"
            " preferences (chosen and rejected).",
        ),
        ("supervised", PAIR, "holds preferences (chosen and rejected); the method 'supervised'"),
        ("kto", PAIR, "; the method 'kto' learns from rated answers (messages and a label)."),
    ],
)
def test_rows_of_another_method_are_refused(
    tmp_path: Path, objective: str, row: str, words: str
) -> None:
    error, _ = look(tmp_path, f"{row}\n", objective)
    assert words in error.message


def test_rows_of_the_method_pass(tmp_path: Path) -> None:
    assert look(tmp_path, f"{PAIR}\n", "dpo")[0] is None
