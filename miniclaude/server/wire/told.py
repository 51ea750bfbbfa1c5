"""How many log probabilities an answer may hold that is told as a whole, if only at its end: it is
kept until then, and takes time to be written."""

from __future__ import annotations

from collections.abc import Iterable

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import ChosenLogprob

MAX_TOLD = 262_144
"""In one answer, over all its prompts and choices: ten megabytes of JSON."""

MANY_TOLD = 2_048
"""What fewer take to be written is less than the time it takes to begin in another thread."""


def count(entries: Iterable[ChosenLogprob]) -> int:
    """Those of tokens with their alternatives."""
    return sum(1 + len(entry.top) for entry in entries)


def require_few(told: int, hint: str, param: str = "logprobs") -> None:
    """Raise InvalidRequestError where that is too many. hint: what to ask instead. param: the field
    that asks for them."""
    if told > MAX_TOLD:
        raise InvalidRequestError(
            f"{param}: the answer may hold about {told:,} log probabilities; at most {MAX_TOLD:,}"
            " are told.",
            hint=hint,
            param=param,
        )
