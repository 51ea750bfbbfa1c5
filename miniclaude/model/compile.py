"""Python functions as machine code, by Numba, and the few instructions that Python has no word for.

Compiled code is kept beside the sources (`__pycache__`), or in the user's cache folder where that
cannot be written; where neither can, it is compiled anew in each process.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from llvmlite import ir


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Importing the module fails meanwhile, unless it is there already."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    if name in modules:
        yield
        return
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]


with hidden("scipy"):  # 11 MB, of which Numba would use nothing here
    import numba.np.arraymath  # noqa: F401  # it looks for SciPy, and would at the first call
    from numba import njit, types
    from numba.core import cgutils
    from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

REORDER = {"reassoc", "contract", "arcp", "nsz", "afn"}
"""Sums may be reordered, so that they run in vectors; NaN and infinity keep their meaning."""

INT64, INT32, INT8 = ir.IntType(64), ir.IntType(32), ir.IntType(8)
FLOAT = ir.FloatType()


def compiled(function: Function) -> Function:
    """The function as machine code that runs without the interpreter's lock. It is compiled for
    each combination of argument types when first called with it."""
    options: dict[str, Any] = {"nogil": True, "fastmath": REORDER, "error_model": "numpy"}
    try:
        code = njit(cache=True, **options)(function)
        index = code._cache._cache_file
        index._source_stamp = (index._source_stamp, sources())
    except (RuntimeError, AttributeError):  # no folder to keep it in, or another Numba's cache
        code = njit(**options)(function)
    return cast(Function, code)


def inlined(function: Function) -> Function:
    """The same for a function that only one other calls: it becomes a part of that one, and is not
    compiled by itself, which would take as long again."""
    return cast(Function, njit(inline="always")(function))


@functools.cache
def sources() -> str:
    """A hash of this folder's sources. Numba itself looks only at the file of the function that is
    called, and would go on using what others that it calls were before they were changed."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose body is built instruction by instruction."""
    return cast("Callable[..., Any]", intrinsic(function))


def known_function(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """A function that the compiler or the C library knows by name."""
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]


@instruction
def float_from_bits(typing: Any, bits: Any) -> Any:
    """An int32 read as the float32 that has its bits."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return types.float32(types.int32), build


@instruction
def bits_of_float(typing: Any, number: Any) -> Any:
    """A float32 read as the int32 that has its bits."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], INT32)

    return types.int32(types.float32), build


@instruction
def atomic_add(typing: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address, for all threads at once; what it was before."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.PointerType(INT64))
        return builder.atomic_rmw("add", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), build


@instruction
def yield_processor(typing: Any) -> Any:
    """Let another thread run, if one is waiting for this core."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.call(known_function(builder, "sched_yield", INT32, []), [])
        return context.get_dummy_value()

    return types.void(), build
