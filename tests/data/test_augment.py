"""Augmentation adds variety, measured, and changes no answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from miniclaude.data.augment import augment, join_conversations, measure, spoken
from miniclaude.data.example import Example
from miniclaude.data.kinds import FORMS
from miniclaude.data.paraphrase import paraphrases
from miniclaude.data.shingles import shingles
from miniclaude.messages import Message, ToolCall, text_message
from tests.data.rows import THINGS, different, said

REAL = Path(__file__).resolve().parents[3] / "shared/data/llms-from-scratch-instruct"

ASKED = [
    (text_message("user", f"question {n}"), text_message("assistant", f"answer {n}"))
    for n in range(20)
]


def templated() -> list[Example]:
    """As sets made by a template are: always asked in the same words."""
    asks = ("What is the use of a {0}?", "Describe a {0} to a friend.", "Explain how a {0} works.")
    return [
        said(
            ask.format(thing),
            f"A {thing} {number}{place} helps with {other} and {thing} tasks of number {place}.",
            26 * number + place + 1,
        )
        for number, ask in enumerate(asks)
        for place, (thing, other) in enumerate(zip(THINGS, reversed(THINGS), strict=True))
    ]


def by_hand(examples: list[Example]) -> float:
    """Distinct trigrams / trigrams by the definition, without any of the code under test."""
    found: list[tuple[str, ...]] = []
    for example in examples:
        for text in spoken(example):
            words = text.lower().replace(".", " ").replace(",", " ").replace("?", " ").split()
            found += [tuple(words[n : n + 3]) for n in range(len(words) - 2)]
    return len(set(found)) / len(found)


def test_augmentation_increases_diversity() -> None:
    """The point of augmenting. Copies with other words would lower the measure: their answers are
    the same. Measured here by hand, not by the code that decides."""
    before = templated()
    done = augment(before, seed=1)
    assert by_hand(done.examples) > by_hand(before)
    assert done.after.ratio > done.before.ratio
    assert done.after.coverage > done.before.coverage
    assert set(FORMS) <= set(done.after.covered)
    assert done.varied
    assert done.joined
    assert done.systems
    assert (done.before, done.after) == (measure(before), measure(done.examples))


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data is not here")
def test_augmentation_increases_diversity_of_a_real_dataset() -> None:
    rows = json.loads((REAL / "instruction-data.json").read_text(encoding="utf-8"))
    before = [said(row["instruction"], row["output"] or "-") for row in rows]
    done = augment(before, seed=3)
    assert by_hand(done.examples) > by_hand(before)


def test_no_answer_changes_and_no_row_is_lost() -> None:
    """Whatever is done to a request, its answer must still be the answer to it."""
    before = templated()
    done = augment(before, seed=5)
    answers = {text for example in before for text in spoken(example)[1::2]}
    after = [spoken(example) for example in done.examples]
    assert Counter(text for texts in after for text in texts[1::2]) == Counter(answers)
    asked = {answer: question for question, answer in map(spoken, before)}
    for texts in after:
        for question, answer in zip(texts[::2], texts[1::2], strict=True):
            assert question in (asked[answer], *paraphrases(asked[answer]))
    assert len(before) == len(done.examples) + done.merged


def test_what_does_not_help_is_undone() -> None:
    """Rows that are as varied as can be stay word for word."""
    rows = [said(f"{thing} alpha{n} beta{n}", f"gamma{n} delta{n} eta{n}")
            for n, thing in enumerate(THINGS)]  # fmt: skip
    done = augment(rows, seed=1)
    assert done.after.ratio == 1.0
    assert done.varied == 0


def test_the_same_seed_does_the_same() -> None:
    assert augment(templated(), seed=2).examples == augment(templated(), seed=2).examples
    assert augment(templated(), seed=2).examples != augment(templated(), seed=4).examples


def test_forms_that_are_there_are_not_added() -> None:
    """A dataset with its own system prompts must not get others."""
    system = text_message("system", "Speak like a pirate.")
    rows = [Example(row.place, (system, *row.messages, *row.messages)) for row in different(30)]
    done = augment(rows, seed=1)
    assert (done.systems, done.joined) == (0, 0)


def test_the_system_prompt_can_be_given_and_weights_move_with_it() -> None:
    rows = [Example(row.place, row.messages * 2, unlearned=frozenset({1})) for row in templated()]
    done = augment(rows, seed=1, system="You are Ada.")
    given = [row for row in done.examples if row.messages[0].role == "system"]
    assert len(given) == done.systems > 0
    assert all(row.messages[0].text == "You are Ada." for row in given)
    assert all(row.unlearned == {2} for row in given)


def test_tool_calls_code_and_numbers_keep_their_words() -> None:
    call = Message("assistant", (), (ToolCall("1", "find", "{}"),))
    rows = [Example(row.place, (row.messages[0], call)) for row in templated()]
    rows += [said("What is 3 + 4?", f"It is 7, {n}.") for n in range(20)]
    done = augment(rows, seed=1)
    assert done.varied == 0


def test_a_writer_s_paraphrase_is_taken_where_it_is_the_more_varied() -> None:
    row = said("Was ist ein Fluss?", "Ein Fluss ist fließendes Wasser.")
    other = "Erkläre mir bitte ganz kurz, was man unter einem Fluss versteht."
    done = augment([row] * 10, seed=1, written={"Was ist ein Fluss?": other})
    assert other in [text for example in done.examples for text in spoken(example)]


def test_every_conversation_occurs_once_a_round_whole_and_in_order() -> None:
    """A lost or torn exchange would teach answers to the wrong question."""
    joined = join_conversations(ASKED, most=4, rounds=3, seed=1)
    said = [message.text for conversation in joined for message in conversation]
    assert Counter(said[::2]) == {f"question {n}": 3 for n in range(20)}
    pairs = zip(said[::2], said[1::2], strict=True)
    assert all(question.split()[1] == answer.split()[1] for question, answer in pairs)
    assert {len(conversation) // 2 for conversation in joined} == {1, 2, 3, 4}


def test_the_same_seed_joins_the_same() -> None:
    assert join_conversations(ASKED, most=3, rounds=1, seed=5) == join_conversations(
        ASKED, most=3, rounds=1, seed=5
    )
    assert join_conversations(ASKED, most=3, rounds=1, seed=5) != join_conversations(
        ASKED, most=3, rounds=1, seed=6
    )


def test_shingles_are_what_is_counted() -> None:
    """The measure and the search for duplicates share one idea of three words in a row."""
    rows = different(5)
    every = {one for row in rows for text in spoken(row) for one in shingles(text)}
    assert measure(rows).distinct == len(every)
