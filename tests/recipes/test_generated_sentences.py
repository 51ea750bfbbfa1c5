"""Sentences changed as asked are right: this is what grammar the model learns."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from recipes.bundled.generators.sentence_tables import MISSPELT, MISTAKES, VERBS
from recipes.bundled.generators.sentences import ASKED, CHANGES, Sentence
from recipes.bundled.generators.table import generate


def test_each_change_of_one_sentence() -> None:
    """A wrong form would be taught some hundred times."""
    goes = Sentence("the child", 3, ("go", "goes", "went"), "to bed", "child", "the")
    assert goes.now() == "The child goes to bed."
    assert goes.past() == "The child went to bed."
    assert goes.future() == "The child will go to bed."
    assert goes.negative() == "The child does not go to bed."
    assert goes.question() == "Does the child go to bed?"
    assert goes.for_many().now() == "The children go to bed."
    am = Sentence("I", 1, ("be", "is", "was"), "late")
    assert (am.now(), am.past()) == ("I am late.", "I was late.")
    assert (am.future(), am.negative()) == ("I will be late.", "I am not late.")
    assert am.question() == "Am I late?"
    these = Sentence("this hen", 3, ("be", "is", "was"), "wet", "hen", "this").for_many()
    assert (these.now(), these.past()) == ("These hens are wet.", "These hens were wet.")
    can = Sentence("you", 2, ("can", "can", "could"), "swim")
    assert (can.past(), can.negative()) == ("You could swim.", "You cannot swim.")
    assert can.question() == "Can you swim?"


def test_what_is_asked_for_changes_the_sentence() -> None:
    """An answer equal to what was given would teach that instructions may be passed over."""
    assert set(CHANGES) == set(ASKED)
    for kind, change in CHANGES.items():
        same = 0
        for seed in range(300):
            given, wanted = change(Random(seed))
            same += given == wanted
            assert "  " not in wanted, wanted
            assert "{" not in given + wanted, wanted
            if kind not in ("words", "digits", "correct"):
                assert wanted[0].isupper(), wanted
                assert wanted[-1] in ".?", wanted
        # Sheep are sheep, and `read` is its own past.
        assert same <= 12, (kind, same)


def test_tables_are_in_order() -> None:
    """A misspelling that is no misspelling, and a verb with its forms mixed up, teach errors."""
    assert all(wrong != right for wrong, right in (*MISSPELT, *MISTAKES))
    for base, third, past, rests in VERBS:
        assert third.endswith("s"), base
        assert past != third, base
        assert rests, base


def test_rows_differ_and_every_change_is_asked_for() -> None:
    """15,000 rows that say a hundred things would be learnt by heart."""
    rows: list[Any] = list(generate("sentences", 2000, 3))
    first = Counter(row["messages"][0]["content"] for row in rows)
    assert len(first) > 1900
    assert all(len(row["messages"]) % 2 == 0 for row in rows)
