"""Attention in float32 of several queries at once, against PyTorch: what processors use that have
no instruction for pairs of bfloat16 numbers."""

from __future__ import annotations

import pytest
import torch

from miniclaude.model.attention_tiles import AT_ONCE, turn_keys, turned_dots, weighted_sums
from miniclaude.model.compile import compiled
from tests.model.test_attention_pairs import SIZE, address, numbers


@compiled
def products(query: int, keys: int, slots: int, count: int, turned: int, out: int) -> None:
    """Sixteen keys after sixteen."""
    for s in range(0, count, 16):
        turn_keys(keys, 2 * SIZE, slots, s, count - 1, SIZE // 32, turned)
        turned_dots(query, 4 * SIZE, turned, SIZE, out + 4 * s, 4 * 32)


@compiled
def summed(weights: int, values: int, slots: int, count: int, out: int) -> None:
    """All rows."""
    weighted_sums(weights, 4 * 32, values, 2 * SIZE, slots, count, SIZE // 32, out, 4 * SIZE)


@pytest.mark.parametrize("count", [1, 16, 21])
def test_products_and_sums_are_pytorchs(count: int) -> None:
    """Wherever keys and values lie."""
    keys, values = numbers(2, 40, SIZE, seed=1).bfloat16()
    queries, weights = numbers(AT_ONCE, SIZE, seed=2), numbers(AT_ONCE, 32, seed=4)
    slots = torch.randperm(40, generator=torch.Generator().manual_seed(3))[:count]
    turned, scores = torch.empty(SIZE, 16), torch.full((AT_ONCE, 32), torch.nan)
    products(
        address(queries), address(keys), address(slots), count, address(turned), address(scores)
    )
    wanted = queries.double() @ keys[slots].double().T
    torch.testing.assert_close(scores[:, :count].double(), wanted, rtol=1e-4, atol=1e-4)
    out = torch.full((AT_ONCE, SIZE), torch.nan)
    summed(address(weights), address(values), address(slots), count, address(out))
    wanted = weights[:, :count].double() @ values[slots].double()
    torch.testing.assert_close(out.double(), wanted, rtol=1e-4, atol=1e-4)
