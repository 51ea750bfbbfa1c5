"""Loops over bytes and numbers, compiled to machine code by Numba.

Numba is imported and a function compiled when it is first called: importing it takes half a second,
compiling a second or two. The machine code is kept beside the source, or in the user's cache folder
where that cannot be written, so that the next process finds it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

Taken = ParamSpec("Taken")
Given = TypeVar("Given")


def compiled(function: Callable[Taken, Given]) -> Callable[Taken, Given]:
    """The same function on numbers and NumPy arrays, compiled; it holds no lock while it runs, so
    that threads share the cores. It must call no other function of ours, and mix no signed with
    unsigned numbers: Numba makes floating-point numbers of such sums."""
    made: Callable[Taken, Given] | None = None

    @wraps(function)
    def call(*given: Taken.args, **named: Taken.kwargs) -> Given:
        nonlocal made
        if made is None:
            made = _compile(function)
        return made(*given, **named)

    return call


@contextmanager
def _without_scipy() -> Iterator[None]:
    """SciPy is not found meanwhile, where it is not in use yet: Numba would import it for linear
    algebra, which nothing here does, and that takes half as long as importing Numba."""
    if "scipy" in sys.modules:
        yield
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop("scipy", None)  # another thread may have done so before


def _compile(function: Callable[Taken, Given]) -> Callable[Taken, Given]:
    with _without_scipy():
        from numba import njit
        from numba.np import arraymath  # noqa: F401  # looks for SciPy's linear algebra

    try:
        made: Callable[Taken, Given] = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for the machine code can be written
        made = njit(nogil=True)(function)
    return made
