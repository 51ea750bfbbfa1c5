"""Shingles on disk are the shingles that were put there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from miniclaude.data.shingle_file import ShingleFile, ShingleSets, row_sets
from miniclaude.data.shingles import hash_shingles, jaccard
from miniclaude.errors import DiskFullError


def test_rows_come_back_as_they_went_in() -> None:
    texts = ["a b c d", "e f g", "", "one", "what is that", "", "a a a a a a", "b"]
    shingles = hash_shingles(texts)
    file = ShingleFile(None)
    file.add(shingles, np.array([True, False, True, True]))
    file.add(shingles, np.array([False, True, False, False]))
    for number, row in enumerate((0, 2, 3, 1)):
        there, here = file.read(number), row_sets(shingles, row)
        assert there.hashes.tolist() == here.hashes.tolist()
        assert there.asked == here.asked
    assert file.read(1).asked == len(file.read(1).hashes) == 1
    file.close()


def test_the_compiled_similarity_is_that_of_sets() -> None:
    """Repeats, rows without question or answer, and hashes that want the same slot of the table."""
    source = random.Random(4)
    rows = []
    for _ in range(60):
        few = [source.randrange(12) for _ in range(source.randrange(30))]
        hashes = np.array([number << source.choice((0, 60)) for number in few], np.uint64)
        rows.append(ShingleSets(hashes, source.randint(0, len(few))))
    for threshold in (0.0, 0.5, 0.9):
        for one in rows:
            for other in rows:
                both = jaccard(set(one.hashes.tolist()), set(other.hashes.tolist()))
                answers = [set(row.hashes[row.asked :].tolist()) for row in (one, other)]
                near = both >= threshold and jaccard(*answers) >= threshold
                assert one.similarity(other, threshold) == (both if near else 0.0)


def test_a_full_disk_says_so() -> None:
    """/dev/full takes no byte."""
    file = ShingleFile(None)
    file.close()
    with Path("/dev/full").open("r+b", buffering=0) as full:
        file._file = full
        shingles = hash_shingles(["", "one two three four"])
        with pytest.raises(DiskFullError, match="No space is left for the shingles"):
            file.add(shingles, (shingles.bounds[::2][1:] > 0))
