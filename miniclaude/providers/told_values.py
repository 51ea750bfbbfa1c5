"""Values out of an upstream's answer: the SDKs hand on whatever stood there, and what is of another
type than it should be would fail far from here, as a fault of ours. Raises TypeError, for
`well_formed` to tell whose it is."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from miniclaude.store.text import mend_text

MOST = 100_000_000
"""No model reads or writes more tokens in one go. An answer that calls tools costs the sum of a few
such counts, for which the store has 32 bits."""

LATEST = 253_402_300_799
"""The last second of the year 9999, in Unix seconds."""


def text_of(value: Any, what: str) -> str:
    """A text; none is an empty one. Halves of surrogate pairs, which no answer of ours can hold,
    become U+FFFD: an answer half given is better kept."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _unlike(value, what, "a text")
    return value if value.isascii() else mend_text(value)


def text_if_any(value: Any, what: str) -> str | None:
    """A text, or None where there is none."""
    return None if value is None else text_of(value, what)


def count_of(value: Any, what: str) -> int:
    """A whole number, 0 to `MOST`; none is 0."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= MOST:
        raise _unlike(value, what, f"a whole number, 0 to {MOST:,}")
    return value


def name_of(value: Any) -> str:
    """A name out of a list; an empty one for what is no text, so that only this one is lost."""
    return text_of(value, "a name") if isinstance(value, str) else ""


def context_of(value: Any) -> int:
    """A whole number, 0 to `MOST`; 0 for all else: a model is not lost for it."""
    return value if type(value) is int and 0 <= value <= MOST else 0


def seconds_of(value: Any) -> int:
    """A time, as such or in Unix seconds, since 1970; 0 for all else, likewise."""
    if isinstance(value, datetime):
        value = value.replace(tzinfo=value.tzinfo or UTC).timestamp()
    return int(value) if type(value) in (int, float) and 0 <= value <= LATEST else 0


def choice_of(value: Any, choices: int) -> int:
    """The number of one of so many choices."""
    if type(value) is not int or not 0 <= value < choices:
        raise _unlike(value, "choices[].index", f"one of {choices} choices, counted from 0")
    return value


def logprob_of(value: Any) -> float:
    """A log probability; minus infinity is one."""
    if type(value) not in (int, float) or math.isnan(value) or value == math.inf:
        raise _unlike(value, "a log probability", "a number")
    return float(value)


def _unlike(value: object, what: str, expected: str) -> TypeError:
    return TypeError(f"{what} is {repr(value)[:60]}, not {expected}")
