"""The fast shingles are the slow ones."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.shingles import (
    LONGEST,
    compared,
    hash_shingles,
    jaccard,
    shingles,
    words,
)
from miniclaude.messages import Message, TextPart, ToolCall, text_message

TEXTS = [
    "",
    " ",
    ":-)",
    ":-(",
    "one",
    "one two",
    "one two three",
    "One, two; three!",
    "one two three four",
    "a b a b a b a b",
    "Größe, GRÖSSE und größe zählen hier gleich.",
    "«Voilà», dit-il \u2013 l\u2019ami.",
    "これは日本語の文です。",
    "x = f(y) + 3.5\n\n\tindented",
    "\ud800 half a character",
    "word " * 50_000,
    "w" * 100_000,
]


def hashed(texts: list[str]) -> list[set[int]]:
    found = hash_shingles(texts)
    ends = found.bounds.tolist()
    return [set(found.hashes[start:end].tolist()) for start, end in pairwise(ends)]


def test_words_ignore_case_and_marks() -> None:
    assert words('He said: "Don\'t (ever) GO!"') == ["he", "said", "don", "t", "ever", "go"]


def test_scripts_without_spaces_have_a_word_for_each_character() -> None:
    """Else a Chinese sentence is one word, and no two of them are ever alike."""
    assert len(shingles("我喜欢喝绿茶。")) == 4


@pytest.mark.parametrize("chunk", [TEXTS, TEXTS[:-2], [t for t in TEXTS if t.isascii()]])
def test_hashed_shingles_are_as_many_as_the_reference_and_equal_when_it_is(
    chunk: list[str],
) -> None:
    """In one chunk, in many, and wherever a text stands in it: the same hashes."""
    fast = hashed(chunk)
    slow = [shingles(text) for text in chunk]
    for i, text in enumerate(chunk):
        assert len(fast[i]) == len(slow[i]), text[:40]
        assert hashed([text]) == [fast[i]]
        for j in range(len(chunk)):
            assert (slow[i] == slow[j]) == (fast[i] == fast[j]), (text[:40], chunk[j][:40])


def test_hashed_jaccard_is_the_reference() -> None:
    source = random.Random(3)
    vocabulary = ["tea", "Tea", "cup", "of", "the", "a", "é", "green.", "(hot)"]
    texts = [" ".join(source.choices(vocabulary, k=source.randint(1, 30))) for _ in range(60)]
    fast, slow = hashed(texts), [shingles(text) for text in texts]
    for i in range(60):
        for j in range(60):
            assert jaccard(fast[i], fast[j]) == jaccard(slow[i], slow[j])


def test_two_empty_sets_are_alike() -> None:
    assert jaccard(set(), set()) == 1.0


def test_what_is_compared_leaves_out_the_system_prompt() -> None:
    """A long system prompt that all rows share would make them all duplicates."""
    place = Place("rows.jsonl", 1)
    example = Example(
        place,
        (
            text_message("system", "You are kind."),
            text_message("user", "Weather?"),
            Message("assistant", (TextPart("Let me see."),), (ToolCall("1", "weather", "{}"),)),
            Message("tool", (TextPart("rain"),), tool_call_id="1"),
            text_message("assistant", "It rains."),
        ),
    )
    assert compared(example) == ("Weather?\nrain", "Let me see.\nweather\n{}\nIt rains.")
    assert compared(Example(place, text="x" * (LONGEST + 5))) == ("", "x" * LONGEST)
    preference = Example(
        place,
        (text_message("user", "Hi"),),
        chosen=(text_message("assistant", "Hello"),),
        rejected=(text_message("assistant", "What?"),),
    )
    assert compared(preference) == ("Hi", "Hello\nWhat?")
