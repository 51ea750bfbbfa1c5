"""Diversity by its definition, and the streaming measure beside it."""

from __future__ import annotations

import random

import pytest

from miniclaude.data.diversity import distinct_trigrams
from miniclaude.data.shingles import hash_shingles
from miniclaude.data.validate import Trigrams


def test_distinct_trigrams_over_all_trigrams() -> None:
    assert distinct_trigrams(["a b c d"]) == 1.0
    assert distinct_trigrams(["a b c", "A, b c!"]) == 0.5
    assert distinct_trigrams(["a a a a a"]) == pytest.approx(1 / 3)
    assert distinct_trigrams(["yes", "Yes.", "no"]) == pytest.approx(2 / 3)
    assert distinct_trigrams([]) == 1.0
    assert distinct_trigrams(["", " "]) == 1.0


def test_no_trigram_spans_two_texts() -> None:
    assert distinct_trigrams(["a b", "c d"]) == 1.0


def test_the_streaming_measure_is_the_definition() -> None:
    source = random.Random(8)
    texts = [" ".join(source.choices("abcdefg", k=source.randint(1, 40))) for _ in range(300)]
    streaming = Trigrams()
    for start in range(0, 300, 7):
        streaming.add(hash_shingles(texts[start : start + 7]).hashes)
    assert streaming.as_dict()["plain"] == round(distinct_trigrams(texts), 4)
