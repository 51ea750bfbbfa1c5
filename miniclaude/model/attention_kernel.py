"""The two inner loops of attention over keys and values in bfloat16 or 8 bits, sixteen at a time.

A query's products with sixteen keys are summed in sixteen registers side by side, and only then
across lanes, all sixteen at once; the values are summed 32 dimensions at a time. Built
instruction by instruction, like `tile_kernel.py`, since the compiler's own vectors take four times
as long; the loops they replace are in `fused_attention.py`, which uses them for heads whose size is
no multiple of 32.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

from miniclaude.model.compile import FLOAT, INT32, INT64, instruction, known_function
from miniclaude.model.tile_kernel import best_instructions

LANES = 16
FLOATS, INTS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)
SHORTS = ir.VectorType(ir.IntType(16), LANES)
EVEN, ODD = (ir.Constant(INTS, list(range(start, 2 * LANES, 2))) for start in (0, 1))
WOVEN = [
    ir.Constant(INTS, [half + lane // 2 + LANES * (lane % 2) for lane in range(LANES)])
    for half in (0, LANES // 2)
]
STEP = 32  # dimensions at a time
ABREAST = 4  # rows of values whose sums are kept apart, so that none waits for the one before

WIDE = best_instructions() != "any" and bool(binding.get_host_cpu_features().get("avx512f"))
"""Whether sixteen numbers are one register, of which there are thirty-two. Else they are two or
more, and fewer sums are made at once, for the others would go to memory and back at each step: a
quarter of the keys; and of values the numbers in even places, then those in odd ones. Each sum is
the same either way."""

KEYS_AT_ONCE = LANES if WIDE else LANES // 4
HALVES_AT_ONCE = [(0, 1)] if WIDE else [(0,), (1,)]


def number(value: int) -> Any:
    """A whole number as the compiler knows it."""
    return ir.Constant(INT64, value)


def load(builder: Any, address: Any, kind: Any, align: int) -> Any:
    """What lies at an address."""
    value = builder.load(builder.inttoptr(address, ir.PointerType(kind)))
    value.align = align
    return value


def load_pairs(builder: Any, address: Any) -> tuple[Any, Any]:
    """32 bfloat16 numbers as float32: those in even places, and those in odd ones. A bfloat16 is
    the upper half of a float32, so one half of each pair is moved up and the other left alone."""
    pairs = load(builder, address, INTS, 2)
    low = builder.shl(pairs, ir.Constant(INTS, [16] * LANES))
    high = builder.and_(pairs, ir.Constant(INTS, [0xFFFF0000] * LANES))
    return builder.bitcast(low, FLOATS), builder.bitcast(high, FLOATS)


def load_bytes(builder: Any, address: Any) -> tuple[Any, Any]:
    """32 signed bytes as float32: those in even places, and those in odd ones."""
    pairs = load(builder, address, SHORTS, 1)
    eight = ir.Constant(SHORTS, [8] * LANES)
    return tuple(
        builder.sitofp(builder.sext(builder.ashr(half, eight), INTS), FLOATS)
        for half in (builder.shl(pairs, eight), pairs)
    )


def load_numbers(builder: Any, address: Any, *, eight: bool) -> tuple[Any, Any]:
    """32 numbers of a row of keys or values, before its scale where it has one."""
    return load_bytes(builder, address) if eight else load_pairs(builder, address)


def scale_of(builder: Any, row: Any, steps: Any) -> Any:
    """The scale at the end of a row of 8 bits."""
    return load(builder, builder.add(row, builder.mul(steps, number(STEP))), FLOAT, 1)


def multiply_add(builder: Any, left: Any, right: Any, total: Any) -> Any:
    """left · right + total, rounded once."""
    function = known_function(builder, "llvm.fma.v16f32", FLOATS, [FLOATS] * 3)
    return builder.call(function, [left, right, total])


def row_address(builder: Any, base: Any, slots: Any, index: Any, row_bytes: Any) -> Any:
    """Where the row lies whose slot is number `index` of `slots`."""
    slot = load(builder, builder.add(slots, builder.mul(index, number(8))), INT64, 8)
    return builder.add(base, builder.mul(slot, row_bytes))


def sums_of_lanes(builder: Any, vectors: list[Any]) -> Any:
    """[16] vectors of 16 -> one vector, lane i the sum of vector i.

    Neighbours are joined in pairs, each half of the result holding sums of two lanes of one of
    them, until one is left.
    """
    width = LANES
    while len(vectors) > 1:
        joined = []
        for first, second in zip(vectors[::2], vectors[1::2], strict=True):
            # Blocks of `width` lanes belong to one of the original vectors; each is halved.
            blocks = LANES // width
            low = [
                source * LANES + block * width + lane
                for block in range(blocks)
                for source in (0, 1)
                for lane in range(width // 2)
            ]
            high = [lane + width // 2 for lane in low]
            parts = [
                builder.shuffle_vector(first, second, ir.Constant(INTS, lanes))
                for lanes in (low, high)
            ]
            joined.append(builder.fadd(*parts))
        vectors, width = joined, width // 2
    return vectors[0]


def lane_order() -> list[int]:
    """Which vector's sum each lane of `sums_of_lanes` holds, found by joining names."""
    vectors, width = [[index] * LANES for index in range(LANES)], LANES
    while len(vectors) > 1:
        joined = []
        for first, second in zip(vectors[::2], vectors[1::2], strict=True):
            lanes = []
            for block in range(LANES // width):
                lanes += first[block * width : block * width + width // 2]
                lanes += second[block * width : block * width + width // 2]
            joined.append(lanes)
        vectors, width = joined, width // 2
    return vectors[0]


@instruction
def sixteen_dots(
    typing: Any,
    query: Any,
    keys: Any,
    row_bytes: Any,
    slots: Any,
    first: Any,
    last: Any,
    steps: Any,
    out: Any,
) -> Any:
    """out [16] float32 = the products of a query with the keys `first` to `first + 15`, those
    beyond `last` replaced by it. All whole numbers: query, keys, slots and out are addresses, steps
    is the
    head's size over 32."""

    return types.void(*[types.int64] * 8), _dots(eight=False)


@instruction
def sixteen_byte_dots(
    typing: Any,
    query: Any,
    keys: Any,
    row_bytes: Any,
    slots: Any,
    first: Any,
    last: Any,
    steps: Any,
    out: Any,
) -> Any:
    """The same of keys in 8 bits, as `kv_rows.py` has them."""
    return types.void(*[types.int64] * 8), _dots(eight=True)


def _dots(*, eight: bool) -> Any:
    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        query, keys, row_bytes, slots, first, last, steps, out = arguments
        rows, sums = [], []
        for lane in range(LANES):
            index = b.add(first, number(lane))
            index = b.select(b.icmp_signed("<", index, last), index, last)
            rows.append(row_address(b, keys, slots, index, row_bytes))
            sums.append(cgutils.alloca_once(b, FLOATS))  # type: ignore[no-untyped-call]
            b.store(ir.Constant(FLOATS, [0.0] * LANES), sums[-1])
        for key in range(0, LANES, KEYS_AT_ONCE):
            with cgutils.for_range(b, steps) as loop:
                place = b.add(query, b.mul(loop.index, number(4 * STEP)))
                first_half = load(b, place, FLOATS, 4)
                second_half = load(b, b.add(place, number(4 * LANES)), FLOATS, 4)
                even, odd = (b.shuffle_vector(first_half, second_half, m) for m in (EVEN, ODD))
                at = b.mul(loop.index, number(STEP if eight else 2 * STEP))
                for lane in range(key, key + KEYS_AT_ONCE):
                    low, high = load_numbers(b, b.add(rows[lane], at), eight=eight)
                    partial = multiply_add(b, even, low, b.load(sums[lane]))
                    b.store(multiply_add(b, odd, high, partial), sums[lane])
        result = sums_of_lanes(b, [b.load(total) for total in sums])
        order = lane_order()
        back = ir.Constant(INTS, [order.index(lane) for lane in range(LANES)])
        result = b.shuffle_vector(result, result, back)
        if eight:
            scales = ir.Constant(FLOATS, ir.Undefined)
            for lane, row in enumerate(rows):
                scale = scale_of(b, row, steps)
                scales = b.insert_element(scales, scale, ir.Constant(INT32, lane))
            result = b.fmul(result, scales)
        b.store(result, b.inttoptr(out, ir.PointerType(FLOATS))).align = 4
        return context.get_dummy_value()

    return build


@instruction
def weighted_sum(
    typing: Any,
    weights: Any,
    values: Any,
    row_bytes: Any,
    slots: Any,
    count: Any,
    steps: Any,
    out: Any,
) -> Any:
    """out [D] float32 = the sum of `count` rows of values, each times its weight; count is a
    multiple of four. All whole numbers: weights, values, slots and out are addresses, steps is D
    over 32."""

    return types.void(*[types.int64] * 7), _sum(eight=False)


@instruction
def weighted_byte_sum(
    typing: Any,
    weights: Any,
    values: Any,
    row_bytes: Any,
    slots: Any,
    count: Any,
    steps: Any,
    out: Any,
) -> Any:
    """The same of values in 8 bits."""
    return types.void(*[types.int64] * 7), _sum(eight=True)


def _sum(*, eight: bool) -> Any:
    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        weights, values, row_bytes, slots, count, steps, out = arguments
        sums = [
            [cgutils.alloca_once(b, FLOATS) for _ in (EVEN, ODD)]  # type: ignore[no-untyped-call]
            for _ in range(ABREAST)
        ]
        with cgutils.for_range(b, steps) as column:
            at = b.mul(column.index, number(STEP if eight else 2 * STEP))
            for pair in sums:
                for total in pair:
                    b.store(ir.Constant(FLOATS, [0.0] * LANES), total)
            for halves in HALVES_AT_ONCE:
                with cgutils.for_range(b, b.sdiv(count, number(ABREAST))) as loop:
                    for offset, pair in enumerate(sums):
                        index = b.add(b.mul(loop.index, number(ABREAST)), number(offset))
                        row = row_address(b, values, slots, index, row_bytes)
                        weight = load(b, b.add(weights, b.mul(index, number(4))), FLOAT, 4)
                        if eight:
                            weight = b.fmul(weight, scale_of(b, row, steps))
                        nothing = ir.Constant(FLOATS, ir.Undefined)
                        lane = b.insert_element(nothing, weight, ir.Constant(INT32, 0))
                        all_lanes = b.shuffle_vector(lane, nothing, ir.Constant(INTS, [0] * LANES))
                        numbers = load_numbers(b, b.add(row, at), eight=eight)
                        for half in halves:
                            total = multiply_add(b, all_lanes, numbers[half], b.load(pair[half]))
                            b.store(total, pair[half])
            even, odd = (
                b.fadd(b.fadd(one, two), b.fadd(three, four))
                for one, two, three, four in (
                    [b.load(pair[which]) for pair in sums] for which in (0, 1)
                )
            )
            place = b.add(out, b.mul(column.index, number(4 * STEP)))
            for part, mask in enumerate(WOVEN):
                address = b.add(place, number(4 * LANES * part))
                result = b.shuffle_vector(even, odd, mask)
                b.store(result, b.inttoptr(address, ir.PointerType(FLOATS))).align = 4
        return context.get_dummy_value()

    return build
