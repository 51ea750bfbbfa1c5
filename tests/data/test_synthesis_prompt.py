"""What a model answers, read with suspicion."""

from __future__ import annotations

import json

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.rejection import Rejection
from miniclaude.data.synthesis_prompt import is_refusal, make_prompt, read_reply
from miniclaude.errors import RowError
from tests.data.rows import said

ROW = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Ho."}]}
PLACE = Place("x", 1, "answer")


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps([ROW]),
        f"Here they are:\n```json\n{json.dumps([ROW], indent=2)}\n```\nEnjoy!",
        json.dumps({"examples": [ROW]}),
        json.dumps(ROW),
        f"Sure. {json.dumps([ROW])} Anything else?",
    ],
)
def test_the_array_is_found_in_what_models_put_around_it(reply: str) -> None:
    [item] = read_reply(reply, PLACE, 5)
    assert isinstance(item, Example)
    assert [message.text for message in item.messages] == ["Hi?", "Ho."]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("", "no JSON array"),
        ("I think so.", "no JSON array"),
        ("[{]", "not valid JSON"),
        ("[NaN]", "NaN is not JSON"),
        ("[]", "is empty"),
        ("[" * 50_000 + "]" * 50_000, "not valid JSON"),
    ],
)
def test_what_is_no_array_is_said(reply: str, says: str) -> None:
    with pytest.raises(RowError, match=says):
        read_reply(reply, PLACE, 5)


@pytest.mark.parametrize(
    "row",
    [
        1,
        {"text": "x"},
        {**ROW, "tools": []},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "Only me."}]},
        {"messages": [{"role": "user", "content": "Hi?"}]},
        {"messages": [{"role": "boss", "content": "x"}]},
    ],
)
def test_one_bad_example_does_not_spoil_the_others(row: object) -> None:
    items = read_reply(json.dumps([row, ROW]), PLACE, 5)
    assert [type(item) for item in items] == [Rejection, Example]


def test_no_more_than_were_asked_for() -> None:
    assert len(read_reply(json.dumps([ROW] * 50), PLACE, 5)) == 5


def test_a_refusal_is_told_from_a_bad_answer() -> None:
    assert is_refusal("I'm sorry, but I can't help with that.")
    assert not is_refusal("Sorry for the wait: [1]")
    assert not is_refusal("Here you are")


def test_the_prompt_shows_the_seed_as_json() -> None:
    system, user = make_prompt([said("Brace { here?", "Yes }.")], 3)
    assert "Brace { here?" in user.text
    assert "JSON array of 3 objects" in user.text
    assert system.role == "system"
