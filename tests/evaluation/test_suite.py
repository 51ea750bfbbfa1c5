"""Suites are other people's files: what is wrong with one is said with its place and the cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import DatasetError
from miniclaude.evaluation.suite import LONGEST, read_suite

USER = [{"role": "user", "content": "Hi"}]


def write(folder: Path, *rows: Any, name: str = "rows.jsonl") -> str:
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_rows_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {"id": "a", "kind": "talk", "messages": "Hi", "pass": {"ends": True}},
        {"messages": USER, "pass": {"ends": True}, "tools": ["t"], "sampled": True},
        {"id": "b", "messages": USER, "reference": "Hello."},
        {"id": "c", "opening": "Morning!"},
        {"id": "d", "turns": ["Hi", "Bye"]},
        {"messages": [*USER, {"role": "assistant", "content": "Hello."}]},
        {"text": "A fox ran."},
    )
    suite = read_suite([source], ["t"])
    first, second = suite.checks
    assert (first.id, first.kind, first.request, first.max_tokens) == ("a", "talk", "Hi", LONGEST)
    assert (second.id, second.kind, second.tools, second.sampled) == (
        "rows-2", "other", ("t",), True,
    )  # fmt: skip
    assert [one.answer for one in suite.references] == ["Hello."]
    assert suite.openings == ("Morning!",)
    assert suite.scripts == (("Hi", "Bye"),)
    assert [one[-1].text for one in suite.conversations] == ["Hello."]
    assert suite.texts == ("A fox ran.",)


def test_a_folder_is_all_its_files_and_the_digest_tells_rows(tmp_path: Path) -> None:
    write(tmp_path, {"opening": "b"}, name="b.jsonl")
    write(tmp_path, {"opening": "a"}, name="a.jsonl")
    write(tmp_path, "not read", name="notes.txt")
    suite = read_suite([str(tmp_path)])
    assert suite.openings == ("a", "b")
    assert suite.names == (tmp_path.name,)
    assert read_suite([str(tmp_path)]).digest == suite.digest
    write(tmp_path, {"opening": "c"}, name="b.jsonl")
    assert read_suite([str(tmp_path)]).digest != suite.digest


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "rows.jsonl, line 1: "),
        ({"question": "Hi"}, "line 1: no row of a suite has only 'question'. Give it one of pass,"),
        ({"opening": "Hi", "pas": 1}, "line 1: a row with 'opening' has no key 'pas'. Its keys"),
        ({"opening": 3}, "line 1: opening is 3, not a text."),
        ({"opening": "Hi", "kind": ""}, "line 1: kind is '', not a text."),
        ({"turns": []}, "line 1: turns is no list of texts."),
        ({"messages": USER}, "line 1: The conversation has no message of the assistant"),
        ({"messages": [], "pass": {"ends": True}}, "not a list of messages"),
        (
            {"messages": [{"role": "assistant", "content": "a"}], "pass": {"ends": True}},
            "line 1: messages end with the assistant; a question ends with the user.",
        ),
        ({"messages": "Hi", "pass": {"regex": "a"}}, "line 1: pass has a rule 'regex' that is not"),
        ({"messages": "Hi", "pass": {"ends": True}, "sampled": 1}, "sampled is 1."),
        (
            {"messages": "Hi", "pass": {"ends": True}, "max_tokens": 0},
            "max_tokens is 0. It must be a number from 1 to 4,096.",
        ),
        (
            {"messages": "Hi", "pass": {"ends": True}, "tools": ["rm"]},
            "line 1: there is no tool 'rm'. There is: calculator.",
        ),
        ({"messages": "Hi", "pass": {"ends": True}, "tools": "rm"}, "tools is no list of names."),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: Any, message: str) -> None:
    source = write(tmp_path, row)
    with pytest.raises(DatasetError) as caught:
        read_suite([source], ["calculator"])
    assert message in str(caught.value)
    assert source in str(caught.value)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    source = write(tmp_path, {"id": "a", "opening": "Hi"}, {"id": "a", "opening": "Ho"})
    with pytest.raises(DatasetError, match="line 2: the id 'a' is used twice"):
        read_suite([source])


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_suite([str(tmp_path / "none.jsonl")])
    assert f"there is no {tmp_path}/none.jsonl. Give a file of rows, a folder of them," in str(
        caught.value
    )
    with pytest.raises(DatasetError, match=r"no file in .* ends in \.jsonl or \.json\."):
        read_suite([str(tmp_path)])
    empty = write(tmp_path, "[]", name="none.json")
    with pytest.raises(DatasetError, match=r"none\.json holds no rows\. Give a file of rows"):
        read_suite([empty])
