"""The weights of a softmax in vectors, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import Floats
from miniclaude.model.fused_attention import score_room, soften
from miniclaude.model.softmax_code import exponentials


@compiled
def raised(values: Floats, factor: np.float32, halves: int) -> float:
    """The weights in place; their sum."""
    vectors = values.shape[0] // 16
    return float(exponentials(values.ctypes.data, vectors, factor, halves))


def test_powers_are_those_of_the_definition() -> None:
    """From where they vanish, and beyond; the largest score's is 1 but for its own rounding."""
    values = np.linspace(-200, 0, 6400, dtype=np.float32)
    for largest in (0, 3, -1000):
        weights = values + np.float32(largest)
        total = raised(weights, np.float32(0.5), 0)
        wanted = np.exp(values.astype(np.float64) * 0.5)
        np.testing.assert_allclose(
            weights, wanted, rtol=1e-4 if largest < -100 else 2e-5, atol=2e-38
        )
        assert total == pytest.approx(wanted.sum(), rel=1e-4 if largest < -100 else 1e-5)
        assert (weights[wanted < 1e-38] == 0).all()


def test_weights_are_rounded_to_nearest_where_they_are_halves() -> None:
    """They lie behind each other in the first half of the room, and are what PyTorch rounds to."""
    values = np.linspace(-20, 0, 640, dtype=np.float32)
    whole, halves = values.copy(), values.copy()
    raised(whole, np.float32(1), 0)
    raised(halves, np.float32(1), 1)
    found = torch.from_numpy(halves).view(torch.bfloat16)[:640]
    assert torch.equal(found, torch.from_numpy(whole).bfloat16())


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize(
    ("begin", "end", "size"), [(0, 1, 1), (0, 160, 160), (5, 33, 47), (0, 17, 64)]
)
def test_weights_are_a_softmax(begin: int, end: int, size: int, halves: bool) -> None:
    """What is outside of the window, and what is not seen yet, weighs nothing; the room behind the
    last score is used, and holds what was there before."""
    scores = np.full(score_room(size), 1e9, np.float32)
    scores[:size] = np.random.default_rng(size).standard_normal(size) * 20
    wanted = torch.zeros(size)
    wanted[begin:end] = torch.softmax(torch.from_numpy(scores[begin:end]) * 0.125, 0)
    share = soften(scores, begin, end, size, 0.125, halves)
    room = torch.from_numpy(scores)
    weights = room.view(torch.bfloat16)[:size].float() if halves else room[:size]
    torch.testing.assert_close(weights * share, wanted, rtol=2**-8 if halves else 2e-6, atol=0)
    if halves:
        beyond = room.view(torch.bfloat16)[size : -(-size // 16) * 16]
        assert (beyond == 0).all()


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_a_score_that_is_none_spoils_all_weights(nothing: float) -> None:
    """Else an answer would go on from a damaged model as if nothing were wrong."""
    scores = np.zeros(score_room(32), np.float32)
    scores[7] = nothing
    share = soften(scores, 0, 32, 32, 0.125, False)
    assert np.isnan(scores[:32] * share).any()
