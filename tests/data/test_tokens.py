"""Documents as tokens: nothing predicted twice, nothing lost on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.tokens import TokenDocument, TokenSet, split_text
from miniclaude.errors import DatasetError

SMALL = [
    TokenDocument([1, 2, 3], [False, False, True], 5),
    TokenDocument([9], [False], 0),
    TokenDocument([4, 5], [False, True], 2),
]


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 9))
def test_every_token_but_the_first_is_predicted_exactly_once(ids: list[int], context: int) -> None:
    byte_lengths = [1] * 10
    pieces = list(split_text(ids, byte_lengths, context))
    assert [token for piece in pieces for token in piece.ids[1:]] == ids[1:]
    assert all(len(piece.ids) <= context + 1 for piece in pieces)
    assert sum(piece.size for piece in pieces) == max(len(ids) - 1, 0)


def test_a_set_survives_the_disk(tmp_path: Path) -> None:
    TokenSet.gather(SMALL).save(tmp_path / "deep" / "set.safetensors")
    read = TokenSet.load(tmp_path / "deep" / "set.safetensors")
    assert len(read) == 2, "a document of one token teaches nothing"
    ids, learn = read.document(1)
    assert ids.tolist() == [4, 5]
    assert learn.tolist() == [False, True]
    assert read.lengths.tolist() == [2, 1]
    assert read.sizes.tolist() == [5, 2]


def test_no_documents_is_a_set_too() -> None:
    empty = TokenSet.gather([])
    assert len(empty) == 0
    assert empty.ids.dtype == np.int32


def test_another_file_is_not_taken_for_tokens(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(DatasetError, match="is not a file of tokens"):
        TokenSet.load(tmp_path / "x.safetensors")
    with pytest.raises(DatasetError, match="is not a file of tokens"):
        TokenSet.load(tmp_path / "absent.safetensors")
