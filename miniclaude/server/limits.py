"""How many answers may be in the making at once, and how many of them one caller's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from miniclaude.errors import OverloadedError
from miniclaude.server.metrics import Metrics
from miniclaude.server.quotas import OWNER

ARRIVAL = "mini_claude.arrival"
"""Where a request's scope holds its `Arrival`."""

RESERVED = 8
"""One place in so many is kept for callers who hold few, or none."""


class Admission:
    """Counts the answers in the making, over HTTP, WebSockets and conversations alike, and the
    requests that have come whole and are being read. metrics: where what becomes of them is
    told. callers: how many may be told apart, by their keys; one alone has all places."""

    def __init__(self, limit: int, metrics: Metrics | None = None, callers: int = 1) -> None:
        self.limit = limit
        self.active = 0
        self.arriving = 0
        self.metrics = metrics or Metrics()
        self._callers = callers
        self._reserve = max(1, limit // RESERVED)
        # Of the reserve one place for each caller but the first; where there are more of them than
        # that, half of it, for with all of it none who holds one place could get a second.
        others = callers - 1
        self._newcomers = others if others <= self._reserve else max(1, self._reserve // 2)
        self._held: Counter[str] = Counter()  # places by caller; who holds none is not in it
        self._door = asyncio.Lock()

    def check(self, caller: str = OWNER) -> None:
        """Raises OverloadedError when there is no room for one more of this caller's: when all
        places are taken, when the last ones are left and it holds a fair share already, and when it
        holds some and no more are left than are kept for who holds none."""
        free = self.limit - self.active - self.arriving
        if free > self._reserve or (free > 0 and self._may_have_of_the_last(free, caller)):
            return
        if free > 0:
            raise OverloadedError(
                f"The server makes {self.limit} answers at once, of which this caller has"
                f" {self._held[caller]}; the last {free} are for others.",
                hint="Try again when one of them has ended.",
                retry_after=2,
            )
        raise OverloadedError(
            f"The server is already making {self.limit} answers.",
            hint="Try again in a few seconds.",
            retry_after=2,
        )

    def _may_have_of_the_last(self, free: int, caller: str) -> bool:
        held = self._held[caller]
        if not held:
            return True
        present = len(self._held)
        # What is for a newcomer would be gone before it came, were it not counted among those who
        # share; and two who came first would have it all, were none kept for the third.
        share = self.limit // min(present + 1, self._callers)
        return held < share and free > min(self._callers - present, self._newcomers)

    def arrive(self, caller: str = OWNER) -> Arrival:
        """Keep room for a request before it is read. Raises OverloadedError as `check` does."""
        self.check(caller)
        self.arriving += 1
        self._held[caller] += 1
        return Arrival(partial(self._left, caller))

    async def turn(self) -> None:
        """Wait for one's turn to be read: one request each time round the event loop. When hundreds
        come at once, those that are refused would else wait until all others have been read."""
        async with self._door:
            await asyncio.sleep(0)

    def enter(self, caller: str = OWNER, arrival: Arrival | None = None) -> None:
        """One more is being made, in the room that was kept for it if there is some. Raises
        OverloadedError as `check` does."""
        if arrival is None or not arrival.leave():
            self.check(caller)
        self.active += 1
        self._held[caller] += 1

    def leave(self, caller: str = OWNER) -> None:
        """An answer has ended."""
        self.active -= 1
        self._give_back(caller)

    def _left(self, caller: str) -> None:
        self.arriving -= 1
        self._give_back(caller)

    def _give_back(self, caller: str) -> None:
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]


class Arrival:
    """Room kept for a request, until its answer enters or there will be none."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._left = False

    def leave(self) -> bool:
        """Give the room back, or over to the answer. Says whether it was kept still."""
        kept, self._left = not self._left, True
        if kept:
            self._give_back()
        return kept
