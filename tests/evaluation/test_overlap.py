"""BLEU and exact matches."""

from __future__ import annotations

import pytest

from miniclaude.evaluation.overlap import overlap


def test_bleu_is_sacrebleus_own() -> None:
    """Of three 1-grams to four 4-grams; a home-made BLEU is comparable to nothing."""
    result = overlap(["the cat sat on the mat today"], ["the cat sat on the mat"])
    assert result.bleu == pytest.approx(100 * (6 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25, abs=1e-6)
    assert result.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_exact_matches_forgive_space_and_case_alone() -> None:
    result = overlap([" Paris\n", "paris!", "Rome"], ["paris", "paris", "Paris"])
    assert result.exact == pytest.approx(1 / 3)


def test_nothing_or_unequal_numbers_to_compare() -> None:
    assert overlap([], []).bleu == 0
    assert overlap([""], ["a word"]).bleu == 0
    with pytest.raises(ValueError, match="1 answers for 2 references"):
        overlap(["a"], ["a", "b"])
