"""What is counted while a dataset is written: rows left out and why, and what both splits ask."""

from __future__ import annotations

from array import array
from collections import Counter
from hashlib import blake2b

import numpy as np

from miniclaude.data.example import Example
from miniclaude.data.rejection import Rejection
from miniclaude.data.texts import text_of


class RejectionCounts:
    """Rejections by name: how many, and the first few."""

    SAMPLES = 3

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[Rejection]] = {}

    def add(self, rejection: Rejection) -> None:
        """One more."""
        self._counts[rejection.error] += 1
        samples = self._first.setdefault(rejection.error, [])
        if len(samples) < self.SAMPLES:
            samples.append(rejection)

    @property
    def total(self) -> int:
        """Of all names."""
        return self._counts.total()

    def as_dict(self) -> dict[str, object]:
        """By name, the commonest first."""
        return {
            error: {
                "count": count,
                "cure": self._first[error][0].cure,
                "first": [
                    {"place": str(one.place), "message": one.message, "row": one.row[:200]}
                    for one in self._first[error]
                ],
            }
            for error, count in self._counts.most_common()
        }


def prompt_key(example: Example) -> int:
    """What the user says, or the plain text, as a number of 63 bits: the same for the same words,
    whatever the spaces and capitals."""
    prompt = " ".join([text_of(one) for one in example.messages if one.role == "user"])
    return key_of(prompt or example.text)


def key_of(prompt: str) -> int:
    """`prompt_key` of a text."""
    asked = " ".join(prompt.lower().split())
    digest = blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Leakage:
    """Looks, independently of the split, whether a training row asks what a validation row asks.
    Eight bytes a row."""

    def __init__(self) -> None:
        self._keys = {"train": array("q"), "validation": array("q")}

    def add(self, side: str, key: int) -> None:
        """A row of the split `side`, by its `prompt_key`."""
        self._keys[side].append(key)

    @property
    def shared(self) -> int:
        """Training rows that ask what a validation row asks."""
        train, validation = (np.array(keys, np.int64) for keys in self._keys.values())
        return int(np.isin(train, validation).sum())
