"""The shingles of many rows in a temporary file, so that they need no memory.

Eight bytes a shingle on disk (a row of 100 words: 800); twelve bytes a row in memory.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.shingles import HashedShingles, Hashes, jaccard
from miniclaude.errors import NO_ROOM, DiskFullError


class ShingleSets:
    """A row's shingles: all, and those of the answers, which follow the first `asked` ones."""

    __slots__ = ("_all", "_answered", "_asked", "_hashes")

    def __init__(self, hashes: Hashes, asked: int) -> None:
        self._hashes: list[int] = hashes.tolist()
        self._asked = asked
        self._all: frozenset[int] | None = None
        self._answered: frozenset[int] | None = None

    @property
    def all(self) -> frozenset[int]:
        """All shingles."""
        if self._all is None:
            self._all = frozenset(self._hashes)
        return self._all

    @property
    def answered(self) -> frozenset[int]:
        """The answers' shingles; made when they are needed, for most pairs differ before."""
        if self._answered is None:
            answers = self._hashes[self._asked :]
            self._answered = frozenset(answers) if self._asked else self.all
        return self._answered

    def similarity(self, other: ShingleSets, threshold: float) -> float:
        """The Jaccard similarity of all shingles; 0.0 when it, or that of the answers, is below
        the threshold."""
        # Most candidates end here, before the other set is made.
        if len(self.all.intersection(other._hashes)) < threshold * len(self.all):
            return 0.0
        similar = jaccard(self.all, other.all)
        if similar < threshold or jaccard(self.answered, other.answered) < threshold:
            return 0.0
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
