"""What is counted while a dataset is written: rows left out and why, and what both splits ask."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.compiled import compiled
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
    return keys_of([prompt or example.text])[0]


def _lower_table() -> NDArray[np.uint8]:
    """[256]: of each byte the lower case, and a space for what Python takes for white space."""
    table = np.frombuffer(bytes(range(256)).lower(), np.uint8).copy()
    table[[*range(9, 14), *range(28, 32)]] = ord(" ")
    return table


LOWER = _lower_table()
END = b"\xff"
"""Behind each text; no byte of UTF-8."""
START, FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
HALF, ONE = np.uint64(32), np.uint64(1)


def keys_of(prompts: Sequence[str]) -> list[int]:
    """`prompt_key` of many texts."""
    asked = [one if one.isascii() else " ".join(one.lower().split()) for one in prompts]
    pieces = [one.encode("utf-8", "surrogatepass") for one in asked]
    keys = np.empty(len(pieces), np.int64)
    _hash_prompts(np.frombuffer(END.join([*pieces, b""]), np.uint8), LOWER, keys)
    found: list[int] = keys.tolist()
    return found


@compiled
def _hash_prompts(
    raw: NDArray[np.uint8], lower: NDArray[np.uint8], keys: NDArray[np.int64]
) -> None:
    """The hash of each text's words in lower case, with one space between them. raw: [bytes], each
    text ended by `END`. lower: [256]. keys: of each text. A byte is mixed in as FNV-1a does, and
    the upper half of the product into the lower one."""
    text = 0
    key = START
    begun = spaced = False
    for at in range(len(raw)):
        if raw[at] == 255:
            keys[text] = np.int64(key >> ONE)
            text += 1
            key = START
            begun = spaced = False
            continue
        byte = np.uint64(lower[raw[at]])
        if byte == 32:
            spaced = begun
            continue
        if spaced:
            key = (key ^ HALF) * FACTOR  # 32 is a space, too
            key ^= key >> HALF
        key = (key ^ byte) * FACTOR
        key ^= key >> HALF
        begun, spaced = True, False


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
