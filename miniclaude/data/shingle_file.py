"""The shingles of many rows in a temporary file, so that they need no memory.

Eight bytes a shingle on disk (a row of 100 words: 800); twelve bytes a row in memory.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.compiled import compiled
from miniclaude.data.shingles import HashedShingles, Hashes, Places
from miniclaude.errors import NO_ROOM, DiskFullError


def row_places(shingles: HashedShingles, rows: Sequence[int]) -> Places:
    """Where the hashes of some rows stand, of texts that came as question, answer, question,
    answer …: [rows, 3], where the row begins, where its answers, and where it ends."""
    first = 2 * np.array(rows, np.int64)
    return np.stack([shingles.bounds[first + n] for n in range(3)], axis=1)  # [rows] -> [rows, 3]


def similarities(
    ones: Hashes, one_places: Places, others: Hashes, other_places: Places, threshold: float
) -> list[float]:
    """Of each pair of rows the Jaccard similarity of all shingles; 0.0 when it, or that of the
    answers, is below the threshold. one_places, other_places: [pairs, 3], see `row_places`."""
    similar = np.zeros(len(one_places))
    _compare(ones, one_places, others, other_places, threshold, similar)
    found: list[float] = similar.tolist()
    return found


@compiled
def _compare(
    ones: Hashes,
    one_places: Places,
    others: Hashes,
    other_places: Places,
    threshold: float,
    similar: NDArray[np.float64],
) -> None:
    """`shingles.jaccard` of all and of the answers, by a hash table with open addresses."""
    for pair in range(len(similar)):
        one_end, other_end = one_places[pair, 2], other_places[pair, 2]
        both = one_end - one_places[pair, 0] + other_end - other_places[pair, 0]
        bits = 3
        while (1 << bits) < 2 * both:
            bits += 1
        shift = np.uint64(64 - bits)
        last = (1 << bits) - 1
        table = np.zeros(1 << bits, np.uint64)
        for answers in range(2):
            owner = np.zeros(1 << bits, np.uint8)  # 1: of the one, 2: of the other, 3: of both
            first = second = common = 0
            for place in range(one_places[pair, answers], one_end):
                slot = np.int64(ones[place] >> shift)
                while owner[slot] and table[slot] != ones[place]:
                    slot = (slot + 1) & last
                if owner[slot] == 0:
                    owner[slot] = 1
                    table[slot] = ones[place]
                    first += 1
            for place in range(other_places[pair, answers], other_end):
                slot = np.int64(others[place] >> shift)
                while owner[slot] and table[slot] != others[place]:
                    slot = (slot + 1) & last
                if owner[slot] == 0:
                    owner[slot] = 2
                    table[slot] = others[place]
                    second += 1
                elif owner[slot] == 1:
                    owner[slot] = 3
                    second += 1
                    common += 1
            together = first + second - common
            found = common / together if together else 1.0
            if found < threshold:
                similar[pair] = 0.0
                break
            if answers == 0:
                similar[pair] = found


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

    def places(self, rows: Sequence[int]) -> Places:
        """Where the hashes of some rows stand among `hashes`, see `row_places`."""
        numbers = np.array(rows, np.int64)
        ends = np.frombuffer(self._ends, np.int64)
        starts, asked = ends[numbers], np.frombuffer(self._asked, np.uint32)[numbers]
        return np.stack([starts, starts + asked, ends[numbers + 1]], axis=1)  # -> [rows, 3]

    def hashes(self) -> Hashes:
        """All hashes in the file, in memory only as far as they are looked at."""
        if not self._ends[-1]:
            return np.zeros(0, np.uint64)
        size = 8 * self._ends[-1]
        return np.frombuffer(mmap(self._file.fileno(), size, access=ACCESS_READ), np.uint64)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
