"""How varied texts are: distinct trigrams / trigrams (distinct-3, Li et al. 2016,
arXiv:1510.03055).

This is the definition, for as many texts as fit in memory. `validate.py` measures datasets of any
size, by hashes and, beyond 262,144 different ones, by an estimate; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable

from miniclaude.data.shingles import WORDS, words


def distinct_trigrams(texts: Iterable[str]) -> float:
    """The share of distinct ones among all three-word sequences, none across two texts; 1.0 where
    there are none. A text of one or two words counts as one sequence."""
    distinct: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        said = words(text)
        if not said:
            continue
        for start in range(max(1, len(said) - WORDS + 1)):
            distinct.add(tuple(said[start : start + WORDS]))
            total += 1
    return len(distinct) / total if total else 1.0
