"""The weights of a softmax in vectors, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import Floats, exp
from miniclaude.model.fused_attention import score_room, soften
from miniclaude.model.softmax_code import exponentials


@compiled
def raised(values: Floats) -> float:
    """e^x in place; their sum."""
    vectors = values.shape[0] // 16
    return float(exponentials(values.ctypes.data, vectors, np.float32(0), np.float32(1)))


@compiled
def raised_plainly(values: Floats) -> None:
    """The same, number by number, by the definition."""
    for i in range(values.shape[0]):
        values[i] = exp(values[i])


def test_powers_are_those_of_the_definition() -> None:
    """From where they vanish to where they are infinite in float32, and beyond both."""
    values = np.linspace(-100, 100, 6400, dtype=np.float32)
    quick, plain = values.copy(), values.copy()
    raised(quick)
    raised_plainly(plain)
    np.testing.assert_allclose(quick, plain, rtol=2e-6)
    inside = np.abs(values) < 80
    np.testing.assert_allclose(quick[inside], np.exp(values[inside].astype(np.float64)), rtol=5e-6)
    weights = values[inside].copy()
    assert raised(weights) == pytest.approx(float(weights.sum(dtype=np.float64)), rel=1e-5)


@pytest.mark.parametrize(
    ("begin", "end", "size"), [(0, 1, 1), (0, 160, 160), (5, 33, 47), (0, 17, 64)]
)
def test_weights_are_a_softmax(begin: int, end: int, size: int) -> None:
    """What is outside of the window, and what is not seen yet, weighs nothing; the room behind the
    last score is used, and holds what was there before."""
    scores = np.full(score_room(size), 1e9, np.float32)
    scores[:size] = np.random.default_rng(size).standard_normal(size) * 20
    wanted = torch.zeros(size)
    wanted[begin:end] = torch.softmax(torch.from_numpy(scores[begin:end]) * 0.125, 0)
    share = soften(scores, begin, end, size, 0.125)
    torch.testing.assert_close(torch.from_numpy(scores[:size] * share), wanted)


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_a_score_that_is_none_spoils_all_weights(nothing: float) -> None:
    """Else an answer would go on from a damaged model as if nothing were wrong."""
    scores = np.zeros(score_room(32), np.float32)
    scores[7] = nothing
    share = soften(scores, 0, 32, 32, 0.125)
    assert np.isnan(scores[:32] * share).any()
