"""Activations as bytes: the quick way against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from miniclaude.model.packed import GROUP
from miniclaude.model.rounding import Bytes, Floats, round_group, round_row, rounded_buffer
from miniclaude.model.rounding import round_whole_group as quick


def both(values: Floats) -> tuple[tuple[float, int, Bytes], tuple[float, int, Bytes]]:
    """Scale, sum and codes of one group: by the definition, and quickly."""
    results: list[tuple[float, int, Bytes]] = []
    for _ in range(2):
        codes = np.full(GROUP, 99, np.int8)
        if results:
            scale, total = quick(values.ctypes.data, codes.ctypes.data)
        else:
            scale, total = round_group(values, codes, GROUP)
        results.append((scale, total, codes))
    return results[0], results[1]


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 3e37])
def test_a_group_is_rounded_as_its_definition_says(size: float) -> None:
    source = np.random.default_rng(1)
    for _ in range(200):
        values = (source.standard_normal(GROUP) * size).astype(np.float32)
        (scale, total, codes), (quick_scale, quick_total, quick_codes) = both(values)
        assert (quick_scale, quick_total) == (scale, total)
        assert (quick_codes == codes).all()
        assert np.abs(codes).max() == 127
        assert total == int(codes.astype(np.int64).sum())


@pytest.mark.parametrize("largest", [0, 1e-45, 1e-38, 9e-37])
def test_a_group_of_next_to_nothing_is_nothing(largest: float) -> None:
    """The largest is what is divided by; infinite steps made all codes -128, zeros among them."""
    values = np.zeros(GROUP, np.float32)
    values[3], values[5] = largest, -largest / 2
    for scale, total, codes in both(values):
        assert scale == pytest.approx(largest / 127, abs=1e-44)
        assert total == 0
        assert not codes.any()


@pytest.mark.parametrize("nothing", [np.nan, -np.nan])
def test_what_is_no_number_shows_in_the_scale(nothing: float) -> None:
    """A model that computes NaN must not answer as if nothing were wrong."""
    values = np.ones(GROUP, np.float32)
    values[17] = nothing
    for scale, _, _ in both(values):
        assert np.isnan(scale)


def test_columns_beyond_the_last_are_zero() -> None:
    into = rounded_buffer(1, GROUP + 10)
    into.codes[:] = 99
    round_row(np.ones(GROUP + 10, np.float32), 0, False, 8, into)
    assert (into.codes[0, : GROUP + 10] == 127).all()
    assert not into.codes[0, GROUP + 10 :].any()
    assert into.starts[0].tolist() == [-8 * 127 * GROUP, -8 * 127 * 10]
