"""Locality-sensitive hashing: which rows share a band of MinHash values with an earlier row.

Two rows whose shingles have Jaccard similarity s agree in one MinHash value with probability s, in
a whole band of r values with s^r, and in at least one of b bands with 1 - (1 - s^r)^b (Leskovec,
Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3).

The index is a hash table with chains, in flat arrays that double as they fill, looked up for many
rows at a time. An entry is a row's key of one band: 8 bytes for the key, 4 for the next entry of
its chain, 4 for the chains' heads; no Python object. With ten bands that is 160 to 320 bytes a row:
2.1 GB for 10 million rows, and 1.1 GB more for the moment of the last doubling.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from miniclaude.errors import DatasetError

Keys = NDArray[np.uint64]
"""[rows, bands]"""

MOST_SHARING = 32
"""Rows that may be listed under one key. More would be found for every row that comes: a quadratic
amount of work where thousands of rows share a long passage without being duplicates."""
MOST_CANDIDATES = 32
"""Rows that one row is compared with: those that share the most bands. Only such crowds have more;
in them a pair just at the threshold may be missed."""

NONE = -1
UNLISTED = -2
FIRST_SIZE = 1 << 12


class BandIndex:
    """Rows by the keys of their bands. Rows are numbered from 0 as they are added."""

    def __init__(self, bands: int) -> None:
        self.bands = bands
        self.rows = 0
        self._keys = np.zeros(FIRST_SIZE, np.uint64)  # [entries]
        self._next = np.full(FIRST_SIZE, NONE, np.int32)  # [entries]
        self._heads = np.full(FIRST_SIZE, NONE, np.int32)  # [a power of 2]

    def candidates(self, keys: Keys) -> tuple[dict[int, list[int]], NDArray[np.bool_]]:
        """For each row of `keys` that shares a band with rows of the index: their numbers,
        ascending. And which keys [rows, bands] have as many rows as may be listed."""
        flat = keys.ravel()  # [rows, bands] -> [rows x bands]
        times = np.zeros(len(flat), np.int16)
        entry = self._heads[flat & np.uint64(len(self._heads) - 1)]
        asking = np.flatnonzero(entry != NONE)
        entry = entry[asking]
        found: dict[int, list[int]] = {}
        while len(asking):
            same = self._keys[entry] == flat[asking]
            if same.any():
                matched = asking[same]
                times[matched] += 1
                others = entry[same] // self.bands
                for row, other in zip(
                    (matched // self.bands).tolist(), others.tolist(), strict=True
                ):
                    found.setdefault(row, []).append(other)
            entry = self._next[entry]
            more = entry != NONE
            asking, entry = asking[more], entry[more]
        crowded = (times >= MOST_SHARING).reshape(keys.shape)
        return {row: most_shared(others) for row, others in found.items()}, crowded

    def add(self, keys: Keys, crowded: NDArray[np.bool_]) -> None:
        """Number these rows, and list them under those of their keys that are not crowded."""
        first = self.rows * self.bands
        last = first + keys.size
        if last >= 1 << 31:
            raise DatasetError(
                f"More than {self.rows} different rows cannot be searched for near-duplicates.",
                hint="Split the data set, or prepare it without the search for near-duplicates.",
            )
        if last > len(self._keys):
            self._grow(last)
        self._keys[first:last] = keys.ravel()
        self._next[first:last] = np.where(crowded.ravel(), UNLISTED, NONE)
        self.rows += len(keys)
        self._link(first, last)

    def _link(self, first: int, last: int) -> None:
        """Put the entries from `first` to `last` at the heads of their chains."""
        entries = np.flatnonzero(self._next[first:last] != UNLISTED).astype(np.int32) + first
        slots = (self._keys[entries] & np.uint64(len(self._heads) - 1)).astype(np.int64)
        while len(entries):
            # Of several entries for a slot one becomes its head; the others try again.
            heads = self._heads[slots]
            self._heads[slots] = entries
            placed = self._heads[slots] == entries
            self._next[entries[placed]] = heads[placed]
            entries, slots = entries[~placed], slots[~placed]

    def _grow(self, needed: int) -> None:
        """Twice the room, and all chains anew."""
        used = self.rows * self.bands
        size = len(self._keys)
        while size < needed:
            size *= 2
        self._keys = np.concatenate([self._keys[:used], np.zeros(size - used, np.uint64)])
        unlisted = np.where(self._next[:used] == UNLISTED, UNLISTED, NONE).astype(np.int32)
        self._next = np.concatenate([unlisted, np.full(size - used, NONE, np.int32)])
        self._heads = np.full(size, NONE, np.int32)
        for start in range(0, used, 1 << 20):
            self._link(start, min(used, start + (1 << 20)))


def most_shared(numbers: list[int]) -> list[int]:
    """The numbers that occur most often, ascending, each once."""
    if len(numbers) <= MOST_CANDIDATES:
        return sorted(set(numbers))
    return sorted(number for number, _ in Counter(numbers).most_common(MOST_CANDIDATES))
