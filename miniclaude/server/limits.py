"""How many answers may be in the making at once."""

from __future__ import annotations

import asyncio

from miniclaude.errors import OverloadedError
from miniclaude.server.metrics import Metrics

ARRIVAL = "mini_claude.arrival"
"""Where a request's scope holds its `Arrival`."""


class Admission:
    """Counts the answers in the making, over HTTP, WebSockets and conversations alike, and the
    requests that have come whole and are being read. metrics: where what becomes of them is
    told."""

    def __init__(self, limit: int, metrics: Metrics | None = None) -> None:
        self.limit = limit
        self.active = 0
        self.arriving = 0
        self.metrics = metrics or Metrics()
        self._door = asyncio.Lock()

    def check(self) -> None:
        """Raises OverloadedError when there is no room for one more."""
        if self.active + self.arriving >= self.limit:
            raise OverloadedError(
                f"The server is already making {self.limit} answers.",
                hint="Try again in a few seconds.",
                retry_after=2,
            )

    def arrive(self) -> Arrival:
        """Keep room for a request before it is read. Raises OverloadedError as `check` does."""
        self.check()
        self.arriving += 1
        return Arrival(self)

    async def turn(self) -> None:
        """Wait for one's turn to be read: one request each time round the event loop. When hundreds
        come at once, those that are refused would else wait until all others have been read."""
        async with self._door:
            await asyncio.sleep(0)

    def enter(self) -> None:
        """One more is being made. Raises OverloadedError as `check` does."""
        self.check()
        self.active += 1

    def leave(self) -> None:
        """An answer has ended."""
        self.active -= 1


class Arrival:
    """Room kept for a request, until its answer enters or there will be none."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._left = False

    def leave(self) -> None:
        """Give the room back, or over to the answer. Safe to call twice."""
        if not self._left:
            self._left = True
            self._admission.arriving -= 1
