"""The canonical row: what is written is read back as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.example import Example, Place, from_row, to_row
from miniclaude.data.rejection import SHOWN, reject, shown
from miniclaude.errors import RowError
from miniclaude.messages import Message, TextPart, Tool, ToolCall, text_message

PLACE = Place("rows.jsonl", 3)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ASKED = st.builds(text_message, st.sampled_from(["system", "user"]), WORDS)
ANSWERED = st.builds(text_message, st.just("assistant"), WORDS)
CALLED = st.builds(
    lambda name, text: (
        Message("assistant", (), (ToolCall("c1", name, "{}"),)),
        Message("tool", (TextPart(text),), (), "c1"),
        text_message("assistant", text),
    ),
    WORDS,
    WORDS,
)
PROMPTS = st.lists(ASKED, min_size=1, max_size=3).map(tuple)
CHATS = st.builds(lambda asked, said: (*asked, *said), PROMPTS, CALLED | st.tuples(ANSWERED))
TOOLS = st.lists(st.builds(Tool, WORDS, WORDS, st.just({"type": "object"})), max_size=2).map(tuple)
EXAMPLES = (
    st.builds(lambda text: Example(PLACE, text=text), WORDS)
    | st.builds(
        lambda chat, tools, kind: Example(PLACE, chat, tools=tools, kind=kind), CHATS, TOOLS, WORDS
    )
    | st.builds(lambda chat, good: Example(PLACE, chat, desirable=good), CHATS, st.booleans())
    | st.builds(
        lambda asked, one, other: Example(PLACE, asked, chosen=(one,), rejected=(other,)),
        PROMPTS,
        ANSWERED,
        ANSWERED,
    )
    | st.builds(
        lambda chat, said: Example(PLACE, (*chat, said), unlearned=frozenset({len(chat) - 1})),
        CHATS,
        ANSWERED,
    )
)


@given(EXAMPLES)
def test_an_example_survives_its_row(example: Example) -> None:
    """Prepared data lie on disk as rows; a lost weight or tool would train something else."""
    row = json.loads(json.dumps(to_row(example)))
    assert from_row(row, PLACE) == example


def test_tasks_and_places_have_names() -> None:
    answer = (text_message("assistant", "Hi!"),)
    assert Example(PLACE, text="a").task == "text"
    assert Example(PLACE, answer).task == "supervised"
    assert Example(PLACE, answer, desirable=False).task == "kto"
    assert Example(PLACE, chosen=answer, rejected=answer).task == "preference"
    assert str(PLACE) == "rows.jsonl, line 3"
    assert str(Place("rows.json", 7, "item")) == "rows.json, item 7"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({}, "missing_messages_list"),
        ({"messages": [{"role": "user", "content": "a"}]}, "example_missing_assistant_message"),
        (
            {"messages": [{"role": "assistant", "content": "a"}], "label": "good"},
            "invalid_label",
        ),
        (
            {"messages": [{"role": "user", "content": "a"}], "chosen": []},
            "missing_messages_list",
        ),
    ],
)
def test_a_row_that_is_none_is_named(row: dict[str, object], error: str) -> None:
    with pytest.raises(RowError) as caught:
        from_row(row, PLACE)
    assert caught.value.code == error


def test_a_rejection_shows_a_bounded_row() -> None:
    """Rejected rows are written to a file: one of a gigabyte, or of no valid text, must be
    written too."""
    error = RowError("It is bad.", hint="Mend it.", code="bad")
    rejection = reject(PLACE, error, {"text": "x" * 10_000, "half": "\ud800"})
    assert len(rejection.row) <= SHOWN
    assert json.dumps(rejection.as_dict(), ensure_ascii=False).encode()
    assert str(rejection) == "rows.jsonl, line 3: bad: It is bad. Mend it."
    assert shown(b"caf\xe9" * 10_000).startswith("caf\ufffd")
    assert shown("\ud800") == "?"
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "list"
