"""Positions: the published formulas, and what they promise."""

from __future__ import annotations

import math

import pytest
import torch

from miniclaude.model.config import RotaryConfig
from miniclaude.model.positions import rotary_frequencies, rotary_table, rotate, sinusoidal


@pytest.mark.parametrize("width", [6, 7])
def test_sinusoidal_is_the_formula(width: int) -> None:
    """PE(pos, 2i) = sin(pos / 10000^(2i/width)), PE(pos, 2i+1) = cos of the same."""
    table = sinusoidal(torch.arange(50), width)
    for position in (0, 1, 17, 49):
        for column in range(width):
            angle = position / 10_000 ** (2 * (column // 2) / width)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert float(table[position, column]) == pytest.approx(expected, abs=1e-5)


def rotated(x: torch.Tensor, position: int, rotary: RotaryConfig) -> torch.Tensor:
    """One vector [D] as if it stood at `position` of a text of 100 tokens."""
    places = torch.tensor([[position]])
    cos, sin = rotary_table(rotary, x.shape[-1], places, torch.tensor([[100]]))
    return rotate(x[None, None, None], cos, sin).flatten()


@pytest.mark.parametrize(
    "rotary",
    [
        RotaryConfig(),
        RotaryConfig(kind="linear", factor=4.0),
        RotaryConfig(kind="dynamic", factor=4.0, original_context=32),
        RotaryConfig(kind="llama3", factor=8.0, original_context=32),
    ],
    ids=lambda rotary: str(rotary.kind),
)
def test_rotary_scores_depend_on_distance_alone(rotary: RotaryConfig) -> None:
    """The score of a query and a key is the same wherever the two stand, if as far apart."""
    query, key = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    near = [rotated(query, p + 3, rotary) @ rotated(key, p, rotary) for p in (0, 11, 90)]
    far = rotated(query, 40, rotary) @ rotated(key, 0, rotary)
    torch.testing.assert_close(near[0], near[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(near[0], near[2], atol=1e-4, rtol=0)
    assert abs(float(far - near[0])) > 1e-3


def test_rotation_keeps_lengths_and_starts_at_rest() -> None:
    x = torch.randn(16, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(rotated(x, 0, RotaryConfig()), x)
    torch.testing.assert_close(rotated(x, 77, RotaryConfig()).norm(), x.norm())


def test_dynamic_is_plain_until_the_context_is_outgrown() -> None:
    rotary = RotaryConfig(kind="dynamic", factor=2.0, original_context=64)
    plain = rotary_frequencies(RotaryConfig(), 8, torch.tensor(0))
    within, beyond = rotary_frequencies(rotary, 8, torch.tensor([64, 65]))
    torch.testing.assert_close(within, plain)
    assert torch.all(beyond[1:] < plain[1:]), "longer wavelengths"


def test_llama3_leaves_short_waves_and_stretches_long_ones() -> None:
    rotary = RotaryConfig(500_000.0, "llama3", 8.0, original_context=8192)
    plain = rotary_frequencies(RotaryConfig(500_000.0), 64, torch.tensor(0))
    ratio = plain / rotary_frequencies(rotary, 64, torch.tensor(0))
    assert float(ratio[0]) == pytest.approx(1.0)
    assert float(ratio[-1]) == pytest.approx(8.0)
    assert torch.all(ratio.diff() >= -1e-5), "and nothing jumps back in between"
