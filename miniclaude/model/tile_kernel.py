"""The innermost loop of every product with packed weights: one tile times one or eight tokens.

It is built instruction by instruction, since it decides how fast everything is. What it computes,
for the tile's sixteen output rows at once, in the sixteen lanes of a register:

    for each group of 64 columns:
        sum = start                                  # takes back the offset of the stored codes
        for every 4 columns:
            sum += dot(weights' 16 x 4 bytes, activations' 4 bytes)      # in whole numbers, exact
        result += sum * activation scale [* weight scales, in 4 bits]
    result *= weight scales, in 8 bits

On processors with AVX-512 VNNI, `dot` is a single instruction (VPDPBUSD). `tile_kernel_avx2.py` is
for those with AVX2; on others the compiler makes what it can of the definition of `dot`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config

from miniclaude.model.compile import FLOAT, INT32, INT64, instruction, known_function
from miniclaude.model.packed import GROUP, LANES, Bits
from miniclaude.model.tile_code import AHEAD, VECTOR, Arguments, Code, variables
from miniclaude.model.tile_kernel_avx2 import write_avx2_kernel

Instructions = Literal["vnni", "avx2", "any"]

INTS, FLOATS = ir.VectorType(INT32, LANES), ir.VectorType(FLOAT, LANES)
WORDS = ir.VectorType(ir.IntType(16), LANES)

ABREAST = 2
"""Registers of codes that a group's innermost loop takes at a time. Where all of them are written
out, the compiler sums up six tokens first and then the other two, which wait for each other."""


def best_instructions() -> Instructions:
    """What this processor multiplies bytes with fastest. Where Numba was told to compile for
    another one, nothing is taken for granted."""
    if any(getattr(config, name, None) is not None for name in ("CPU_NAME", "CPU_FEATURES")):
        return "any"
    features = binding.get_host_cpu_features()
    if features.get("avx512vnni"):
        return "vnni"
    return "avx2" if features.get("avx2") else "any"


class DotCode(Code):
    """With the dot product of bytes, `native` where the processor has it as one instruction."""

    def __init__(self, builder: Any, native: bool) -> None:
        super().__init__(builder)
        self.native = native

    def dot(self, total: Any, weights: Any, activations: Any) -> Any:
        """total [16] + the sums of four products each: weights unsigned bytes, activations signed
        bytes, both [16] times four in an int32."""
        b = self.builder
        if self.native:
            name = "llvm.x86.avx512.vpdpbusd.512"
            return b.call(known_function(b, name, INTS, [INTS] * 3), [total, weights, activations])
        for byte in range(4):
            shift = ir.Constant(INTS, [24 - 8 * byte] * LANES)
            left = b.lshr(b.shl(weights, shift), ir.Constant(INTS, [24] * LANES))
            right = b.ashr(b.shl(activations, shift), ir.Constant(INTS, [24] * LANES))
            total = b.add(total, b.mul(left, right))
        return total

    def multiply_add(self, left: Any, right: Any, total: Any) -> Any:
        """left · right + total, rounded once."""
        function = known_function(self.builder, "llvm.fma.v16f32", FLOATS, [FLOATS] * 3)
        return self.builder.call(function, [left, right, total])


def tile_kernel(
    bits: Bits, tokens: int, instructions: Instructions | None = None
) -> Callable[..., None]:
    """The kernel for weights of so many bits and exactly so many tokens; see `Arguments`.

    instructions: None is the best that this processor has.
    """
    chosen = instructions or best_instructions()

    @instruction
    def kernel(
        typing: Any,
        codes: Any,
        scales: Any,
        groups: Any,
        x: Any,
        x_stride: Any,
        x_scales: Any,
        starts: Any,
        group_stride: Any,
        out: Any,
        out_stride: Any,
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            given = Arguments(*arguments)
            if chosen == "avx2":
                write_avx2_kernel(builder, given, bits, tokens)
            else:
                write_kernel(DotCode(builder, chosen == "vnni"), given, bits, tokens)
            return context.get_dummy_value()

        return types.void(*[types.int64] * len(Arguments._fields)), build

    return kernel


def write_kernel(code: DotCode, a: Arguments, bits: Bits, tokens: int) -> None:
    """The instructions, as the module's docstring says."""
    b = code.builder

    def number(value: int) -> Any:
        return ir.Constant(INT64, value)

    vectors = GROUP * LANES * bits // 8 // VECTOR  # registers full of codes in a group
    results = [
        cgutils.alloca_once(b, FLOATS)  # type: ignore[no-untyped-call]
        for _ in range(tokens)
    ]
    for result in results:
        b.store(ir.Constant(FLOATS, [0.0] * LANES), result)
    with cgutils.for_range(b, a.groups) as loop:
        codes = b.add(a.codes, b.mul(loop.index, number(vectors * VECTOR)))
        x = b.add(a.x, b.mul(loop.index, number(GROUP)))
        rows = [b.add(x, b.mul(a.x_stride, number(token))) for token in range(tokens)]
        at = b.mul(loop.index, number(4))
        places = [b.add(at, b.mul(a.group_stride, number(token))) for token in range(tokens)]
        sums = [
            code.everywhere(code.load(b.add(a.starts, place), INT32, 4), INTS) for place in places
        ]
        kept = variables(b, sums)
        with cgutils.for_range(b, number(vectors // ABREAST)) as registers:
            sums = [b.load(total) for total in kept]
            for place in range(ABREAST):
                register = b.add(b.mul(registers.index, number(ABREAST)), number(place))
                sums = _with_register(code, bits, codes, rows, register, sums)
            for value, total in zip(sums, kept, strict=True):
                b.store(value, total)
        sums = [b.load(total) for total in kept]
        if bits == 4:
            half = code.load(b.add(a.scales, b.mul(loop.index, number(2 * LANES))), WORDS, 32)
            wide = b.shl(b.zext(half, INTS), ir.Constant(INTS, [16] * LANES))
            group_scales = b.bitcast(wide, FLOATS)  # bfloat16 is float32's upper half
        for token, place in enumerate(places):
            scale = code.everywhere(code.load(b.add(a.x_scales, place), FLOAT, 4), FLOATS)
            if bits == 4:
                scale = b.fmul(scale, group_scales)
            total = b.load(results[token])
            product = code.multiply_add(b.sitofp(sums[token], FLOATS), scale, total)
            b.store(product, results[token])
    for token, result in enumerate(results):
        value = b.load(result)
        if bits == 8:
            value = b.fmul(value, code.load(a.scales, FLOATS, VECTOR))
        address = b.add(a.out, b.mul(a.out_stride, number(token)))
        b.store(value, b.inttoptr(address, ir.PointerType(FLOATS))).align = 4


def _with_register(
    code: DotCode, bits: Bits, codes: Any, rows: list[Any], register: Any, sums: list[Any]
) -> list[Any]:
    """The tokens' sums [16] and what one register of a group's codes adds to them. rows: the
    tokens' activations of the group."""
    b, sums = code.builder, list(sums)
    address = b.add(codes, b.mul(register, ir.Constant(INT64, VECTOR)))
    code.prefetch(b.add(address, ir.Constant(INT64, AHEAD)))
    column = b.mul(register, ir.Constant(INT64, 32 // bits))
    for place, weights in enumerate(unpacked(code, code.load(address, INTS, VECTOR), bits)):
        at = b.add(column, ir.Constant(INT64, 4 * place))
        for token, row in enumerate(rows):
            four = code.load(b.add(row, at), INT32, 4)
            sums[token] = code.dot(sums[token], weights, code.everywhere(four, INTS))
    return sums


def unpacked(code: Code, codes: Any, bits: Bits) -> list[Any]:
    """A register of stored codes as bytes: one register of them, in 4 bits two."""
    if bits == 8:
        return [codes]
    b, low = code.builder, ir.Constant(INTS, [0x0F0F0F0F] * LANES)
    return [b.and_(codes, low), b.and_(b.lshr(codes, ir.Constant(INTS, [4] * LANES)), low)]
