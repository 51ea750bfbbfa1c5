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

from miniclaude.data.compiled import compiled
from miniclaude.errors import DatasetError

Keys = NDArray[np.uint64]
"""[rows, bands]"""

Chain = NDArray[np.int32]
"""Numbers of entries."""

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

    def candidates(self, keys: Keys) -> tuple[dict[int, list[int]], NDArray[np.int16]]:
        """For each row of `keys` that shares a band with rows of the index: their numbers,
        ascending. And how many rows each key [rows, bands] lists."""
        times = np.zeros(keys.size, np.int16)  # [rows x bands]
        places = np.empty(keys.size * MOST_SHARING, np.int32)
        others = np.empty(keys.size * MOST_SHARING, np.int32)
        count = _look_up(keys.ravel(), self._keys, self._next, self._heads, times, places, others)
        found: dict[int, list[int]] = {}
        rows = (places[:count] // self.bands).tolist()
        for row, other in zip(rows, (others[:count] // self.bands).tolist(), strict=True):
            found.setdefault(row, []).append(other)
        listed = times.reshape(keys.shape)  # [rows x bands] -> [rows, bands]
        return {row: most_shared(others) for row, others in found.items()}, listed

    def add(self, keys: Keys, crowded: NDArray[np.bool_]) -> None:
        """Number these rows, and list them under those of their keys that are not crowded: that
        would list more than MOST_SHARING rows."""
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
        _link(first, last, self._keys, self._next, self._heads)

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
        _link(0, used, self._keys, self._next, self._heads)


@compiled
def _look_up(
    asked: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    following: Chain,
    heads: Chain,
    times: NDArray[np.int16],
    places: Chain,
    others: Chain,
) -> int:
    """Each entry with a key that is asked for, to `others`, and the place of that key in `asked` to
    `places`; returns how many there are. times: of each key asked for, its entries, of which no
    more than MOST_SHARING are taken: the arrays have room for so many."""
    count = 0
    last_slot = np.uint64(len(heads) - 1)
    for place in range(len(asked)):
        key = asked[place]
        entry = heads[key & last_slot]
        while entry >= 0 and times[place] < MOST_SHARING:
            if keys[entry] == key:
                times[place] += 1
                places[count] = place
                others[count] = entry
                count += 1
            entry = following[entry]
    return count


@compiled
def _link(first: int, last: int, keys: NDArray[np.uint64], following: Chain, heads: Chain) -> None:
    """Put the entries from `first` to `last` that are listed at the heads of their chains."""
    last_slot = np.uint64(len(heads) - 1)
    for entry in range(first, last):
        if following[entry] != UNLISTED:
            slot = keys[entry] & last_slot
            following[entry] = heads[slot]
            heads[slot] = entry


def most_shared(numbers: list[int]) -> list[int]:
    """The numbers that occur most often, ascending, each once."""
    if len(numbers) <= MOST_CANDIDATES:
        return sorted(set(numbers))
    return sorted(number for number, _ in Counter(numbers).most_common(MOST_CANDIDATES))
