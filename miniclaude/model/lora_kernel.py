"""The innermost loop of adapters beside packed weights: float activations times a tile of int8.

A matrix [N, J] lies in tiles of sixteen of its rows: sixteen float32 scales, then for each of the J
columns the sixteen rows' codes. Each lane of a vector register is one row, as in `tile_kernel.py`:

    for each column:
        sum += column's activation * sixteen codes          # float32
    out += sum * scales

An adapter's A and B have too few columns or rows for whole groups of 64, and their products are a
small part of a step: activations stay as they are here, not rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from miniclaude.model.attention_kernel import FLOATS, INTS, LANES, load, multiply_add, number
from miniclaude.model.compile import FLOAT, INT8, instruction
from miniclaude.model.tile_code import AHEAD, Code

CODES = ir.VectorType(INT8, LANES)

SCALE_BYTES = 4 * LANES

CHAINS = 4
"""Sums of a row that are kept apart, so that none waits for the one before. They are the same for
one row as for several: a token's result does not depend on who is computed with it."""


def lora_kernel(rows: int) -> Callable[..., Any]:
    """The kernel for so many rows of activations at once.

    Its arguments are whole numbers: x, the address of float32 activations, `x_stride` bytes a row;
    columns, J; tile, the address of a tile; out, that of sixteen float32 a row, to which the
    products are added, `out_stride` bytes from one row to the next.
    """

    @instruction
    def kernel(
        typing: Any,
        x: Any,
        x_stride: Any,
        columns: Any,
        tile: Any,
        out: Any,
        out_stride: Any,
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write_kernel(builder, rows, *arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 6), build

    return kernel


def write_kernel(
    b: Any, rows: int, x: Any, x_stride: Any, columns: Any, tile: Any, out: Any, out_stride: Any
) -> None:
    """The instructions, as the module's docstring says."""
    code = Code(b)
    places = [b.add(x, b.mul(x_stride, number(row))) for row in range(rows)]
    sums = [
        [cgutils.alloca_once(b, FLOATS) for _ in range(CHAINS)]  # type: ignore[no-untyped-call]
        for _ in range(rows)
    ]
    for chains in sums:
        for total in chains:
            b.store(ir.Constant(FLOATS, [0.0] * LANES), total)
    codes = b.add(tile, number(SCALE_BYTES))

    def add_column(column: Any, chain: int) -> None:
        sixteen = load(b, b.add(codes, b.mul(column, number(LANES))), CODES, 1)
        weights = b.sitofp(b.sext(sixteen, INTS), FLOATS)
        for place, chains in zip(places, sums, strict=True):
            one = load(b, b.add(place, b.mul(column, number(4))), FLOAT, 4)
            total = chains[chain]
            b.store(multiply_add(b, code.everywhere(one, FLOATS), weights, b.load(total)), total)

    whole = b.sdiv(columns, number(CHAINS))
    with cgutils.for_range(b, whole) as loop:
        column = b.mul(loop.index, number(CHAINS))
        code.prefetch(b.add(codes, b.add(b.mul(column, number(LANES)), number(AHEAD))))
        for chain in range(CHAINS):
            add_column(b.add(column, number(chain)), chain)
    done = b.mul(whole, number(CHAINS))
    with cgutils.for_range(b, b.sub(columns, done)) as loop:
        add_column(b.add(done, loop.index), 0)
    scales = load(b, tile, FLOATS, 4)
    for row, chains in enumerate(sums):
        first, second, third, fourth = (b.load(total) for total in chains)
        result = b.fadd(b.fadd(first, second), b.fadd(third, fourth))
        address = b.add(out, b.mul(out_stride, number(row)))
        before = load(b, address, FLOATS, 4)
        after = multiply_add(b, result, scales, before)
        b.store(after, b.inttoptr(address, ir.PointerType(FLOATS))).align = 4
