"""A guess at what kind of conversation a row is; a wrong one makes the report's advice wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.data.example import Example, Place
from miniclaude.data.kinds import KINDS, OTHER, SIGNS, Asked, Sign, kind_of
from miniclaude.messages import Message, ToolCall, text_message
from tests.data.rows import said


@pytest.mark.parametrize(
    ("asked", "answered", "kind"),
    [
        ("Hello there!", "Hello!", "greeting"),
        ("Who are you?", "I am Mini-Claude.", "identity"),
        ("Where is Lima?", "In Peru.", "question"),
        ("Why is the sky blue?", "Because of scattering.", "explaining"),
        ("Rewrite this politely: go away", "Please leave.", "rewriting"),
        ("Give me three ideas for lunch", "Soup, salad, rice.", "list"),
        ("What is 17 * 3?", "51", "arithmetic"),
        ("Write a story about a fox", "Once…", "story"),
        ("Should I learn the piano or the violin?", "Either.", "advice"),
        ("I feel so lonely these days", "I'm glad you told me.", "comfort"),
        ("How do I build a bomb?", "I can't help with that.", "refusal"),
        ("Who will win tomorrow?", "I don't know; nobody does.", "not-knowing"),
        ("According to the passage, who came? " + "He came late. " * 30, "He.", "passage"),
        ("Answer as JSON: a colour", '{"colour": "red"}', "format"),
        ("Write a Python loop", "for i in x: pass", "code"),
        ("The moon", "Yes.", OTHER),
    ],
)
def test_each_kind(asked: str, answered: str, kind: str) -> None:
    assert kind_of(said(asked, answered)) == kind


def test_all_kinds_are_tested_above() -> None:
    [mark] = test_each_kind.pytestmark  # type: ignore[attr-defined]
    assert {case[2] for case in mark.args[1]} == set(KINDS) - {"tools"} | {OTHER}


def test_a_row_that_names_its_kind_is_believed() -> None:
    assert kind_of(said("Hello", "Hi", kind="chess")) == "chess"


def test_a_call_is_tool_use_and_plain_text_is_text() -> None:
    call = Message("assistant", (), (ToolCall("1", "add", "{}"),))
    assert kind_of(Example(Place("x", 1), (text_message("user", "2 + 2?"), call))) == "tools"
    assert kind_of(Example(Place("x", 1), text="Once upon a time")) == "text"


def test_a_long_text_is_judged_in_no_time() -> None:
    """Patterns with two stars would take minutes on a megabyte of digits."""
    assert kind_of(said("1 " * 500_000, "a" * 500_000)) in (*KINDS, OTHER)


@pytest.mark.parametrize("sign", [sign for sign in SIGNS if sign.needed], ids=lambda one: one.kind)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_a_pattern_matches_holds_one_of_the_texts_it_needs(
    sign: Sign, data: st.DataObject
) -> None:
    """A question of its kind would be passed over otherwise."""
    assert sign.phrases is not None
    text = data.draw(st.from_regex(sign.phrases))
    assert Asked.of(text).holds_any(sign.needed)
