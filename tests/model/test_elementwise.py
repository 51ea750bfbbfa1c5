"""What lies between a block's products, against NumPy."""

from __future__ import annotations

import numpy as np

from miniclaude.model.compile import compiled
from miniclaude.model.elementwise import Floats, exp


@compiled
def raised(values: Floats) -> None:
    """e^x in place."""
    for i in range(values.shape[0]):
        values[i] = exp(values[i])


def test_powers_are_those_of_numpy() -> None:
    """Up to where they vanish or are infinite in float32; beyond, they stay what they are there."""
    values = np.linspace(-100, 100, 6400, dtype=np.float32)
    wanted = np.exp(np.clip(values, -87, 88).astype(np.float64))
    raised(values)
    np.testing.assert_allclose(values, wanted, rtol=5e-6)
