"""What a worker tells, kept in the store: checked, bounded, and thinned where there is too much.

A worker is our own program, but it reads files of anybody's making; whatever it says is taken for
what it can at most be, text and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from miniclaude.jobs.news import News
from miniclaude.jobs.order import Json
from miniclaude.store.conversations import unix_now
from miniclaude.store.job_events import JobEvents
from miniclaude.store.jobs import Job, Queue
from miniclaude.store.new_events import Level, NewEvent

MAX_METRICS = 2_000
"""Steps whose metrics are kept; of a longer run, evenly spaced ones and all with an evaluation."""

SHOWN = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "valid_perplexity": "validation perplexity",
}
"""Numbers that are told in words too."""

MAX_VALUES = 64
"""Numbers in one event."""

MAX_SAMPLES = 4
MAX_SAMPLE_TEXT = 1_000
"""Sample answers of a checkpoint, and characters of one."""

_FRAME = ("event", "message", "level")


class Recorder:
    """Keeps what the worker of one job tells, and says so."""

    def __init__(self, job: Job, queue: Queue, events: JobEvents, news: News) -> None:
        self._job = job
        self._queue = queue
        self._events = events
        self._news = news
        self._losses: dict[str, float] = {}  # of the last step, for its checkpoint

    async def say(self, message: str, level: Level = "info") -> None:
        """A message of the runner's own."""
        await self._add(NewEvent(message, level))

    async def keep(self, told: Json) -> bool:
        """One thing told; returns whether it was a checkpoint."""
        kind = told.get("event")
        numbers = numbers_of(told)
        step = int(numbers.get("step", 0))
        if kind == "metrics":
            before = self._losses if self._losses.get("step") == step else {"step": float(step)}
            self._losses = before | {name: numbers[name] for name in SHOWN if name in numbers}
            total = int(numbers.get("total_steps", 0))
            event = NewEvent(_metrics_text(numbers, step, total), type="metrics", data=numbers)
            every = max(1, math.ceil(total / MAX_METRICS))
            is_evaluated = any(name.startswith(("valid", "full_valid")) for name in numbers)
            if step % every == 0 or step in (1, total) or is_evaluated:
                await self._add(event)
        elif kind == "checkpoint":
            known = self._losses if self._losses.get("step") == step else {}
            metrics = {name: float(number) for name, number in {**known, **numbers}.items()}
            samples = samples_of(told.get("samples"))
            await self._events.add_checkpoint(self._job, step, metrics, samples)
            await self._queue.change(self._job.id, when=("running",), crashes=0)
            await self._add(NewEvent(f"Checkpoint saved at step {step}.", data=numbers))
            return True
        elif kind == "plan":
            if "seconds" in numbers:
                finish = unix_now() + numbers["seconds"]
                await self._queue.change(self._job.id, when=("running",), estimated_finish=finish)
            await self._add(NewEvent(_plan_text(numbers), data=numbers))
        else:
            level = told.get("level")
            rest = {name: value for name, value in told.items() if name not in _FRAME}
            await self._add(
                NewEvent(
                    str(told.get("message", "")),
                    level if level in ("info", "warn", "error") else "info",
                    data=numbers if rest else None,
                )
            )
        return False

    async def _add(self, event: NewEvent) -> None:
        await self._events.add(self._job, [event])
        self._news.tell()


def numbers_of(told: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among what was told, by name; JSON has no others."""
    numbers: dict[str, float] = {}
    for name, value in told.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) < 1e15 and len(name) <= 64 and len(numbers) < MAX_VALUES:
            numbers[name] = value  # NaN is not less than anything
    return numbers


def samples_of(told: object) -> list[dict[str, str]]:
    """The sample answers among what was told, cut where they are too long."""
    listed = told[:MAX_SAMPLES] if isinstance(told, list) else []
    return [
        {name: str(one.get(name, ""))[:MAX_SAMPLE_TEXT] for name in ("prompt", "answer")}
        for one in listed
        if isinstance(one, dict)
    ]


def _metrics_text(numbers: Mapping[str, float], step: int, total: int) -> str:
    shown = [f"{words}={numbers[name]:.4f}" for name, words in SHOWN.items() if name in numbers]
    return f"Step {step}{f'/{total}' if total else ''}{': ' if shown else ''}{', '.join(shown)}"


def _plan_text(numbers: Mapping[str, float]) -> str:
    parts = [
        f"{int(numbers[name]):,} {words}"
        for name, words in (("total_steps", "steps"), ("trained_tokens", "trained tokens"))
        if name in numbers
    ]
    if "seconds" in numbers:
        parts.append(f"about {numbers['seconds'] / 60:.1f} minutes")
    return f"Planned: {', '.join(parts)}." if parts else "Planned."
