"""Products of pairs of bfloat16 numbers: what the kernels of `attention_pairs.py` are written with.

On processors with AVX-512 BF16, two products in each of sixteen lanes are one instruction
(VDPBF16PS); where `native` is false they are made by its definition, which takes four times as
long and is there to be compared with.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import config

from miniclaude.model.attention_kernel import FLOATS, INTS, LANES, load, multiply_add
from miniclaude.model.compile import INT32, known_function


class BFloat16(ir.Type):  # type: ignore[misc]
    """The compiler's type, for which llvmlite has no word."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat16)

    def __hash__(self) -> int:
        return hash(BFloat16)


HALVES = ir.VectorType(ir.IntType(16), LANES)
BFLOATS, PAIRS = (ir.VectorType(BFloat16(), count) for count in (LANES, 2 * LANES))


def multiplies_pairs() -> bool:
    """Whether this processor has the instruction, and Numba was not told to compile for another."""
    if any(getattr(config, name, None) is not None for name in ("CPU_NAME", "CPU_FEATURES")):
        return False
    return bool(binding.get_host_cpu_features().get("avx512bf16"))


NATIVE = multiplies_pairs()


def pair_dot(b: Any, total: Any, left: Any, right: Any, native: bool) -> Any:
    """total [16] float32 + the sums of two products each; left and right: two bfloat16 numbers in
    each of 16 lanes."""
    if native:
        name, kinds = "llvm.x86.avx512bf16.dpbf16ps.512", [FLOATS, PAIRS, PAIRS]
        dot = known_function(b, name, FLOATS, kinds)
        return b.call(dot, [total, b.bitcast(left, PAIRS), b.bitcast(right, PAIRS)])
    sixteen, upper = (ir.Constant(INTS, [value] * LANES) for value in (16, 0xFFFF0000))
    low = [b.bitcast(b.shl(side, sixteen), FLOATS) for side in (left, right)]
    high = [b.bitcast(b.and_(side, upper), FLOATS) for side in (left, right)]
    return multiply_add(b, high[0], high[1], multiply_add(b, low[0], low[1], total))


def halves_of(b: Any, values: Any, native: bool) -> Any:
    """[16] float32 as bfloat16, rounded to nearest, ties to even."""
    if native:
        name = "llvm.x86.avx512bf16.cvtneps2bf16.512"
        return b.bitcast(b.call(known_function(b, name, BFLOATS, [FLOATS]), [values]), HALVES)
    bits, sixteen = b.bitcast(values, INTS), ir.Constant(INTS, [16] * LANES)
    odd = b.and_(b.lshr(bits, sixteen), ir.Constant(INTS, [1] * LANES))
    up = b.add(bits, b.add(odd, ir.Constant(INTS, [0x7FFF] * LANES)))
    return b.trunc(b.lshr(up, sixteen), HALVES)


def store_halves(b: Any, values: Any, address: Any, native: bool) -> None:
    """Put sixteen float32 to an address as bfloat16."""
    b.store(halves_of(b, values, native), b.inttoptr(address, ir.PointerType(HALVES))).align = 2


def pair_everywhere(b: Any, address: Any) -> Any:
    """The two bfloat16 numbers at an address in every lane."""
    nothing = ir.Constant(INTS, ir.Undefined)
    lane = b.insert_element(nothing, load(b, address, INT32, 2), ir.Constant(INT32, 0))
    return b.shuffle_vector(lane, nothing, ir.Constant(INTS, [0] * LANES))
