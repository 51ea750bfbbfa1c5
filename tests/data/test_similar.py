"""The search's recall, its edges, and its temporary file."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.data.band_index import MOST_SHARING
from miniclaude.data.similar import SimilarRows, choose_bands, recall, sketch


def test_the_recall_that_the_documentation_states() -> None:
    assert choose_bands(0.9) == (10, 6)
    assert recall(0.9, 10, 6) == pytest.approx(0.9995, abs=1e-4)
    assert recall(0.95, 10, 6) > 0.99999


def test_the_temporary_file_lies_where_asked_and_is_gone_afterwards(tmp_path: Path) -> None:
    search = SimilarRows(0.9, folder=tmp_path)
    assert search.find([("a b c d", "e f g")]).numbers == [0]
    assert search.find([("a b c d", "e f g"), ("", "")]).numbers == [-1, -1]
    assert search.find([]).numbers == []
    search.close()
    assert list(tmp_path.iterdir()) == []


def test_similar_rows_are_kept_when_asked_and_all_matches_named() -> None:
    """The split must know every earlier row that is near, not only the first."""
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join([*words[:k], "new", *words[k:]]) for k in (5, 30, 55)]
    search = SimilarRows(0.8, keep_similar=True)
    found = search.find([("", text) for text in [*texts, texts[1]]])
    assert found.numbers == [0, 1, 2, -1]
    assert [match.number for match in found.matches[2]] == [0, 1]
    assert [match.number for match in found.matches[3]] == [0, 1, 2]
    assert found.matches[3][1].similarity == 1.0
    assert found.draws[1] == found.draws[3] != found.draws[0]
    search.close()


def test_thousands_of_rows_that_are_all_alike_are_listed_within_bounds() -> None:
    """Each chunk listed as many under a key as may be, whatever the chunks before it had: the
    search then wrote past the end of its arrays, and the process that prepared a dataset died."""
    start = "tell me about the small red house on the hill beside the old mill by the river "
    search = SimilarRows(0.8, keep_similar=True)
    for chunk in range(6):
        rows = [("", f"{start * 3}{chunk * 50 + number}") for number in range(50)]
        found = search.find(rows)
        assert -1 not in found.numbers
        times = search._index.candidates(sketch(rows, 0.8).keys)[1]
        assert times.max() == MOST_SHARING
        assert len(found.matches) == 50 - (chunk == 0)
    search.close()
