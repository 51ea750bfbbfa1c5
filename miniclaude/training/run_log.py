"""What a run says while it runs: lines on the terminal, and metrics.jsonl for whoever draws."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


def duration(seconds: float) -> str:
    """`48 s`, `12 min 05 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class RunLog:
    """Appends one JSON object a line to `path` (nothing when None) and reports to `terminal`.

    every: seconds between progress lines; on a terminal the line is redrawn in place.
    """

    def __init__(
        self, path: Path | None = None, terminal: TextIO | None = None, every: float = 10.0
    ) -> None:
        self.path = path
        self.terminal = terminal if terminal is not None else sys.stderr
        self.every = every
        self._in_place = self.terminal.isatty()
        self._recent: deque[tuple[float, int]] = deque(maxlen=50)
        self._last_line = -float("inf")
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, record: Mapping[str, object]) -> None:
        """Append one record to the file."""
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def say(self, text: str) -> None:
        """One line that stays."""
        start = "\r\x1b[K" if self._in_place else ""
        self.terminal.write(f"{start}{text}\n")
        self.terminal.flush()

    def step(self, done: int, progress: float, *, loss: float, tokens: int, seconds: float) -> None:
        """After step number `done`.

        progress: part of the run that is over, 0 to 1. loss: nats a token. tokens: positions in
        this step. seconds: since the run began, earlier sessions included.
        """
        now = time.monotonic()
        self._recent.append((now, tokens))
        self.write(
            {"step": done, "loss": round(loss, 4), "tokens": tokens, "seconds": round(seconds, 2)}
        )
        finished = progress >= 1
        if now - self._last_line < self.every and not finished:
            return
        self._last_line = now
        span = now - self._recent[0][0]
        rate = sum(count for _, count in list(self._recent)[1:]) / span if span else 0.0
        speed = f"  {rate:,.0f} tokens/s" if rate else ""
        left = seconds / max(progress, 1e-9) * (1 - min(progress, 1.0))
        filled = min(20, int(20 * progress))
        bar = "█" * filled + "░" * (20 - filled)
        line = f"{bar} step {done:,}  loss {loss:.3f}{speed}"
        line += f"  {duration(left)} left"
        if self._in_place and not finished:
            self.terminal.write(f"\r\x1b[K{line}")
            self.terminal.flush()
        else:
            self.say(line)
