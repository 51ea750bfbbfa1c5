"""The search for near-duplicates finds what comparing all pairs finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from miniclaude.data.band_index import MOST_CANDIDATES
from miniclaude.data.duplicates import CHUNK_ROWS, NearDuplicates, PlaceList, chunks, repeats
from miniclaude.data.example import Example, Place
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.similar import choose_bands, recall
from miniclaude.messages import text_message

VOCABULARY = [
    f"{a}{b}" for a in "bcdfglmnprst" for b in ("a", "e", "i", "o", "u", "an", "el", "or")
]


def row(number: int, asked: str, answer: str) -> Example:
    messages = (text_message("user", asked), text_message("assistant", answer))
    return Example(Place("rows.jsonl", number + 1), messages)


def say(source: random.Random, count: int) -> list[str]:
    return source.choices(VOCABULARY, k=count)


def varied_rows(count: int, seed: int) -> list[Example]:
    """Rows of 10 to 150 words; every third is an earlier one with 0 to 8 words changed."""
    source = random.Random(seed)
    spoken: list[tuple[list[str], list[str]]] = []
    for _ in range(count):
        if spoken and source.random() < 0.34:
            asked, answer = (list(words) for words in source.choice(spoken))
            for _ in range(source.randint(0, 8)):
                part = source.choice((asked, answer))
                part[source.randrange(len(part))] = source.choice(VOCABULARY)
        else:
            asked, answer = say(source, source.randint(5, 50)), say(source, source.randint(5, 100))
        spoken.append((asked, answer))
    return [row(i, " ".join(a), " ".join(b)) for i, (a, b) in enumerate(spoken)]


def places_of(items: list[Item]) -> dict[int, str]:
    return {
        item.place.line: item.message.split("rows.jsonl, line ")[1].split(":")[0].rstrip(".")
        for item in items
        if isinstance(item, Rejection)
    }


def test_it_finds_what_comparing_all_pairs_finds() -> None:
    """Recall: at 0.9 a pair is found with probability 99.95 %. Of these 600 rows, all; and each
    names the same first row, for nothing is rejected that was not compared exactly."""
    rows = varied_rows(600, seed=1)
    slow = {line + 1: str(first + 1) for line, first in repeats(rows, 0.9).items()}
    assert len(slow) > 40
    stage = NearDuplicates()
    assert places_of(list(stage.run(rows))) == slow
    report = stage.report()
    assert report["rows"] == 600
    assert report["same words"] + report["near-duplicates"] == len(slow)  # type: ignore[operator]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.95, 1.0])
def test_other_thresholds_choose_other_bands(threshold: float) -> None:
    rows = varied_rows(200, seed=2)
    slow = {line + 1: str(first + 1) for line, first in repeats(rows, threshold).items()}
    assert places_of(list(NearDuplicates(threshold).run(rows))) == slow
    bands, length = choose_bands(threshold)
    assert recall(threshold, bands, length) >= 0.999
    assert bands * length <= 64


def test_rows_are_compared_across_chunks_and_within_one() -> None:
    """The first of a kind may be a million rows ago or the row before."""
    rows = varied_rows(3 * CHUNK_ROWS, seed=3)[: 2 * CHUNK_ROWS + 10]
    again = [replace(one, place=Place("rows.jsonl", 10_000 + i)) for i, one in enumerate(rows)]
    found = places_of(list(NearDuplicates().run([*rows, *again])))
    assert all(10_000 + i in found for i in range(len(rows)))


def test_the_result_does_not_depend_on_the_seed_of_the_hashes() -> None:
    rows = varied_rows(300, seed=4)
    assert list(NearDuplicates(seed=1).run(rows)) == list(NearDuplicates(seed=99).run(rows))


def test_a_rejected_row_names_the_row_it_repeats() -> None:
    words = " ".join(f"word{i}" for i in range(60))
    first = row(0, "What is it?", words)
    near = row(1, "What is it?", words + " more")
    same = row(2, "what is it", words.upper())
    kept, one, other = NearDuplicates().run([first, near, same])
    assert kept is first
    assert isinstance(one, Rejection)
    assert isinstance(other, Rejection)
    assert one.error == "near_duplicate_row"
    assert one.message == ("nearly the same as rows.jsonl, line 1: 98% of the shingles in common.")
    assert other.error == "duplicate_row"
    assert other.message == "the same words as rows.jsonl, line 1."
    assert other.cure.startswith("Nothing to do")


def test_questions_about_one_passage_are_not_duplicates() -> None:
    """By all shingles together they are, and a reading set would lose nine rows of ten."""
    passage = " ".join(say(random.Random(6), 400))
    rows = [
        row(0, f"{passage} Who came first?", "The fox came first."),
        row(1, f"{passage} Who came last?", "Nobody knows that."),
    ]
    assert list(NearDuplicates().run(rows)) == rows
    assert repeats(rows, 0.9) == {}


def test_short_rows_differ_by_a_word() -> None:
    rows = [row(0, "Hi", "Hello"), row(1, "Hi", "Hello!"), row(2, "Hi", "Hey"), row(3, ":)", ":(")]
    assert places_of(list(NearDuplicates().run([*rows, row(4, ":)", ":(")]))) == {2: "1", 5: "4"}


def test_rejections_pass_through_in_order_and_rows_are_read_lazily() -> None:
    read = 0

    def items() -> Iterator[Item]:
        nonlocal read
        for number in range(5 * CHUNK_ROWS):
            read += 1
            if number % 2:
                yield row(number, f"question {number}", f"answer {number} {number}")
            else:
                yield Rejection(Place("rows.jsonl", number + 1), "bad", "bad", "mend", "")

    stage = NearDuplicates().run(items())
    assert [next(stage).place.line for _ in range(10)] == list(range(1, 11))
    assert read <= 2 * CHUNK_ROWS, "more than one chunk ahead"


def test_long_rows_make_short_chunks() -> None:
    """A thousand rows of a megabyte at once would not fit."""
    long = [replace(row(i, "Hi", "x"), text="y" * 400_000) for i in range(10)]
    assert [len(chunk) for chunk in chunks(long)] == [4, 4, 2]


def test_places_are_kept_small_and_whole() -> None:
    places = PlaceList()
    for place in (Place("a", 1), Place("b", 2, "item"), Place("a", 1 << 40)):
        places.append(place)
    assert [places[i] for i in range(3)] == [
        *(Place("a", 1), Place("b", 2, "item"), Place("a", 1 << 40))
    ]


def test_many_rows_that_share_a_passage_stay_bounded_work() -> None:
    """Rows that share bands without being duplicates must not each be compared with all others."""
    source = random.Random(7)
    shared = " ".join(say(source, 80))
    rows = [row(i, shared, " ".join(say(source, 12))) for i in range(1500)]
    stage = NearDuplicates()
    assert list(stage.run(rows)) == rows
    compared = stage.report()["pairs compared"]
    assert isinstance(compared, int)
    assert compared <= 1500 * 2 * MOST_CANDIDATES
