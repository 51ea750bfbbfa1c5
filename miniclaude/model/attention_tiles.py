"""The inner loops of attention of several queries at once; keys and values in bfloat16 or 8 bits.

Tokens of one prompt, and heads that share their keys, look at the same rows. Sixteen keys are
turned first, so that a register holds one dimension of all of them: then products with a query need
no sums across lanes, and all of them use what was loaded once. Built instruction by instruction,
like `attention_kernel.py`, which computes the same for a single query; the plain loops are in
`fused_attention.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from miniclaude.model.attention_kernel import (
    FLOATS,
    HALVES_AT_ONCE,
    INTS,
    LANES,
    STEP,
    WIDE,
    WOVEN,
    load,
    load_bytes,
    load_numbers,
    multiply_add,
    number,
    row_address,
    scale_of,
)
from miniclaude.model.compile import FLOAT, INT32, instruction
from miniclaude.model.tile_code import variables

QUERIES = 8
"""Queries of a group, which use a loaded row together, by products of pairs."""

AT_ONCE = QUERIES if WIDE else QUERIES // 2
"""The same by the kernels here: as many sums in float32 fit into registers."""


def everywhere(builder: Any, address: Any) -> Any:
    """The float32 at an address in every lane."""
    return in_every_lane(builder, load(builder, address, FLOAT, 4))


def in_every_lane(builder: Any, value: Any) -> Any:
    """A float32 sixteen times."""
    nothing = ir.Constant(FLOATS, ir.Undefined)
    lane = builder.insert_element(nothing, value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(lane, nothing, ir.Constant(INTS, [0] * LANES))


def store(builder: Any, value: Any, address: Any) -> None:
    """Put sixteen float32 to an address."""
    builder.store(value, builder.inttoptr(address, ir.PointerType(FLOATS))).align = 4


def turned(builder: Any, rows: list[Any]) -> list[Any]:
    """[16] rows of 16 lanes -> the sixteen columns. Squares of lanes are swapped across the
    diagonal: of eight, of four, of two, and single ones."""
    rows = list(rows)
    for side in (8, 4, 2, 1):
        for row in range(LANES):
            if row & side:
                continue
            one, other = rows[row], rows[row + side]
            upper = [lane if not lane & side else LANES + lane - side for lane in range(LANES)]
            lower = [lane + side if not lane & side else LANES + lane for lane in range(LANES)]
            rows[row] = builder.shuffle_vector(one, other, ir.Constant(INTS, upper))
            rows[row + side] = builder.shuffle_vector(one, other, ir.Constant(INTS, lower))
    return rows


@instruction
def turn_keys(
    typing: Any,
    keys: Any,
    row_bytes: Any,
    slots: Any,
    first: Any,
    last: Any,
    steps: Any,
    out: Any,
) -> Any:
    """out [D, 16] float32 = the keys `first` to `first + 15`, those beyond `last` replaced by it.
    All whole numbers: keys, slots and out are addresses, steps is D over 32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        keys, row_bytes, slots, first, last, steps, out = arguments
        rows = []
        for lane in range(LANES):
            index = b.add(first, number(lane))
            index = b.select(b.icmp_signed("<", index, last), index, last)
            rows.append(row_address(b, keys, slots, index, row_bytes))
        with cgutils.for_range(b, steps) as loop:
            at = b.mul(loop.index, number(2 * STEP))
            pairs = turned(b, [load(b, b.add(row, at), INTS, 2) for row in rows])
            place = b.add(out, b.mul(loop.index, number(4 * LANES * STEP)))
            for pair, both in enumerate(pairs):  # two dimensions each, the even one below
                low = b.shl(both, ir.Constant(INTS, [16] * LANES))
                high = b.and_(both, ir.Constant(INTS, [0xFFFF0000] * LANES))
                for half, value in enumerate((low, high)):
                    address = b.add(place, number(4 * LANES * (2 * pair + half)))
                    store(b, b.bitcast(value, FLOATS), address)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), build


@instruction
def turn_byte_keys(
    typing: Any,
    keys: Any,
    row_bytes: Any,
    slots: Any,
    first: Any,
    last: Any,
    steps: Any,
    out: Any,
) -> Any:
    """The same of keys in 8 bits, as `kv_rows.py` has them."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        keys, row_bytes, slots, first, last, steps, out = arguments
        rows, scales = [], []
        for lane in range(LANES):
            index = b.add(first, number(lane))
            index = b.select(b.icmp_signed("<", index, last), index, last)
            rows.append(row_address(b, keys, slots, index, row_bytes))
            scales.append(in_every_lane(b, scale_of(b, rows[-1], steps)))
        with cgutils.for_range(b, steps) as loop:
            at = b.mul(loop.index, number(STEP))
            place = b.add(out, b.mul(loop.index, number(4 * LANES * STEP)))
            both = [load_bytes(b, b.add(row, at)) for row in rows]
            for half in (0, 1):  # even dimensions, then odd ones
                scaled = [b.fmul(pair[half], s) for pair, s in zip(both, scales, strict=True)]
                for pair, value in enumerate(turned(b, scaled)):
                    store(b, value, b.add(place, number(4 * LANES * (2 * pair + half))))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), build


@instruction
def turned_dots(
    typing: Any, queries: Any, query_bytes: Any, keys: Any, size: Any, out: Any, out_bytes: Any
) -> Any:
    """out [AT_ONCE, 16] float32 = the products of as many queries with sixteen keys as `turn_keys`
    left them. All whole numbers: queries, keys and out are addresses, size is D; query_bytes and
    out_bytes are from one query to the next."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        queries, query_bytes, keys, size, out, out_bytes = arguments
        rows = [b.add(queries, b.mul(query_bytes, number(query))) for query in range(AT_ONCE)]
        sums = variables(b, [ir.Constant(FLOATS, [0.0] * LANES)] * AT_ONCE)
        with cgutils.for_range(b, size) as loop:
            key = load(b, b.add(keys, b.mul(loop.index, number(4 * LANES))), FLOATS, 4)
            at = b.mul(loop.index, number(4))
            for row, total in zip(rows, sums, strict=True):
                b.store(multiply_add(b, everywhere(b, b.add(row, at)), key, b.load(total)), total)
        for query, total in enumerate(sums):
            store(b, b.load(total), b.add(out, b.mul(out_bytes, number(query))))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), build


@instruction
def weighted_sums(
    typing: Any,
    weights: Any,
    weight_bytes: Any,
    values: Any,
    row_bytes: Any,
    slots: Any,
    count: Any,
    steps: Any,
    out: Any,
    out_bytes: Any,
) -> Any:
    """out [AT_ONCE, D] float32 = for each of as many queries the sum of `count` rows of values,
    each times its weight. All whole numbers: weights, values, slots and out are addresses, steps is
    D over 32; weight_bytes and out_bytes are from one query to the next."""

    return types.void(*[types.int64] * 9), _sums(eight=False)


@instruction
def weighted_byte_sums(
    typing: Any,
    weights: Any,
    weight_bytes: Any,
    values: Any,
    row_bytes: Any,
    slots: Any,
    count: Any,
    steps: Any,
    out: Any,
    out_bytes: Any,
) -> Any:
    """The same of values in 8 bits."""
    return types.void(*[types.int64] * 9), _sums(eight=True)


def _sums(*, eight: bool) -> Any:
    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        weights, weight_bytes, values, row_bytes, slots, count, steps, out, out_bytes = arguments
        rows = [b.add(weights, b.mul(weight_bytes, number(query))) for query in range(AT_ONCE)]
        sums = [
            [cgutils.alloca_once(b, FLOATS) for _ in WOVEN]  # type: ignore[no-untyped-call]
            for _ in range(AT_ONCE)
        ]
        with cgutils.for_range(b, steps) as column:
            at = b.mul(column.index, number(STEP if eight else 2 * STEP))
            for pair in sums:
                for total in pair:
                    b.store(ir.Constant(FLOATS, [0.0] * LANES), total)
            for halves in HALVES_AT_ONCE:
                with cgutils.for_range(b, count) as loop:
                    value = row_address(b, values, slots, loop.index, row_bytes)
                    numbers = load_numbers(b, b.add(value, at), eight=eight)
                    if eight:
                        scale = in_every_lane(b, scale_of(b, value, steps))
                        numbers = (b.fmul(numbers[0], scale), b.fmul(numbers[1], scale))
                    place = b.mul(loop.index, number(4))
                    for row, pair in zip(rows, sums, strict=True):
                        weight = everywhere(b, b.add(row, place))
                        for half in halves:
                            total = multiply_add(b, weight, numbers[half], b.load(pair[half]))
                            b.store(total, pair[half])
            for query, pair in enumerate(sums):
                even, odd = (b.load(total) for total in pair)
                place = b.add(out, b.mul(out_bytes, number(query)))
                place = b.add(place, b.mul(column.index, number(4 * STEP)))
                for part, mask in enumerate(WOVEN):
                    address = b.add(place, number(4 * LANES * part))
                    store(b, b.shuffle_vector(even, odd, mask), address)
        return context.get_dummy_value()

    return build
