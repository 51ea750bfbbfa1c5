"""Judgements of answers: each kind of bad one is seen, and its harmless neighbours are not."""

from __future__ import annotations

import pytest

from miniclaude.data.answers import echoes, is_boilerplate, is_truncated, loops


def test_an_echo_is_the_question_again() -> None:
    assert echoes("What is the capital of France?", "what is the capital of france")
    assert not echoes("Good morning", "Good morning!")
    assert not echoes("Say hello to my friend", "Hello, friend of a friend")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Sure! Here is the list:", True),
        ("Here are five tips for you:", True),
        ("As an AI language model, I do not have personal opinions.", True),
        ("I'm sorry, but as an AI language model I cannot taste food.", True),
        ("Sure!", False),
        ("Here is the list:\n1. Bread", False),
        ("Here is your ticket.", False),
        ("As an AI language model, I can't taste, but I can give you a recipe.", False),
        ("As an AI, I run on a computer. It has two cores and no feelings about it.", False),
        ("I am an AI. I was made by people who like small models.", False),
        ("", False),
    ],
)
def test_boilerplate_is_only_what_says_nothing_else(answer: str, expected: bool) -> None:
    assert is_boilerplate(answer) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The three largest cities of the country are the", True),
        ("You will need flour, eggs, sugar, butter, milk,", True),
        ("Here is the function:\n```python\ndef f():\n    return 1", True),
        ("Paris, because it is the", False),  # short answers may end as they like
        ("It is something that I can really look forward to", False),
        ("You will need flour, eggs, sugar, butter and milk", False),
        ("x = [\n    1,\n    2, 3, 4, 5, 6, 7, 8, 9,", False),  # unfenced code
        ("```python\nprint(1)\n```", False),
    ],
)
def test_a_cut_answer_is_seen(answer: str, expected: bool) -> None:
    assert is_truncated(answer) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "I think that " + "the " * 18,
            True,
        ),
        ("Start. " + "I like it a lot. " * 8, True),
        ("ha ha ha", False),
        ("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", False),
        (
            "Row, row, row your boat, gently down. Row, row, row your boat, gently.",
            False,
        ),
        ("=" * 100, False),
        (
            "One sentence that says much and never the same again, whoever may read.",
            False,
        ),
    ],
)
def test_a_loop_is_the_same_to_the_end(text: str, expected: bool) -> None:
    assert loops(text) is expected


def test_a_megabyte_of_loop_is_seen() -> None:
    """Regular expressions with back references take hours here."""
    assert loops("word after word. " * 60_000)
    assert not loops("".join(chr(97 + i * i % 26) for i in range(1_000_000)) + "END")
