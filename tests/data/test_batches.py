"""The order of a run: decided beforehand, mixed as asked, cut without loss."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from miniclaude.data.batches import Batches, mixed_order
from miniclaude.data.tokens import TokenDocument, TokenSet
from miniclaude.errors import DatasetError


def constant_set(value: int, documents: int, length: int) -> TokenSet:
    """Documents of `length` positions, every token `value`."""
    ids, learn = [value] * (length + 1), [False] + [True] * length
    return TokenSet.gather(TokenDocument(ids, learn, length) for _ in range(documents))


SETS = {"long": constant_set(1, 50, 10), "short": constant_set(2, 100, 2)}


def test_weights_are_shares_of_the_tokens_not_of_the_documents() -> None:
    order = mixed_order(SETS, {"long": 3, "short": 1}, 400, seed=0)
    count = Counter(order[:, 0].tolist())
    assert 300 <= count[0] * 10 <= 310
    assert 100 <= count[1] * 2 <= 102


def test_a_small_source_is_read_again_only_when_it_is_used_up() -> None:
    order = mixed_order({"a": constant_set(1, 5, 2)}, {"a": 1}, 20, seed=0)
    assert sorted(Counter(order[:, 1].tolist()).values()) == [2, 2, 2, 2, 2]


def test_the_order_depends_on_the_seed_alone() -> None:
    weights = {"long": 1.0, "short": 1.0}
    first = mixed_order(SETS, weights, 300, seed=4)
    assert first.tolist() == mixed_order(SETS, weights, 300, seed=4).tolist()
    assert first.tolist() != mixed_order(SETS, weights, 300, seed=5).tolist()


def test_batches_hold_whole_documents_within_their_size() -> None:
    batches = Batches(SETS, {"long": 1, "short": 1}, tokens=300, size=32, seed=1)
    total = 0
    for number in range(len(batches)):
        batch = batches[number]
        assert batch.ids.shape == batch.targets.shape == batch.learn.shape
        assert batch.ids.shape[1] == sum(batch.lengths) <= 32
        assert set(batch.lengths) <= {10, 2}
        start = 0
        for length in batch.lengths:
            assert len(torch.unique(batch.ids[0, start : start + length])) == 1
            start += length
        total += batch.ids.shape[1]
    assert 300 <= total <= 312


def test_a_document_longer_than_a_batch_is_a_batch_of_its_own() -> None:
    batches = Batches(SETS, {"long": 1}, tokens=30, size=4, seed=1)
    assert [batches[number].lengths for number in range(len(batches))] == [(10,), (10,), (10,)]


def test_targets_are_the_next_tokens_and_keep_their_mask() -> None:
    one = TokenSet.gather([TokenDocument([5, 6, 7, 8], [False, False, True, False], 1)])
    batch = Batches({"one": one}, {"one": 1}, tokens=1, size=8, seed=0)[0]
    assert batch.ids.tolist() == [[5, 6, 7]]
    assert batch.targets.tolist() == [[6, 7, 8]]
    assert batch.learn.tolist() == [[False, True, False]]


def test_an_empty_source_is_named() -> None:
    with pytest.raises(DatasetError, match="takes 1 parts of 'none', which has no documents"):
        mixed_order({"none": TokenSet.gather([])}, {"none": 1}, 10, seed=0)
