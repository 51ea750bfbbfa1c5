"""The program that prepares datasets, except that it stays at its first step: for tests that look
at a preparation, or end it, before it is done."""

from __future__ import annotations

import threading

from miniclaude.jobs import preparing_worker


class StayingTeller(preparing_worker.Teller):
    """Tells once, and never returns."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """What it has to say, and no end of it."""
        super().__call__(step, done, total)
        threading.Event().wait()


if __name__ == "__main__":
    preparing_worker.Teller = StayingTeller  # type: ignore[misc]
    preparing_worker.main()
