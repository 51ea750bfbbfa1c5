"""Shingles on disk are the shingles that were put there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from miniclaude.data.shingle_file import ShingleFile, row_sets
from miniclaude.data.shingles import hash_shingles
from miniclaude.errors import DiskFullError


def test_rows_come_back_as_they_went_in() -> None:
    texts = ["a b c d", "e f g", "", "one", "what is that", "", "a a a a a a", "b"]
    shingles = hash_shingles(texts)
    file = ShingleFile(None)
    file.add(shingles, np.array([True, False, True, True]))
    file.add(shingles, np.array([False, True, False, False]))
    for number, row in enumerate((0, 2, 3, 1)):
        assert file.read(number).all == row_sets(shingles, row).all
        assert file.read(number).answered == row_sets(shingles, row).answered
    assert len(file.read(2).all) == 2
    assert file.read(1).answered == frozenset()
    file.close()


def test_a_full_disk_says_so() -> None:
    """/dev/full takes no byte."""
    file = ShingleFile(None)
    file.close()
    with Path("/dev/full").open("r+b", buffering=0) as full:
        file._file = full
        shingles = hash_shingles(["", "one two three four"])
        with pytest.raises(DiskFullError, match="No space is left for the shingles"):
            file.add(shingles, (shingles.bounds[::2][1:] > 0))
