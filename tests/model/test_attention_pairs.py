"""Attention by pairs of bfloat16 numbers, by the processor's instruction and by its definition,
against PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numba.core import config
from torch import Tensor

from miniclaude.model.attention_pairs import (
    to_halves,
    turn_pairs,
    turned_pair_dots,
    weighted_pair_sums,
)
from miniclaude.model.compile import compiled
from miniclaude.model.pair_code import NATIVE, multiplies_pairs

WAYS = [False, pytest.param(True, marks=pytest.mark.skipif(not NATIVE, reason="no AVX-512 BF16"))]
SIZE, QUERIES = 96, 4


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def address(tensor: Tensor) -> int:
    return tensor.data_ptr()


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("count", [1, 15, 16, 21])
def test_products_with_keys_are_pytorchs(native: bool, count: int) -> None:
    """Wherever the keys lie; what comes after the last of sixteen repeats it."""
    dots = turned_pair_dots(native, QUERIES)

    @compiled
    def products(query: int, keys: int, slots: int, count: int, turned: int, out: int) -> None:
        for s in range(0, count, 16):
            turn_pairs(keys, 2 * SIZE, slots, s, count - 1, SIZE // 32, turned)
            dots(query, 2 * SIZE, turned, SIZE // 2, out + 4 * s, 4 * 32)

    keys = numbers(40, SIZE, seed=1).bfloat16()
    queries = numbers(QUERIES, SIZE, seed=2).bfloat16()
    slots = torch.randperm(40, generator=torch.Generator().manual_seed(3))[:count]
    turned, out = torch.empty(SIZE // 2, 16), torch.full((QUERIES, 32), torch.nan)
    products(address(queries), address(keys), address(slots), count, address(turned), address(out))
    wanted = queries.double() @ keys[slots].double().T
    torch.testing.assert_close(out[:, :count].double(), wanted, rtol=1e-4, atol=1e-4)
    assert (out[:, count : -(-count // 16) * 16] == out[:, count - 1 : count]).all()


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("count", [1, 2, 17])
def test_sums_of_values_are_pytorchs(native: bool, count: int) -> None:
    """Two rows at a time: of an odd number the last has a neighbour that weighs nothing, and it is
    no row that another sequence may have left there."""
    sums = weighted_pair_sums(native, QUERIES)

    @compiled
    def summed(weights: int, values: int, slots: int, count: int, out: int) -> None:
        sums(weights, 2 * 32, values, 2 * SIZE, slots, count, SIZE // 32, out, 4 * SIZE)

    values = numbers(40, SIZE, seed=1).bfloat16()
    slots = torch.randperm(40, generator=torch.Generator().manual_seed(3))[:count]
    values[[slot for slot in range(40) if slot not in slots]] = torch.nan
    weights = torch.zeros(QUERIES, 32, dtype=torch.bfloat16)
    weights[:, :count] = numbers(QUERIES, count, seed=2).bfloat16()
    out = torch.full((QUERIES, SIZE), torch.nan)
    summed(address(weights), address(values), address(slots), count, address(out))
    wanted = weights[:, :count].double() @ values[slots].double()
    torch.testing.assert_close(out.double(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("native", WAYS)
def test_numbers_are_rounded_as_pytorch_rounds_them(native: bool) -> None:
    """In place, each before its room is needed."""
    narrow: Callable[..., None] = to_halves(native)

    @compiled
    def rounded(values: int, vectors: int) -> None:
        narrow(values, vectors)

    ties = torch.from_numpy(np.arange(64, dtype=np.int32) * 0x4000 + 0x3F800000)
    values = torch.cat((ties.view(torch.float32), numbers(64, seed=1)))
    wanted = values.bfloat16()
    rounded(values.data_ptr(), len(values) // 16)
    assert torch.equal(values.view(torch.bfloat16)[: len(wanted)], wanted)


def test_the_instruction_is_left_alone_where_numba_may_not_use_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NUMBA_CPU_NAME=generic: the compiler would end the whole process."""
    monkeypatch.setattr(config, "CPU_NAME", "generic")
    assert not multiplies_pairs()
