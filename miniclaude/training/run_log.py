"""What a run says while it runs: lines on the terminal, and metrics.jsonl for whoever draws."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TextIO

from miniclaude.errors import NO_ROOM, DiskFullError

Record = Mapping[str, object]


class Board(Protocol):
    """Draws curves, as `tensorboard.TensorBoard` does."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each curve."""
        ...


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
    listener: called with every record too, as it is written.
    board: where the same numbers go as curves.
    """

    def __init__(
        self,
        path: Path | None = None,
        terminal: TextIO | None = None,
        every: float = 10.0,
        *,
        listener: Callable[[Record], None] | None = None,
        board: Board | None = None,
    ) -> None:
        self.path = path
        self.terminal = terminal if terminal is not None else sys.stderr
        self.every = every
        self.listener = listener
        self.board = board
        self._in_place = self.terminal.isatty()
        self._recent: deque[tuple[float, int]] = deque(maxlen=50)
        self._last_line = -float("inf")
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, record: Record) -> None:
        """Append one record to the file, and tell whoever listens. Raises DiskFullError."""
        if self.path is not None:
            line = json.dumps(record) + "\n"
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                raise DiskFullError(
                    f"No room to write {len(line)} bytes to {self.path}: {error.strerror}.",
                    hint="Free some space and start the run again: it goes on from its checkpoint.",
                ) from error
        self.tell(record)

    def tell(self, record: Record) -> None:
        """Tell whoever listens, and write nothing."""
        if self.listener is not None:
            self.listener(record)

    def say(self, text: str) -> None:
        """One line that stays."""
        start = "\r\x1b[K" if self._in_place else ""
        self.terminal.write(f"{start}{text}\n")
        self.terminal.flush()

    def bytes_written(self) -> int:
        """The size of the file, to be given to `truncate` when this moment is returned to."""
        return self.path.stat().st_size if self.path is not None and self.path.exists() else 0

    def truncate(self, size: int) -> None:
        """Forget what came after the first `size` bytes: those steps will be done again."""
        if self.bytes_written() > size:
            assert self.path is not None  # noqa: S101  # or it would have no bytes
            os.truncate(self.path, size)

    def held_out(self, step: int, scores: Mapping[str, float]) -> None:
        """After an evaluation."""
        rounded = {name: round(value, 4) for name, value in scores.items()}
        self.write({"step": step, "held_out": rounded})
        if self.board is not None:
            self.board.scalars(step, {f"held_out/{name}": v for name, v in scores.items()})
        listed = "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
        self.say(f"step {step:,}  held out: {listed}")

    def step(
        self,
        done: int,
        progress: float,
        *,
        loss: float,
        tokens: int,
        seconds: float,
        learning_rate: float = 0.0,
        gradient_norm: float = 0.0,
        trained: int = 0,
        measures: Mapping[str, float] | None = None,
    ) -> None:
        """After step number `done`.

        progress: part of the run that is over, 0 to 1. loss: nats a token. tokens: positions in
        this step. seconds: since the run began, earlier sessions included. trained: tokens the
        loss was taken over so far. measures: what else the objective knows.
        """
        now = time.monotonic()
        self._recent.append((now, tokens))
        span = now - self._recent[0][0]
        rate = sum(count for _, count in list(self._recent)[1:]) / span if span else 0.0
        left = seconds / max(progress, 1e-9) * (1 - min(progress, 1.0))
        curves = {"loss": loss, "learning_rate": learning_rate, "gradient_norm": gradient_norm}
        curves |= measures or {}
        self.write(
            {
                "step": done,
                **{name: round_number(value) for name, value in curves.items()},
                "tokens": tokens,
                "trained": trained,
                "seconds": round(seconds, 2),
                "tokens_per_second": round(rate, 1),
                "seconds_left": round(left, 1),
            }
        )
        if self.board is not None:
            self.board.scalars(done, {**curves, "tokens_per_second": rate})
        finished = progress >= 1
        if now - self._last_line < self.every and not finished:
            return
        self._last_line = now
        speed = f"  {rate:,.0f} tokens/s" if rate else ""
        filled = min(20, int(20 * progress))
        bar = "█" * filled + "░" * (20 - filled)
        line = f"{bar} step {done:,}  loss {loss:.3f}  rate {learning_rate:.2g}{speed}"
        line += f"  {duration(left)} left"
        if self._in_place and not finished:
            self.terminal.write(f"\r\x1b[K{line}")
            self.terminal.flush()
        else:
            self.say(line)


def round_number(value: float) -> float | None:
    """Six significant digits, enough to draw; None for what JSON cannot say."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
