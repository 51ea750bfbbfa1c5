"""The table of bands finds what a dictionary finds."""

from __future__ import annotations

import numpy as np
import pytest

from miniclaude.data import band_index
from miniclaude.data.band_index import MOST_SHARING, BandIndex, Keys
from miniclaude.errors import DatasetError


def nothing_crowded(keys: Keys) -> np.typing.NDArray[np.bool_]:
    return np.zeros(keys.shape, np.bool_)


def test_candidates_are_those_of_a_dictionary_of_bands() -> None:
    """Over several growths of the table, with chains of colliding slots and shared keys."""
    random = np.random.default_rng(5)
    index = BandIndex(3)
    slow: dict[tuple[int, int], list[int]] = {}
    for start in range(0, 4000, 400):
        # Multiples of 2^16: all in a few slots while the table is small.
        keys = random.integers(0, 3000, (400, 3), dtype=np.uint64) << np.uint64(8)
        found, _ = index.candidates(keys)
        for row, own in enumerate(keys.tolist()):
            expected = {
                one for key in own for band in range(3) for one in slow.get((band, key), [])
            }
            assert set(found.get(row, [])) == expected
            assert found.get(row, []) == sorted(found.get(row, []))
        index.add(keys, nothing_crowded(keys))
        for row, own in enumerate(keys.tolist()):
            for band, key in enumerate(own):
                slow.setdefault((band, key), []).append(start + row)
    assert index.rows == 4000


def test_a_key_that_too_many_share_is_crowded_and_lists_no_more() -> None:
    """Thousands of rows under one key would each be compared with all of them."""
    index = BandIndex(2)
    for number in range(200):
        keys = np.array([[7, 1000 + number]], np.uint64)
        found, times = index.candidates(keys)
        assert times.tolist() == [[min(number, MOST_SHARING), 0]]
        assert len(found.get(0, [])) <= MOST_SHARING
        index.add(keys, times >= MOST_SHARING)
    for _ in range(3):  # and not after the table has grown, either
        index.add(
            np.arange(10_000, 18_000, dtype=np.uint64).reshape(-1, 2), np.zeros((4000, 2), bool)
        )
    found, _ = index.candidates(np.array([[7, 0]], np.uint64))
    assert found[0] == list(range(MOST_SHARING))
    assert index.candidates(np.array([[0, 1199]], np.uint64))[0] == {0: [199]}


def test_a_key_that_lists_too_many_rows_is_read_within_bounds() -> None:
    """What is found is written to arrays with room for MOST_SHARING a key: a chain twice as long
    was written past their end."""
    index = BandIndex(2)
    keys = np.full((2 * MOST_SHARING, 2), 7, np.uint64)
    index.add(keys, nothing_crowded(keys))
    found, times = index.candidates(keys)
    assert times.tolist() == [[MOST_SHARING, MOST_SHARING]] * len(keys)
    assert all(len(others) <= MOST_SHARING for others in found.values())


def test_more_rows_than_the_table_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    index = BandIndex(2)
    index.rows = (1 << 30) - 1
    keys = np.zeros((2, 2), np.uint64)
    with pytest.raises(DatasetError, match=r"More than 1073741823 different rows") as caught:
        index.add(keys, nothing_crowded(keys))
    assert "Split the data set" in caught.value.hint
    assert band_index.NONE < 0
