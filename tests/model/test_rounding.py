"""Activations as bytes: the quick way against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from miniclaude.model.packed import GROUP
from miniclaude.model.rounding import (
    Bytes,
    Floats,
    pair_starts,
    round_group,
    round_row,
    rounded_buffer,
)
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
    round_row(np.ones(GROUP + 10, np.float32), 0, False, 128, into)
    assert (into.codes[0, : GROUP + 10] == 127).all()
    assert not into.codes[0, GROUP + 10 :].any()
    assert into.starts[0].tolist() == [-128 * 127 * GROUP, -128 * 127 * 10]


@pytest.mark.parametrize("sign", [1, -1])
def test_two_sums_start_where_two_numbers_of_16_bits_say(sign: int) -> None:
    """The largest there are; and each of its own columns."""
    codes = np.full(GROUP, sign * 127, np.int8)
    assert pair_starts(codes) & 0xFFFF == (-sign * 8 * 32 * 127) & 0xFFFF
    assert pair_starts(codes) >> 16 == -sign * 8 * 32 * 127
    for column, (first, second) in enumerate([(-8, 0), (-8, 0), (0, -8), (0, -8), (-8, 0)]):
        codes = np.zeros(GROUP, np.int8)
        codes[column] = sign
        start = pair_starts(codes)
        assert (start & 0xFFFF, start >> 16) == ((sign * first) & 0xFFFF, sign * second)
