"""What the kernels of `tile_kernel.py` are written with, and what they are called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from miniclaude.model.compile import INT8, INT32, known_function

VECTOR = 64
"""Bytes of codes that lie together: 4 columns of a tile, in 4 bits 8."""

AHEAD = 4096
"""How many bytes before their use weights are asked for from memory. Alone, the processor's own
prefetching stops at every page, and reads at three quarters of the speed."""

TO_READ, SECOND_CACHE, DATA = 0, 2, 1
"""What the compiler's prefetch is told. The second cache waits for more lines at once than the
first, and hands them on in time: a token alone is a tenth faster than by asking for the first."""


class Code:
    """What the kernels say more than once. builder: where the instructions go."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def load(self, address: Any, kind: Any, align: int) -> Any:
        """What lies at an address."""
        value = self.builder.load(self.builder.inttoptr(address, ir.PointerType(kind)))
        value.align = align
        return value

    def everywhere(self, value: Any, kind: Any) -> Any:
        """A vector with one number in every lane."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(INT32, 0))
        places = ir.Constant(ir.VectorType(INT32, kind.count), [0] * kind.count)
        return self.builder.shuffle_vector(first, nothing, places)

    def prefetch(self, address: Any) -> None:
        """Ask for a cache line; reading beyond the end of memory is no fault here."""
        place = self.builder.inttoptr(address, ir.PointerType(INT8))
        numbers = [ir.Constant(INT32, number) for number in (TO_READ, SECOND_CACHE, DATA)]
        kinds = [ir.PointerType(INT8), INT32, INT32, INT32]
        self.builder.call(
            known_function(self.builder, "llvm.prefetch.p0i8", ir.VoidType(), kinds),
            [place, *numbers],
        )


class Arguments(NamedTuple):
    """What a kernel is called with; all whole numbers, most of them addresses.

    codes, scales: the tile's. groups: how many. x: activations in 8 bits (16 where
    `tile_kernel_avx2.takes_wide` says so), `x_stride` bytes a token.
    x_scales: float32 a group; starts: int32 a group, what takes back the codes' offset (see
    `Rounded`); both `group_stride` bytes a token. out: 16 float32 a token, `out_stride` bytes from
    one to the next.
    """

    codes: Any
    scales: Any
    groups: Any
    x: Any
    x_stride: Any
    x_scales: Any
    starts: Any
    group_stride: Any
    out: Any
    out_stride: Any


def variables(builder: Any, values: Sequence[Any]) -> list[Any]:
    """Variables that begin with these values, for what a loop changes."""
    places = []
    for value in values:
        place = cgutils.alloca_once(builder, value.type)  # type: ignore[no-untyped-call]
        builder.store(value, place)
        places.append(place)
    return places
