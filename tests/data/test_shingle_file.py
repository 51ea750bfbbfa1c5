"""Shingles on disk are the shingles that were put there."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from miniclaude.data.shingle_file import ShingleFile, row_places, similarities
from miniclaude.data.shingles import hash_shingles, jaccard
from miniclaude.errors import DiskFullError


def test_rows_come_back_as_they_went_in() -> None:
    texts = ["a b c d", "e f g", "", "one", "what is that", "", "a a a a a a", "b"]
    shingles = hash_shingles(texts)
    file = ShingleFile(None)
    file.add(shingles, np.array([True, False, True, True]))
    file.add(shingles, np.array([False, True, False, False]))
    there, here = file.places(range(4)), row_places(shingles, [0, 2, 3, 1])
    assert (np.diff(there) == np.diff(here)).all()
    for mine, others in zip(here.tolist(), there.tolist(), strict=True):
        wanted = shingles.hashes[mine[0] : mine[2]].tolist()
        assert file.hashes()[others[0] : others[2]].tolist() == wanted
    assert there[1].tolist() == [3, 4, 4]  # a question without an answer
    file.close()


def test_an_empty_file_has_no_hashes() -> None:
    """An empty file cannot be mapped into memory."""
    file = ShingleFile(None)
    assert len(file.hashes()) == 0
    file.close()


def test_the_compiled_similarity_is_that_of_sets() -> None:
    """Repeats, rows without question or answer, and hashes that want the same slot of the table."""
    source = random.Random(4)
    rows: list[list[int]] = []
    places: list[list[int]] = []
    for _ in range(60):
        few = [source.randrange(12) << source.choice((0, 60)) for _ in range(source.randrange(30))]
        start = sum(map(len, rows))
        places.append([start, start + source.randint(0, len(few)), start + len(few)])
        rows.append(few)
    hashes = np.array(list(chain(*rows)), np.uint64)
    answers = [hashes[middle:end].tolist() for _, middle, end in places]
    pairs = [(one, other) for one in range(60) for other in range(60)]
    ones, others = (np.array([places[pair[n]] for pair in pairs], np.int64) for n in (0, 1))
    for threshold in (0.0, 0.5, 0.9):
        found = similarities(hashes, ones, hashes, others, threshold)
        for (one, other), similar in zip(pairs, found, strict=True):
            both = jaccard(set(rows[one]), set(rows[other]))
            near = min(both, jaccard(set(answers[one]), set(answers[other]))) >= threshold
            assert similar == (both if near else 0.0)


def test_a_full_disk_says_so() -> None:
    """/dev/full takes no byte."""
    file = ShingleFile(None)
    file.close()
    with Path("/dev/full").open("r+b", buffering=0) as full:
        file._file = full
        shingles = hash_shingles(["", "one two three four"])
        with pytest.raises(DiskFullError, match="No space is left for the shingles"):
            file.add(shingles, (shingles.bounds[::2][1:] > 0))
