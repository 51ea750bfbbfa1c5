"""The inner loops of attention by products of pairs of bfloat16 numbers (`pair_code.py`).

Keys and values are in bfloat16 anyway; queries and weights are rounded to it too, and half of the
work of `attention_tiles.py` is left, which computes the same in float32 and is what other
processors use. Sums are float32.

native: by the processor's instruction, or by its definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from miniclaude.model.attention_kernel import (
    FLOATS,
    INTS,
    LANES,
    STEP,
    load,
    number,
    row_address,
)
from miniclaude.model.attention_tiles import QUERIES, store, turned
from miniclaude.model.compile import INT32, instruction
from miniclaude.model.pair_code import pair_dot, pair_everywhere, store_halves
from miniclaude.model.tile_code import Code, variables

WORDS = ir.VectorType(ir.IntType(16), STEP)
NOTHING = ir.Constant(FLOATS, [0.0] * LANES)

EIGHTS = [eight + place for eight in range(0, STEP, 8) for place in range(4)]
"""The first four of every eight dimensions. Two rows are woven within each 128 bits, which costs
the processor least; a sum then has these dimensions, and another the rest."""


def up_to(b: Any, index: Any, last: Any) -> Any:
    """The index, or `last` where it is beyond."""
    return b.select(b.icmp_signed("<", index, last), index, last)


def lanes(places: Sequence[int]) -> Any:
    """Places of a shuffle."""
    return ir.Constant(ir.VectorType(INT32, len(places)), list(places))


def woven(b: Any, rows: Sequence[Any], at: Any) -> list[Any]:
    """32 dimensions of two rows from `at` on as pairs, [16] of EIGHTS and [16] of the rest."""
    one, other = (load(b, b.add(row, at), WORDS, 2) for row in rows)
    pairs = []
    for half in (0, 4):
        places = [place for d in EIGHTS for place in (d + half, STEP + d + half)]
        pairs.append(b.bitcast(b.shuffle_vector(one, other, lanes(places)), INTS))
    return pairs


def store_unwoven(b: Any, halves: Sequence[Any], address: Any) -> None:
    """Sums of EIGHTS and of the rest, back in their order: 32 float32 to an address."""
    for part in (0, 1):
        fours = [LANES * half + 8 * part + 4 * four for four in (0, 1) for half in (0, 1)]
        places = [four + place for four in fours for place in range(4)]
        joined = b.shuffle_vector(*halves, lanes(places))
        store(b, joined, b.add(address, number(4 * LANES * part)))


def to_halves(native: bool) -> Callable[..., None]:
    """Queries as bfloat16."""

    @instruction
    def narrow(typing: Any, values: Any, vectors: Any) -> Any:
        """So many times sixteen float32 numbers at an address become bfloat16 numbers, behind each
        other from the same address on."""

        def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            values, vectors = arguments
            with cgutils.for_range(b, vectors) as loop:
                value = load(b, b.add(values, b.mul(loop.index, number(4 * LANES))), FLOATS, 4)
                to = b.add(values, b.mul(loop.index, number(2 * LANES)))
                store_halves(b, value, to, native)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), build

    return narrow


@instruction
def turn_pairs(
    typing: Any, keys: Any, row_bytes: Any, slots: Any, first: Any, last: Any, steps: Any, out: Any
) -> Any:
    """out [D / 2, 16] pairs of dimensions = the keys `first` to `first + 15`, those beyond `last`
    replaced by it. All whole numbers: keys, slots and out are addresses, steps is D over 32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        keys, row_bytes, slots, first, last, steps, out = arguments
        places = [up_to(b, b.add(first, number(lane)), last) for lane in range(LANES)]
        rows = [row_address(b, keys, slots, place, row_bytes) for place in places]
        with cgutils.for_range(b, steps) as loop:
            at = b.mul(loop.index, number(2 * STEP))
            place = b.add(out, b.mul(loop.index, number(2 * LANES * STEP)))
            parts = [load(b, b.add(row, at), INTS, 2) for row in rows]
            for pair, both in enumerate(turned(b, parts)):
                store(b, b.bitcast(both, FLOATS), b.add(place, number(4 * LANES * pair)))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), build


def turned_pair_dots(native: bool, count: int = QUERIES) -> Callable[..., None]:
    """The products of so many queries with sixteen keys."""

    @instruction
    def dots(
        typing: Any, queries: Any, query_bytes: Any, keys: Any, pairs: Any, out: Any, out_bytes: Any
    ) -> Any:
        """out [count, 16] float32; queries in bfloat16, keys as `turn_pairs` left them. All whole
        numbers: queries, keys and out are addresses, pairs is D / 2; query_bytes and out_bytes are
        from one query to the next."""

        def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            queries, query_bytes, keys, pairs, out, out_bytes = arguments
            rows = [b.add(queries, b.mul(query_bytes, number(query))) for query in range(count)]
            sums = variables(b, [NOTHING] * count)
            with cgutils.for_range(b, pairs) as loop:
                key = load(b, b.add(keys, b.mul(loop.index, number(4 * LANES))), INTS, 4)
                at = b.mul(loop.index, number(4))
                for row, total in zip(rows, sums, strict=True):
                    query = pair_everywhere(b, b.add(row, at))
                    b.store(pair_dot(b, b.load(total), key, query, native), total)
            for query, total in enumerate(sums):
                store(b, b.load(total), b.add(out, b.mul(out_bytes, number(query))))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 6), build

    return dots


def weighted_pair_sums(native: bool, count: int = QUERIES) -> Callable[..., None]:
    """The sums of values of so many queries."""

    @instruction
    def sums_of_rows(
        typing: Any,
        weights: Any,
        weight_bytes: Any,
        values: Any,
        row_bytes: Any,
        slots: Any,
        size: Any,
        steps: Any,
        out: Any,
        out_bytes: Any,
    ) -> Any:
        """out [count, D] float32 = for each query the sum of `size` rows of values, each times its
        weight in bfloat16; where size is odd there is one more weight, which is 0. All whole
        numbers: weights, values, slots and out are addresses, steps is D over 32; weight_bytes and
        out_bytes are from one query to the next."""

        def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            weights, weight_bytes, values, row_bytes, slots, size, steps, out, out_bytes = arguments
            queries = [b.add(weights, b.mul(weight_bytes, number(i))) for i in range(count)]
            sums = variables(b, [NOTHING] * (2 * count))
            last, one_more = b.sub(size, number(1)), b.add(size, number(1))
            with cgutils.for_range(b, steps) as column:
                at = b.mul(column.index, number(2 * STEP))
                for total in sums:
                    b.store(NOTHING, total)
                with cgutils.for_range(b, b.ashr(one_more, number(1))) as loop:
                    first = b.mul(loop.index, number(2))
                    places = [first, up_to(b, b.add(first, number(1)), last)]
                    rows = [row_address(b, values, slots, i, row_bytes) for i in places]
                    pairs = woven(b, rows, at)
                    place = b.mul(loop.index, number(4))
                    for query, row in enumerate(queries):
                        weight = pair_everywhere(b, b.add(row, place))
                        for half in (0, 1):
                            total = sums[2 * query + half]
                            dot = pair_dot(b, b.load(total), weight, pairs[half], native)
                            b.store(dot, total)
                for query in range(count):
                    place = b.add(out, b.mul(out_bytes, number(query)))
                    place = b.add(place, b.mul(column.index, number(4 * STEP)))
                    store_unwoven(b, [b.load(sums[2 * query + half]) for half in (0, 1)], place)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return sums_of_rows


@instruction
def ask_for(
    typing: Any, rows: Any, row_bytes: Any, slots: Any, first: Any, last: Any, steps: Any
) -> Any:
    """Ask for the rows `first` to `first + 15`, those beyond `last` replaced by it. All whole
    numbers: rows and slots are addresses, steps is D over 32: a row is as many cache lines."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        rows, row_bytes, slots, first, last, steps = arguments
        code = Code(b)
        for lane in range(LANES):
            place = up_to(b, b.add(first, number(lane)), last)
            row = row_address(b, rows, slots, place, row_bytes)
            with cgutils.for_range(b, steps) as loop:
                code.prefetch(b.add(row, b.mul(loop.index, number(2 * STEP))))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), build
