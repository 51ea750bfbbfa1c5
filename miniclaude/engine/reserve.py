"""What is kept for callers who have nothing running, so that nobody's long answers take the whole
engine: the last eighth of the slots and of the cache's blocks; and so of the room for adapters,
each of which is a slot there, its bytes the blocks.

A caller is a key: a group of users, see `turns.py`. Where only one can come, nothing is kept. Who
has nothing running may have all that is free: else a request that needs most of the cache would
never run. Who has less than its fair share may have half of what is kept, and all of it once
everybody who can come is running something.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

RESERVED = 8
"""One part in so many is kept."""


class Part(NamedTuple):
    """One thing that there is so much of, slots or blocks. free: what nobody uses. held: what the
    caller has. need: what it would hold more, at its longest. taken: what of it is free now."""

    total: int
    free: int
    held: int
    need: int
    taken: int


class Standing(IntEnum):
    """What a waiting request has a right to. One that lets others pass counts it against those of
    its own caller, and against others whose standing is no better than its own."""

    BEHIND_ITS_OWN = 0
    """It does not fit before something of its own caller's has ended."""
    OVER_ITS_SHARE = 1
    WITHIN_ITS_SHARE = 2
    NEWCOMER = 3
    """Its caller has nothing running."""


class Reserve:
    """The rule, at one moment. callers: how many can be told apart. running: whose requests run,
    each with its slots and blocks."""

    def __init__(self, callers: int, running: Iterable[tuple[str, int, int]] = ()) -> None:
        self.callers = callers
        self._held: dict[str, tuple[int, int]] = {}
        for caller, slots, blocks in running if callers > 1 else ():
            before = self._held.get(caller, (0, 0))
            self._held[caller] = before[0] + slots, before[1] + blocks

    def held(self, caller: str) -> tuple[int, int]:
        """A caller's slots and blocks. A block in which two answers read the same text counts for
        each; where only one caller can come, nothing is counted."""
        return self._held.get(caller, (0, 0))

    def standing(self, caller: str, parts: Sequence[Part]) -> Standing:
        """Of a request that needs these parts."""
        if caller not in self._held:
            return Standing.NEWCOMER
        if all(part.held + part.need <= self._share(part.total) for part in parts):
            return Standing.WITHIN_ITS_SHARE
        if all(part.held + part.need <= part.total - _kept(part.total) for part in parts):
            return Standing.OVER_ITS_SHARE
        return Standing.BEHIND_ITS_OWN

    def allows(self, caller: str, parts: Sequence[Part]) -> bool:
        """Whether a request that needs these parts may have them now."""
        return all(part.free - part.taken >= self._left_for_others(caller, part) for part in parts)

    def _left_for_others(self, caller: str, part: Part) -> int:
        if caller not in self._held:
            return 0
        kept = _kept(part.total)
        if part.held + part.need > self._share(part.total):
            return kept
        return max(1, kept // 2) if len(self._held) < self.callers else 0

    def _share(self, total: int) -> int:
        """A fair one: one more who may come is counted among those who share."""
        return total // min(len(self._held) + 1, self.callers)


def _kept(total: int) -> int:
    return max(1, total // RESERVED)
