"""The same loop as `tile_kernel.py` on processors with AVX2 but without the dot product of bytes.

They multiply unsigned bytes by signed ones and add neighbours (VPMADDUBSW) into 16 bits:

- in 4 bits a stored code is 0 to 15, so two products are at most 15 * 127 * 2 = 3,810. Sixteen such
  sums, of a group's 32 columns that come to the same 16 bits, do not fit; but sums that begin with
  what takes back the offset of 8 end at 32 * 8 * 127 = 32,512 at most, which does, and it does not
  matter what is lost and regained in between. They are widened to 32 bits (VPMADDWD by ones) once a
  group.
- in 8 bits a stored code of up to 255 would overflow. For one token the size of the true code (at
  most 127) is multiplied by the activation with the code's sign (VPSIGNB) instead, at most
  127 * 127 * 2 = 32,258, and widened at once. For several tokens codes are widened to 16 bits once
  for all of them, even and odd columns apart, and activations come as 16 bits in that order
  (columns 0, 2, 1, 3 of each four): a third fewer of the instructions that there are two units for.

A register holds eight of the tile's rows, so a tile is passed twice; but for one token, which waits
for memory, both halves of a group follow each other.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from miniclaude.model.compile import FLOAT, INT8, INT32, INT64, known_function
from miniclaude.model.packed import GROUP, LANES, Bits
from miniclaude.model.tile_code import AHEAD, VECTOR, Arguments, Code, variables

HALF = LANES // 2
INT16 = ir.IntType(16)
INTS, FLOATS = ir.VectorType(INT32, HALF), ir.VectorType(FLOAT, HALF)
BYTES, SHORTS = ir.VectorType(INT8, 4 * HALF), ir.VectorType(INT16, 2 * HALF)
SCALES = ir.VectorType(INT16, HALF)

ONES = ir.Constant(SHORTS, [1] * 2 * HALF)


def takes_wide(bits: Bits, tokens: int) -> bool:
    """Whether this kernel's activations have 16 bits."""
    return bits == 8 and tokens > 1


class Avx2Code(Code):
    """The instructions by name. All vectors have 32 bytes."""

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """One instruction."""
        kinds = [argument.type for argument in arguments]
        return self.builder.call(known_function(self.builder, name, result, kinds), arguments)

    def products(self, unsigned: Any, signed: Any) -> Any:
        """Bytes times bytes, neighbours added: [16] numbers of 16 bits."""
        return self.call("llvm.x86.avx2.pmadd.ub.sw", SHORTS, unsigned, signed)

    def with_sign(self, values: Any, signs: Any) -> Any:
        """Bytes, negated where `signs` is negative, 0 where it is 0."""
        return self.call("llvm.x86.avx2.psign.b", BYTES, values, signs)

    def size(self, values: Any) -> Any:
        """Bytes without their sign."""
        no = ir.Constant(ir.IntType(1), 0)
        return self.call("llvm.abs.v32i8", BYTES, values, no)

    def widened(self, left: Any, right: Any) -> Any:
        """Numbers of 16 bits times such, neighbours added: [8] whole numbers."""
        return self.call("llvm.x86.avx2.pmadd.wd", INTS, left, right)

    def two(self, address: Any) -> Any:
        """Two activations of 16 bits, in all lanes."""
        return self.builder.bitcast(self.everywhere(self.load(address, INT32, 4), INTS), SHORTS)

    def four(self, address: Any) -> Any:
        """Four activations, in all lanes."""
        whole = self.load(address, INT32, 4)
        return self.builder.bitcast(self.everywhere(whole, INTS), BYTES)


def write_avx2_kernel(builder: Any, a: Arguments, bits: Bits, tokens: int) -> None:
    """The instructions, as the module's docstring says."""
    code, b = Avx2Code(builder), builder

    def number(value: int) -> Any:
        return ir.Constant(INT64, value)

    group_bytes = GROUP * LANES * bits // 8
    vectors = group_bytes // VECTOR  # of 64 bytes
    x_bytes = 2 * GROUP if takes_wide(bits, tokens) else GROUP

    def ask_for(group: Any, first: Any, step: int) -> None:
        """A group's lines from number `first` on, every `step`th of them, from memory."""
        begin = b.add(a.codes, b.mul(group, number(group_bytes)))
        begin = b.add(begin, b.mul(first, number(VECTOR)))
        for vector in range(0, vectors, step):
            code.prefetch(b.add(begin, number(vector * VECTOR + AHEAD)))

    def add_group(half: Any, group: Any, results: list[Any]) -> None:
        """One half's sums of one group, to the results."""
        first = b.add(a.codes, b.mul(group, number(group_bytes)))
        first = b.add(first, b.mul(half, number(VECTOR // 2)))
        x = b.add(a.x, b.mul(group, number(x_bytes)))
        rows = [b.add(x, b.mul(a.x_stride, number(token))) for token in range(tokens)]
        at = b.mul(group, number(4))
        places = [b.add(at, b.mul(a.group_stride, number(token))) for token in range(tokens)]
        starts = [
            code.everywhere(code.load(b.add(a.starts, place), INT32, 4), INTS) for place in places
        ]
        if bits == 8 and tokens == 1:
            sums = [_sums_of_one_token(code, first, rows[0], vectors)]
        elif bits == 8:
            sums = _sums_of_8_bits(code, first, rows, vectors, starts)
        else:
            sums = _sums_of_4_bits(code, first, rows, vectors, starts)
            scales_at = b.add(a.scales, b.mul(group, number(2 * LANES)))
            short = code.load(b.add(scales_at, b.mul(half, number(2 * HALF))), SCALES, 16)
            wide = b.shl(b.zext(short, INTS), ir.Constant(INTS, [16] * HALF))
            group_scales = b.bitcast(wide, FLOATS)  # bfloat16 is float32's upper half
        for result, total, place in zip(results, sums, places, strict=True):
            scale = code.everywhere(code.load(b.add(a.x_scales, place), FLOAT, 4), FLOATS)
            if bits == 4:
                scale = b.fmul(scale, group_scales)
            factors = b.sitofp(total, FLOATS), scale, b.load(result)
            b.store(code.call("llvm.fma.v8f32", FLOATS, *factors), result)

    def finish(half: Any, results: list[Any]) -> None:
        """The results, to where they belong."""
        for token, result in enumerate(results):
            value = b.load(result)
            if bits == 8:
                scales_at = b.add(a.scales, b.mul(half, number(4 * HALF)))
                value = b.fmul(value, code.load(scales_at, FLOATS, 32))
            address = b.add(a.out, b.mul(a.out_stride, number(token)))
            address = b.add(address, b.mul(half, number(4 * HALF)))
            b.store(value, b.inttoptr(address, ir.PointerType(FLOATS))).align = 4

    nothing = [ir.Constant(FLOATS, [0.0] * HALF)] * tokens
    if tokens == 1:
        both = [variables(b, nothing) for _ in range(2)]
        with cgutils.for_range(b, a.groups) as loop:
            ask_for(loop.index, number(0), 1)
            for half, results in enumerate(both):
                add_group(number(half), loop.index, results)
        for half, results in enumerate(both):
            finish(number(half), results)
        return
    with cgutils.for_range(b, number(2)) as halves:
        results = variables(b, nothing)
        with cgutils.for_range(b, a.groups) as loop:
            ask_for(loop.index, halves.index, 2)
            add_group(halves.index, loop.index, results)
        finish(halves.index, results)


def _sums_of_one_token(code: Avx2Code, codes: Any, row: Any, vectors: int) -> Any:
    """Of one group, in 8 bits: [8]. codes: the address of the half's first register; row: that of
    the activations."""
    b = code.builder
    [total] = variables(b, [ir.Constant(INTS, [0] * HALF)])
    offset = ir.Constant(BYTES, [0x80] * 4 * HALF)
    with cgutils.for_range(b, ir.Constant(INT64, vectors)) as loop:
        address = b.add(codes, b.mul(loop.index, ir.Constant(INT64, VECTOR)))
        four = code.four(b.add(row, b.mul(loop.index, ir.Constant(INT64, 4))))
        signed = b.xor(code.load(address, BYTES, VECTOR // 2), offset)
        products = code.products(code.size(signed), code.with_sign(four, signed))
        b.store(b.add(b.load(total), code.widened(products, ONES)), total)
    return b.load(total)


def _sums_of_8_bits(
    code: Avx2Code, codes: Any, rows: list[Any], vectors: int, starts: list[Any]
) -> list[Any]:
    """The same of several tokens, whose activations have 16 bits. starts: what takes back the
    offset of the stored codes."""
    b = code.builder
    sums = variables(b, starts)
    low = ir.Constant(SHORTS, [0xFF] * 2 * HALF)
    with cgutils.for_range(b, ir.Constant(INT64, vectors)) as loop:
        address = b.add(codes, b.mul(loop.index, ir.Constant(INT64, VECTOR)))
        column = b.mul(loop.index, ir.Constant(INT64, 8))
        stored = code.load(address, SHORTS, VECTOR // 2)
        even, odd = b.and_(stored, low), b.lshr(stored, ir.Constant(SHORTS, [8] * 2 * HALF))
        for row, total in zip(rows, sums, strict=True):
            place = b.add(row, column)
            first = code.widened(even, code.two(place))
            second = code.widened(odd, code.two(b.add(place, ir.Constant(INT64, 4))))
            b.store(b.add(b.add(b.load(total), first), second), total)
    return [b.load(total) for total in sums]


def _sums_of_4_bits(
    code: Avx2Code, codes: Any, rows: list[Any], vectors: int, starts: list[Any]
) -> list[Any]:
    """The same; starts: what takes back the offset, in 16 bits for each pair of columns."""
    b = code.builder
    low = ir.Constant(BYTES, [0x0F] * 4 * HALF)
    sums = variables(b, [b.bitcast(start, SHORTS) for start in starts])
    with cgutils.for_range(b, ir.Constant(INT64, vectors)) as loop:
        address = b.add(codes, b.mul(loop.index, ir.Constant(INT64, VECTOR)))
        column = b.mul(loop.index, ir.Constant(INT64, 8))
        pairs = code.load(address, SHORTS, VECTOR // 2)
        upper = b.lshr(pairs, ir.Constant(SHORTS, [4] * 2 * HALF))
        for place, held in enumerate((pairs, upper)):
            weights = b.and_(b.bitcast(held, BYTES), low)
            for row, total in zip(rows, sums, strict=True):
                four = code.four(b.add(row, b.add(column, ir.Constant(INT64, 4 * place))))
                b.store(b.add(b.load(total), code.products(weights, four)), total)
    return [code.widened(b.load(total), ONES) for total in sums]
