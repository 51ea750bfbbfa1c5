"""How many answers may be in the making at once."""

from __future__ import annotations

from miniclaude.errors import OverloadedError
from miniclaude.server.metrics import Metrics


class Admission:
    """Counts the answers in the making, over HTTP, WebSockets and conversations alike. metrics:
    where what becomes of them is told."""

    def __init__(self, limit: int, metrics: Metrics | None = None) -> None:
        self.limit = limit
        self.active = 0
        self.metrics = metrics or Metrics()

    def enter(self) -> None:
        """Raises OverloadedError when `limit` answers are being made."""
        if self.active >= self.limit:
            raise OverloadedError(
                f"The server is already making {self.limit} answers.",
                hint="Try again in a few seconds.",
                retry_after=2,
            )
        self.active += 1

    def leave(self) -> None:
        """An answer has ended."""
        self.active -= 1
