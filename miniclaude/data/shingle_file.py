"""The shingles of many rows in a temporary file, so that they need no memory.

Eight bytes a shingle on disk (a row of 100 words: 800); twelve bytes a row in memory.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.compiled import compiled
from miniclaude.data.shingles import HashedShingles, Hashes
from miniclaude.errors import NO_ROOM, DiskFullError


class ShingleSets(NamedTuple):
    """A row's shingles, repeats included; those of the answers follow the first `asked` ones."""

    hashes: Hashes
    asked: int

    def similarity(self, other: ShingleSets, threshold: float) -> float:
        """The Jaccard similarity of all shingles; 0.0 when it, or that of the answers, is below
        the threshold."""
        return _similarity(self.hashes, self.asked, other.hashes, other.asked, threshold)


@compiled
def _similarity(
    one: Hashes, one_asked: int, other: Hashes, other_asked: int, threshold: float
) -> float:
    """`shingles.jaccard` of all and of the answers, by a hash table with open addresses."""
    bits = 3
    while (1 << bits) < 2 * (len(one) + len(other)):
        bits += 1
    shift = np.uint64(64 - bits)
    last = (1 << bits) - 1
    table = np.zeros(1 << bits, np.uint64)
    similar = 0.0
    for answers in range(2):
        owner = np.zeros(1 << bits, np.uint8)  # 1: of `one`, 2: of the other, 3: of both
        first = second = common = 0
        for place in range(one_asked if answers else 0, len(one)):
            slot = np.int64(one[place] >> shift)
            while owner[slot] and table[slot] != one[place]:
                slot = (slot + 1) & last
            if owner[slot] == 0:
                owner[slot] = 1
                table[slot] = one[place]
                first += 1
        for place in range(other_asked if answers else 0, len(other)):
            slot = np.int64(other[place] >> shift)
            while owner[slot] and table[slot] != other[place]:
                slot = (slot + 1) & last
            if owner[slot] == 0:
                owner[slot] = 2
                table[slot] = other[place]
                second += 1
            elif owner[slot] == 1:
                owner[slot] = 3
                second += 1
                common += 1
        together = first + second - common
        found = common / together if together else 1.0
        if found < threshold:
            return 0.0
        if answers == 0:
            similar = found
    return similar


def row_sets(shingles: HashedShingles, row: int) -> ShingleSets:
    """The sets of row number `row` of texts that came as question, answer, question, answer …"""
    start, middle, end = shingles.bounds[2 * row : 2 * row + 3].tolist()
    return ShingleSets(shingles.hashes[start:end], middle - start)


class ShingleFile:
    """Rows are numbered from 0 as they are added. The file vanishes with the object."""

    def __init__(self, folder: Path | None) -> None:
        """folder: where the file lies; the system's folder for temporary files by default."""
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # see close
        self._ends = array("q", [0])  # in shingles
        self._asked = array("I")

    def add(self, shingles: HashedShingles, kept: NDArray[np.bool_]) -> None:
        """Add those rows that are kept. Raises DiskFullError."""
        rows = shingles.bounds[::2]
        sizes = np.diff(rows)  # [rows]
        asked = np.diff(shingles.bounds)[::2]  # [rows]
        data = shingles.hashes[np.repeat(kept, sizes)].tobytes()
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise DiskFullError(
                "No space is left for the shingles of the search for near-duplicates.",
                hint="Free some space: it takes about as much as the data set, while it runs.",
            ) from error
        ends = self._ends[-1] + np.cumsum(sizes[kept], dtype=np.int64)
        self._ends.frombytes(ends.tobytes())
        self._asked.frombytes(asked[kept].astype(np.uint32).tobytes())

    def read(self, row: int) -> ShingleSets:
        """The sets of one row."""
        start, end = self._ends[row], self._ends[row + 1]
        data = os.pread(self._file.fileno(), (end - start) * 8, start * 8)
        return ShingleSets(np.frombuffer(data, np.uint64), self._asked[row])

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
