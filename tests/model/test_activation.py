"""The nonlinearities of packed models, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu, relu, silu

from miniclaude.model.activation import ACTIVATIONS, activate

WANTED = {
    "gelu_tanh": lambda x: gelu(x, approximate="tanh"),
    "gelu": gelu,
    "silu": silu,
    "relu": relu,
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("count", [6400, 1, 16, 37])
def test_they_are_those_of_pytorch(kind: str, count: int) -> None:
    """Where powers vanish or would be infinite too, and in what is left of a whole vector; numbers
    behind the last, which are an MLP's gates, are not touched."""
    values = np.linspace(-100, 100, count + 16, dtype=np.float32)
    wanted = WANTED[kind](torch.from_numpy(values[:count]).double()).numpy()
    gates = values[count:].copy()
    activate(values[:count], ACTIVATIONS[kind])
    np.testing.assert_allclose(values[:count], wanted, rtol=5e-6, atol=4e-7)
    np.testing.assert_array_equal(values[count:], gates)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_what_is_not_a_number_stays_none(kind: str) -> None:
    """A broken model is told of, instead of answering."""
    values = np.full(17, np.nan, np.float32)
    activate(values, ACTIVATIONS[kind])
    assert np.isnan(values).all()
