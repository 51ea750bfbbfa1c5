"""The innermost loop, once for each set of instructions that this processor has."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from llvmlite import binding
from numba.core import config
from torch import Tensor

from miniclaude.model.compile import compiled
from miniclaude.model.packed import GROUP, LANES, OFFSET, Bits, PackedWeight, pack
from miniclaude.model.rounding import TOGETHER, Rounded, round_row, rounded_buffer
from miniclaude.model.tile_kernel import Instructions, best_instructions, tile_kernel
from miniclaude.model.tile_kernel_avx2 import takes_wide

FEATURES = binding.get_host_cpu_features()
HAS: dict[Instructions, bool] = {
    "vnni": bool(FEATURES.get("avx512vnni")),
    "avx2": bool(FEATURES.get("avx2")),
    "any": True,
}
COLUMNS = 3 * GROUP


def rounded(x: Tensor, bits: Bits) -> Rounded:
    """x [T, C] as the kernels read it."""
    into = rounded_buffer(*x.shape)
    for row, values in enumerate(x):
        round_row(values.numpy(), row, len(x) > 1, OFFSET[bits], into)
    return into


def widened(x: Rounded) -> np.ndarray:
    """The codes as the kernel for AVX2 wants them, on whatever processor this is."""
    fours = x.codes.reshape(len(x.codes), -1, 4)  # [T8, P/4, 4]
    wide = fours[..., [0, 2, 1, 3]].reshape(x.codes.shape).astype(np.int16)  # [T8, P]
    if x.wide.size and len(wide) > 1:
        assert (x.wide == wide).all()
    return wide


def starts_for(x: Rounded, bits: Bits, instructions: Instructions) -> np.ndarray:
    """Where sums start as the kernel wants it, on whatever processor this is: [T8, G]."""
    fours = x.codes.reshape(len(x.codes), -1, GROUP // 4, 2, 2).astype(
        np.int32
    )  # [T8, G, 16, 2, 2]
    sums = -OFFSET[bits] * fours.sum((2, 4), dtype=np.int32)  # [T8, G, 2]
    first, second = sums[..., 0], sums[..., 1]
    whole: np.ndarray = first + second
    pairs: np.ndarray = (second << 16) | (first & 0xFFFF)
    own = pairs if best_instructions() == "avx2" and bits == 4 else whole
    assert (x.starts == own).all()
    return pairs if instructions == "avx2" and bits == 4 else whole


def run(
    kernel: Callable[..., None],
    weight: PackedWeight,
    x: Rounded,
    tokens: int,
    codes: np.ndarray,
    starts: np.ndarray,
) -> Tensor:
    """A tile times so many tokens: [tokens, 16]. codes, starts: those of `x` that the kernel
    reads."""

    @compiled
    def one_tile(a: np.ndarray) -> None:
        kernel(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])

    out = torch.full((tokens, LANES), torch.nan)
    weights = [weight.codes.data_ptr(), weight.scales.data_ptr(), weight.groups]
    activations = [codes.ctypes.data, codes.strides[0], x.scales.ctypes.data]
    sums = [starts.ctypes.data, starts.shape[1] * 4]
    one_tile(np.array([*weights, *activations, *sums, out.data_ptr(), LANES * 4]))
    return out


@pytest.mark.parametrize("instructions", get_args(Instructions))
@pytest.mark.parametrize("tokens", [1, TOGETHER])
@pytest.mark.parametrize("bits", get_args(Bits))
def test_every_set_of_instructions_computes_the_product(
    bits: Bits, tokens: int, instructions: Instructions
) -> None:
    """Random numbers, and the largest there are of either sign: AVX2 adds neighbours in 16 bits,
    where two products of bytes as they are stored would not fit."""
    if not HAS[instructions]:
        pytest.skip(f"this processor has no {instructions}")
    kernel = tile_kernel(bits, tokens, instructions)
    mixed = torch.randn(2, LANES, COLUMNS, generator=torch.Generator().manual_seed(1))
    equal = torch.ones(LANES, COLUMNS)
    lowest = equal.clone()
    lowest[:, ::GROUP] = -1.0  # the largest by size: in 4 bits all others are its opposite
    for weights in (mixed[0], equal, -equal, lowest, -lowest):
        for values in (mixed[1][:tokens], equal[:tokens], -equal[:tokens]):
            packed, x = pack(weights, bits), rounded(values, bits)
            scales = torch.from_numpy(x.scales[:tokens]).repeat_interleave(GROUP, 1)
            exact = torch.from_numpy(x.codes[:tokens]).double() * scales.double()
            wanted = exact @ packed.unpack().double().T
            wide = instructions == "avx2" and takes_wide(bits, tokens)
            codes = widened(x) if wide else x.codes
            got = run(kernel, packed, x, tokens, codes, starts_for(x, bits, instructions))
            assert (got - wanted).abs().max() <= 2e-6 * wanted.abs().max()


def test_instructions_that_numba_may_not_use_are_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NUMBA_CPU_NAME=generic: the compiler ended the whole process."""
    monkeypatch.setattr(config, "CPU_NAME", "generic")
    assert best_instructions() == "any"
