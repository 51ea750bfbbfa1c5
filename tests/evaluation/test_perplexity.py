"""Bits per byte, checked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from miniclaude.data.tokens import TokenDocument, TokenSet
from miniclaude.evaluation.perplexity import score
from tests.training.tiny import counting_set, tiny_model


def test_a_model_that_knows_nothing_needs_log2_of_the_vocabulary_a_token() -> None:
    model = tiny_model().eval()
    with torch.no_grad():
        model.tokens.weight.zero_()
    result = score(model, TokenSet.gather([TokenDocument([1, 2, 3], [False, True, True], 8)]))
    assert result.bits_per_byte == pytest.approx(2 * math.log2(24) / 8)
    assert result.perplexity == pytest.approx(24)


def test_the_score_does_not_depend_on_how_documents_are_batched() -> None:
    model = tiny_model().eval()
    one = score(model, counting_set(), batch=1)
    many = score(model, counting_set(), batch=1000)
    assert one.nats == pytest.approx(many.nats, rel=1e-5)
    assert (one.tokens, one.size) == (many.tokens, many.size)


def test_only_tokens_to_learn_are_scored_and_the_limit_holds() -> None:
    model = tiny_model().eval()
    ids, learn = [1, 2, 3, 4, 5], [False, False, True, False, True]
    documents = TokenSet.gather([TokenDocument(ids, learn, 3)] * 10)
    assert score(model, documents).tokens == 20
    assert score(model, documents, limit=8, batch=4).tokens == 4


def test_nothing_to_score_is_no_division_by_zero() -> None:
    assert score(tiny_model(), TokenSet.gather([])).bits_per_byte == 0.0
