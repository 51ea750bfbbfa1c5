"""The search for earlier rows that are near-duplicates, many rows at a time.

MinHash values (R-MinHash, by `rensa`) are cut into bands; rows that share a band are candidates,
and every candidate is compared exactly: by the sets of shingles themselves, as 64-bit hashes. So
nothing is found that is no near-duplicate, and what is missed is known: at similarity s a pair is
found with probability 1 - (1 - s^r)^b. At the threshold 0.9 there are b = 10 bands of r = 6 values:
99.95 % at 0.9 itself, above 99.999 % at 0.95, always where the shingles are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, starmap
from pathlib import Path
from struct import Struct
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from miniclaude.data.band_index import MOST_SHARING, BandIndex, Keys, most_shared
from miniclaude.data.shingle_file import ShingleFile, row_places, similarities
from miniclaude.data.shingles import HashedShingles, hash_shingles

VALUES = 64
"""MinHash values of a row."""

LEAST_RECALL = 0.999
"""The share of the pairs just at the threshold that the bands must find."""

PACK = Struct(f"={VALUES}I")
SHIFT = np.uint64(29)
_random = np.random.default_rng(2012)
WEIGHTS = _random.integers(1, 1 << 63, VALUES, dtype=np.uint64) | np.uint64(1)


class Match(NamedTuple):
    """An earlier row, by its number among those that were added, and its similarity."""

    number: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Found:
    """matches: by place in the chunk, for the rows that have any. numbers: of each row, in the
    order of adding; -1 for one that was not added. draws: of each row, a number from 0 to 1 that
    depends on the seed and its shingles alone."""

    matches: dict[int, list[Match]]
    numbers: list[int]
    draws: list[float]


def recall(similarity: float, bands: int, rows: int) -> float:
    """The probability that a pair of this similarity shares a band."""
    return float(1 - (1 - similarity**rows) ** bands)


def choose_bands(threshold: float) -> tuple[int, int]:
    """How many bands of how many values: the longest that still find what they must, for longer
    bands give fewer candidates."""
    for rows in range(VALUES, 1, -1):
        if recall(threshold, VALUES // rows, rows) >= LEAST_RECALL:
            return VALUES // rows, rows
    return VALUES, 1


def band_keys(shingles: HashedShingles, bands: int, rows: int, seed: int) -> Keys:
    """The keys [rows, bands] of rows whose texts came as question, answer, question, answer …"""
    bounds = shingles.bounds[::2].astype(np.uint64)
    digests = RMinHash.digest_matrix_from_flat_token_hashes(shingles.hashes, bounds, VALUES, seed)
    packed = b"".join(starmap(PACK.pack, digests.to_rows()))
    values = np.frombuffer(packed, np.uint32).reshape(-1, VALUES)  # [rows, values]
    keys = np.zeros((len(values), bands), np.uint64)
    for place in range(rows):
        # Value number `place` of each band, weighted by where it stands.
        columns = slice(place, bands * rows, rows)
        keys += values[:, columns] * WEIGHTS[columns]
    keys ^= keys >> SHIFT
    keys *= WEIGHTS[0]
    keys ^= keys >> SHIFT
    return keys


@dataclass(frozen=True, slots=True)
class Sketches:
    """What the search knows of some rows. shingles: of their texts, question, answer, question,
    answer …; keys: [rows, bands]."""

    shingles: HashedShingles
    keys: Keys

    def only(self, rows: NDArray[np.bool_]) -> Sketches:
        """Those of the rows alone."""
        if rows.all():
            return self
        halves = np.repeat(rows, 2)  # [rows] -> [2 x rows]
        sizes = np.diff(self.shingles.bounds)  # [2 x rows]
        bounds = np.zeros(np.count_nonzero(halves) + 1, np.int64)
        np.cumsum(sizes[halves], out=bounds[1:])
        hashes = self.shingles.hashes[np.repeat(halves, sizes)]
        return Sketches(HashedShingles(hashes, bounds), self.keys[rows])


def sketch(rows: Sequence[tuple[str, str]], threshold: float, seed: int = 0) -> Sketches:
    """The sketches of rows, each given as its question and its answer; they depend on nothing but
    the row, so that any process can make them."""
    shingles = hash_shingles([text for row in rows for text in row])
    bands, values = choose_bands(threshold)
    if not rows:
        return Sketches(shingles, np.zeros((0, bands), np.uint64))
    return Sketches(shingles, band_keys(shingles, bands, values, seed))


Chunk = TypeVar("Chunk")


def sketched_ahead(
    chunks: Iterable[Chunk], make: Callable[[Chunk], Sketches]
) -> Iterator[tuple[Chunk, Sketches]]:
    """Each chunk of rows with its sketches; those of the next are made by a thread meanwhile, for
    most of that work is numpy's and rensa's."""
    with ThreadPoolExecutor(1) as thread:
        before: tuple[Chunk, Future[Sketches]] | None = None
        for chunk in chunks:
            following = chunk, thread.submit(make, chunk)
            if before is not None:
                yield before[0], before[1].result()
            before = following
        if before is not None:
            yield before[0], before[1].result()


class SimilarRows:
    """Every row is compared with those added before it, and then added, unless it has a match;
    with `keep_similar` unless it has one with the very same shingles."""

    def __init__(
        self,
        threshold: float,
        *,
        folder: Path | None = None,
        seed: int = 0,
        keep_similar: bool = False,
    ) -> None:
        """folder: for the temporary file. seed: of the MinHash values."""
        self.threshold = threshold
        self.bands, _ = choose_bands(threshold)
        self.compared = 0
        self._seed = seed
        self._keep_similar = keep_similar
        self._index = BandIndex(self.bands)
        self._file = ShingleFile(folder)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def find(self, rows: Sequence[tuple[str, str]]) -> Found:
        """The matches of some rows, each given as its question and its answer, in order.

        A row with no words and no marks matches nothing. Raises DatasetError beyond 200 million
        rows, DiskFullError.
        """
        return self.find_sketched(sketch(rows, self.threshold, self._seed))

    def find_sketched(self, rows: Sketches) -> Found:
        """The same for rows of which the sketches are known, by this search's threshold and
        seed."""
        shingles, keys = rows.shingles, rows.keys
        if not len(keys):
            return Found({}, [], [])
        candidates, times = self._index.candidates(keys)
        crowded = times >= MOST_SHARING
        earlier = self._compare_earlier(shingles, candidates)
        kept = np.diff(shingles.bounds[::2]) > 0
        matches: dict[int, list[Match]] = {}
        here: dict[int, list[int]] = {}  # rows of this chunk by their keys
        sharing = _sharing(keys)
        for row in sorted(candidates.keys() | sharing.keys()):
            if not kept[row]:
                continue
            own = sharing.get(row, [])
            found = self._first(candidates.get(row, []), earlier.get(row, []))
            if self._keep_similar or not found:
                found += self._matches_here(shingles, row, own, here, kept)
            if found:
                matches[row] = found
                if not self._keep_similar or any(match.similarity == 1.0 for match in found):
                    kept[row] = False
                    continue
            for band, key in own:
                listed = here.setdefault(key, [])
                crowded[row, band] = times[row, band] + len(listed) >= MOST_SHARING
                if len(listed) < MOST_SHARING:
                    listed.append(row)
        numbers = np.where(kept, self._index.rows + np.cumsum(kept) - 1, -1).tolist()
        self._index.add(keys[kept], crowded[kept])
        self._file.add(shingles, kept)
        draws = (
            np.bitwise_xor.reduce(keys, axis=1) * WEIGHTS[1] / 2.0**64
        )  # [rows, bands] -> [rows]
        return Found(matches, numbers, draws.tolist())

    def _compare_earlier(
        self, shingles: HashedShingles, candidates: dict[int, list[int]]
    ) -> dict[int, list[float]]:
        """How similar each row is to those earlier chunks' rows that it may repeat."""
        if not candidates:
            return {}
        rows = [row for row, numbers in candidates.items() for _ in numbers]
        others = [number for numbers in candidates.values() for number in numbers]
        found = iter(
            similarities(
                shingles.hashes,
                row_places(shingles, rows),
                self._file.hashes(),
                self._file.places(others),
                self.threshold,
            )
        )
        return {row: list(islice(found, len(numbers))) for row, numbers in candidates.items()}

    def _matches_here(
        self,
        shingles: HashedShingles,
        row: int,
        own: list[tuple[int, int]],
        here: dict[int, list[int]],
        kept: NDArray[np.bool_],
    ) -> list[Match]:
        """The matches of a row among those before it in its chunk. own: its bands and their keys
        that others of the chunk share."""
        others = most_shared([one for _, key in own for one in here.get(key, ())])
        if not others:
            return []
        mine = row_places(shingles, [row] * len(others))
        theirs = row_places(shingles, others)
        found = similarities(shingles.hashes, mine, shingles.hashes, theirs, self.threshold)
        numbers = [self._index.rows + int(np.count_nonzero(kept[:other])) for other in others]
        return self._first(numbers, found)

    def _first(self, numbers: list[int], found: list[float]) -> list[Match]:
        """The matches among some rows; only the first unless similar rows are kept."""
        matches: list[Match] = []
        for number, similarity in zip(numbers, found, strict=True):
            self.compared += 1
            if similarity:
                matches.append(Match(number, similarity))
                if not self._keep_similar:
                    break
        return matches


def _sharing(keys: Keys) -> dict[int, list[tuple[int, int]]]:
    """The rows of a chunk that share a key with another of it: which bands, and their keys."""
    flat = keys.ravel()  # [rows, bands] -> [rows x bands]
    ordered = np.sort(flat)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(shared):
        return {}
    place = np.searchsorted(shared, flat)
    place[place == len(shared)] = 0
    rows, bands = np.nonzero((shared[place] == flat).reshape(keys.shape))  # [rows, bands]
    found: dict[int, list[tuple[int, int]]] = {}
    for row, band, key in zip(
        rows.tolist(), bands.tolist(), keys[rows, bands].tolist(), strict=True
    ):
        found.setdefault(row, []).append((band, key))
    return found
