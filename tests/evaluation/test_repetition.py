"""A small model's commonest failure is to say the same for ever; ordinary answers are no loops."""

from __future__ import annotations

import pytest

from miniclaude.evaluation.repetition import is_dead_end, loop


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("The AIIIIIIIIIIIIIIIII am", "I"),
        ("pHANANANANANANANAN", "AN"),
        ("no no no no", "no"),
        ("I went to the park and the park and the park and", "and the park"),
        (
            "It is a good day. It is a good day. The sun! It is a good day.",
            "it is a good day",
        ),
        ("Seven : Lucy\nSeven: Lucy\nElle: Lucy\nSeven: Lucy" + " Seven Lucy" * 3, "seven lucy"),
    ],
)
def test_loops_are_found(text: str, repeated: str) -> None:
    assert set(loop(text).split()) == set(repeated.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello!",
        "very, very good",
        "Ha ha ha!",
        "1. Bread\n2. Butter\n3. Eggs\n4. Milk",
        "one two three four five six seven eight nine ten",
        "A table:\n| a | b |\n|---|---|\n--------------------\n....................",
        "Why did the bicycle fall over? Because it was two tired! Would you like another one?",
        "I like tea. You like tea. We all like tea, and tea is what we drink on Sundays.",
        "The cat sat on the mat. The dog sat on the rug. The bird sat on the roof.",
    ],
)
def test_ordinary_answers_are_no_loops(text: str) -> None:
    assert loop(text) == ""


def test_many_words_said_before_are_a_loop() -> None:
    # No piece stands right behind itself, and still the answer goes round.
    text = (
        "the big red dog runs home and then " * 2 + "well " + "the big red dog runs home and " * 3
    )
    assert loop(text)


def test_dead_ends() -> None:
    assert is_dead_end("", ended=True)
    assert is_dead_end(" \n", ended=True)
    assert is_dead_end("and then", ended=False)
    assert not is_dead_end("Bye.", ended=True)


def test_a_long_answer_is_judged_quickly() -> None:
    # 30,000 words that never repeat in a row: the search must not be quadratic.
    assert loop(" ".join(f"w{number}" for number in range(30_000))) == ""
