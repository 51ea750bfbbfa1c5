"""What is counted while a dataset is written: rows left out and why, and what both splits ask."""

from __future__ import annotations

from collections import Counter

from miniclaude.data.example import Example
from miniclaude.data.rejection import Rejection


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


class Leakage:
    """Looks, independently of the split, whether a training row has a validation row's messages
    before the last answer. Validation rows must be added first."""

    def __init__(self) -> None:
        self._held_out: set[str] = set()
        self.shared = 0

    def add(self, side: str, example: Example) -> None:
        """A row of the split `side`."""
        prompt = " ".join(message.text for message in example.messages if message.role == "user")
        asked = " ".join((prompt or example.text).lower().split())
        if side == "validation":
            self._held_out.add(asked)
        else:
            self.shared += asked in self._held_out
