"""Nothing that validation asks is asked in training."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.shingles import jaccard, shingles
from miniclaude.data.split import NEAR, opening, split
from miniclaude.messages import Role, text_message
from tests.data.test_duplicates import row, say, varied_rows


def sides_of(items: list[Item], fraction: float = 0.3, seed: int = 1) -> dict[int, str]:
    return {
        item.place.line: side
        for side, item in split(items, fraction, seed)
        if isinstance(item, Example)
    }


def conversation(number: int, *texts: str) -> Example:
    roles: tuple[Role, Role] = ("user", "assistant")
    messages = tuple(text_message(roles[i % 2], text) for i, text in enumerate(texts))
    return Example(Place("rows.jsonl", number), messages)


def test_no_training_row_asks_what_a_validation_row_asks() -> None:
    """Every pair of rows on two sides, compared the slow way; by LSH a pair at the very threshold
    may be missed with probability 0.001."""
    source = random.Random(1)
    rows: list[Example] = []
    for _ in range(250):
        asked = say(source, 30)
        if rows and source.random() < 0.5:
            asked = source.choice(rows).messages[0].text.split()
            asked[source.randrange(30)] = source.choice(asked)
        rows.append(row(len(rows), " ".join(asked), " ".join(say(source, 8))))
    placed = [(side, item) for side, item in split(rows, 0.3, 1) if isinstance(item, Example)]
    held_out = [shingles(opening(item)) for side, item in placed if side == "validation"]
    trained = [shingles(opening(item)) for side, item in placed if side == "train"]
    assert len(held_out) > 20
    assert max(jaccard(one, other) for one in held_out for other in trained) < NEAR


def test_the_same_prompt_and_every_length_of_a_conversation_share_a_side() -> None:
    items: list[Item] = []
    groups: dict[int, list[int]] = {}
    for number in range(60):
        asked = f"Tell me the story number {number} of the {number * 7} foxes, please."
        texts = ["Hi", "Hello!", asked, "Gladly.", "Go on.", "And so on."]
        for length in (4, 6):
            groups.setdefault(number, []).append(len(items))
            items.append(conversation(len(items), *texts[:length]))
        for text in (asked, asked.upper() + "?"):
            groups.setdefault(1000 + number, []).append(len(items))
            items.append(conversation(len(items), text, f"{text} {len(items)}"))
    sides = sides_of(items)
    assert all(len({sides[i] for i in group}) == 1 for group in groups.values())
    assert len(set(sides.values())) == 2


def test_a_side_depends_on_the_row_and_the_seed_alone() -> None:
    """So that a resumed run, or one with more rows behind, agrees."""
    rows: list[Item] = [row(i, " ".join(say(random.Random(i), 20)), "Yes.") for i in range(400)]
    sides = sides_of(rows)
    assert sides_of(rows[:100]) == {line: sides[line] for line in list(sides)[:100]}
    assert sides_of(rows[::-1]) == sides
    assert sides_of(rows, seed=2) != sides
    assert Counter(sides.values())["validation"] == pytest.approx(120, abs=40)


def test_a_row_between_both_sides_is_set_aside() -> None:
    """Near a training row and near a validation row, it leaks wherever it goes."""
    source = random.Random(4)
    for seed in range(40):
        words = say(source, 60)
        one, other = list(words), list(words)
        one[10], other[50] = "changed", "altered"
        one[11], other[51] = "here", "there"
        one[12], other[52] = "again", "too"
        rows = [
            row(0, " ".join(one), "A"),
            row(1, " ".join(other), "B"),
            row(2, " ".join(words), "C"),
        ]
        placed = list(split(rows, 0.5, seed))
        if placed[0][0] != placed[1][0]:
            break
    rejection = placed[2][1]
    assert isinstance(rejection, Rejection)
    assert rejection.error == "between_the_splits"
    first, second = sorted((placed[0], placed[1]), key=lambda pair: pair[0])
    assert rejection.message == (
        f"it asks nearly what {first[1].place} (training) and {second[1].place} (validation) ask."
    )


def test_nothing_is_held_out_when_nothing_is_asked_for() -> None:
    rows: list[Item] = list(varied_rows(20, seed=1))
    assert [side for side, _ in split(rows, 0.0)] == ["train"] * 20


def test_rejections_pass_through() -> None:
    rejection = Rejection(Place("rows.jsonl", 1), "bad", "bad", "mend", "")
    assert list(split([rejection], 0.5)) == [("train", rejection)]


def test_a_greeting_tells_too_little_to_group_by() -> None:
    """One "Hi" on the validation side would take a third of some data sets with it."""
    assert opening(conversation(1, "Hi", "Hello", "Where do foxes sleep at night?", "Here")) == (
        "Hi\nWhere do foxes sleep at night?"
    )
    assert opening(Example(Place("a", 1), text="All of it.")) == "All of it."
