"""The numbers of a report, against numbers found another way."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.example import Example, Place
from miniclaude.data.shingles import hash_shingles, shingles
from miniclaude.data.validate import (
    WINDOW,
    DistinctCount,
    Measures,
    Trigrams,
    estimate_tokens,
    tier_of,
)
from miniclaude.messages import text_message
from tests.data.rows import different, said


def measured(examples: list[Example], **more: Any) -> dict[str, Any]:
    measures = Measures(**more)
    for example in examples:
        measures.add(example)
    return measures.as_dict()


@pytest.mark.parametrize(
    ("examples", "name", "missing"),
    [
        (0, "first try", 100),
        (99, "first try", 1),
        (100, "proof of concept", 900),
        (1_000, "meaningful", 9_000),
        (10_000, "production", 0),
        (10**9, "production", 0),
    ],
)
def test_tiers(examples: int, name: str, missing: int) -> None:
    tier = tier_of(examples)
    assert (tier["name"], tier["missing"]) == (name, missing)


def test_lengths_are_counted_by_the_tokenizer_given() -> None:
    rows = [said("a b c", " ".join(["word"] * n)) for n in (5, 10, 50, 200, 201)]
    answers = measured(rows, count_tokens=lambda text: len(text.split()))["answers"]
    assert (answers["count"], answers["median"], answers["longest"]) == (5, 50, 201)
    assert answers["in_guide"] == 0.6
    assert sum(answers["bars"]) == 5
    assert dict(zip(answers["edges"], answers["bars"], strict=True))[200] == 2


def test_without_a_tokenizer_lengths_are_estimates_and_said_to_be() -> None:
    assert measured(different(3))["lengths_estimated"]
    assert estimate_tokens("") == 1
    assert estimate_tokens("four" * 10) == 10


def test_an_answer_that_is_not_learnt_is_not_measured() -> None:
    row = Example(Place("x", 1), said("a", "b").messages * 2, unlearned=frozenset({1}))
    assert measured([row])["answers"]["count"] == 1


@given(st.lists(st.text("ab cd", max_size=40), max_size=20))
def test_few_trigrams_are_counted_exactly(texts: list[str]) -> None:
    trigrams = Trigrams()
    trigrams.add(hash_shingles(texts).hashes)
    found = trigrams.as_dict()
    assert found["distinct"] == len({one for text in texts for one in shingles(text)})


def test_the_plain_ratio_falls_with_size_and_the_windowed_does_not() -> None:
    """One writer, more pages: a guide of 80% on the plain ratio would call every large dataset
    poor and every small one rich."""
    words = [f"w{n}" for n in range(60)]
    order = random.Random(1)

    def ratios(texts: int) -> tuple[float, float]:
        trigrams = Trigrams()
        for _ in range(texts):
            trigrams.add(hash_shingles([" ".join(order.choices(words, k=100))]).hashes)
        found = trigrams.as_dict()
        return float(str(found["plain"])), float(str(found["windowed"]))

    small, large = ratios(60), ratios(1_200)
    assert small[0] - large[0] > 0.15
    assert abs(small[1] - large[1]) < 0.01


def test_windows_are_those_of_the_whole_text_however_it_comes() -> None:
    texts = [" ".join(f"{n * m % 977}" for m in range(50)) for n in range(1, 300)]
    once, bit_by_bit = Trigrams(), Trigrams()
    once.add(hash_shingles(texts).hashes)
    for text in texts:
        bit_by_bit.add(hash_shingles([text]).hashes)
    assert once.as_dict() == bit_by_bit.as_dict()
    assert once.as_dict()["windows"] == once.total // WINDOW


def test_beyond_the_bound_distinct_hashes_are_estimated() -> None:
    """Ten gigabytes of text have more trigrams than a machine has room for."""
    hashes = np.random.default_rng(1).integers(0, 1 << 63, 200_000).astype(np.uint64) * np.uint64(2)
    count = DistinctCount(most=10_000)
    for part in np.split(np.concatenate([hashes, hashes]), 40):
        count.add(part)
    assert not count.exact
    assert abs(count.count / 200_000 - 1) < 0.05


def test_kinds_turns_and_forms() -> None:
    system = text_message("system", "Be kind.")
    rows = [said("Hello!", "Hi!"), said("Why is it wet?", "Rain."), said("Hi", "Yes?", kind="x")]
    rows.append(Example(Place("x", 1), (system, *rows[0].messages, *rows[1].messages)))
    found = measured(rows)
    assert found["kinds"] == {"greeting": 2, "explaining": 1, "x": 1}
    assert found["turns"] == {"1": 3, "2": 1}
    assert found["forms"] == {"several-turns": 1, "system-prompt": 1}
    assert "story" in found["missing_kinds"]
    assert 0 < found["type_coverage"] < 1


def test_nothing_can_be_measured_too() -> None:
    found = measured([])
    assert (found["rows"], found["answers"]["count"]) == (0, 0)
