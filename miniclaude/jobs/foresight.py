"""What a run would take, before anybody asks for it: looked at and tried by a worker as a job's.

One prediction is made at a time, since two would each find the other's memory taken; whoever asks
meanwhile waits. Nothing of it stays.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from miniclaude.errors import EngineError, OutOfMemoryError, OverloadedError
from miniclaude.jobs.life import Life
from miniclaude.jobs.order import JobOrder, Json
from miniclaude.jobs.recorder import numbers_of
from miniclaude.store.conversations import unix_now
from miniclaude.store.jobs import Job, NewJob

PREFIX = "preflight-"
MAX_SECONDS = 300.0
"""Waiting for others included."""

MAX_WAITING = 4
MAX_REASONS = 64
MAX_REASON = 1_000
"""Sentences that are kept, and characters of one."""


@dataclass(slots=True)
class Forecast:
    """numbers: `steps`, `seconds`, `trained_tokens`, `memory_bytes` and `memory_free`, as far as
    they are known. settings: fields of TuneSpec as they were chosen. reasons: level (info, warn or
    error) and sentence, in the order they were told. problem: why it does not fit, or None."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reasons: list[tuple[str, str]] = field(default_factory=list)
    problem: OutOfMemoryError | None = None

    def hear(self, told: Json) -> None:
        """Take in one thing that the worker tells."""
        if told.get("event") == "foretold":
            self.numbers = {k: v for k, v in numbers_of(told).items() if v >= 0}
            self.settings = dict(told["spec"])
        elif told.get("event") == "message" and len(self.reasons) < MAX_REASONS:
            level = str(told.get("level", "info"))
            self.reasons.append((level, str(told.get("message", ""))[:MAX_REASON]))


class Foresight:
    """make_order: a job as its worker is told. folder: where runs are. worker: Python's arguments
    that start one."""

    def __init__(
        self,
        make_order: Callable[[Job], Awaitable[JobOrder]],
        folder: Path,
        worker: Sequence[str],
        *,
        seconds: float = MAX_SECONDS,
    ) -> None:
        self._make_order = make_order
        self._folder = folder
        self._worker = worker
        self._seconds = seconds
        self._one = asyncio.Lock()
        self._asking = 0

    def sweep(self) -> None:
        """Remove what a killed process left. Only when nobody is asking."""
        for left in self._folder.glob(f"{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)

    async def look(self, owner: str, place: str, new: NewJob) -> Forecast:
        """What `new` would take; a run that does not fit is told as a `problem`. Cancelling ends
        the work.

        Raises what makes the job impossible (DatasetError for bad rows, SettingsError, ...),
        OverloadedError when too many ask or it takes too long, EngineError when the worker dies.
        """
        if self._asking > MAX_WAITING:
            raise OverloadedError(
                "Too many predictions are asked for.", hint="Ask again in a minute.", retry_after=60
            )
        self._asking += 1
        try:
            async with asyncio.timeout(self._seconds), self._one:
                return await self._look(_unborn(owner, place, new))
        except TimeoutError:
            raise OverloadedError(
                f"The prediction was not ready after {self._seconds:g} seconds.",
                hint="Start the run without it, or predict with fewer rows or a smaller model.",
                retry_after=60,
            ) from None
        finally:
            self._asking -= 1

    async def _look(self, job: Job) -> Forecast:
        forecast = Forecast()
        folder = self._folder / job.id
        try:
            order = await self._make_order(job)
            await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            life = Life(order, folder, task="foretell", arguments=self._worker)

            async def hear(told: Json) -> None:
                forecast.hear(told)

            end = await life.live(hear)
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
        if isinstance(end.failure, OutOfMemoryError):
            forecast.problem = end.failure
        elif end.failure is not None:
            raise end.failure
        elif end.result is None:
            raise EngineError(
                f"The prediction ended early: {end.died}",
                hint="The machine may be short of memory: try a smaller model or shorter rows.",
            )
        return forecast


def _unborn(owner: str, place: str, new: NewJob) -> Job:
    """`new` as the row it would be."""
    return Job(
        number=0,
        id=f"{PREFIX}{secrets.token_hex(8)}",
        owner=owner,
        place=place,
        model_id="0" * 12,
        status="validating_files",
        model=new.model,
        training_file=new.training_file,
        validation_file=new.validation_file,
        suffix=new.suffix,
        seed=new.seed,
        method=new.method,
        metadata=new.metadata,
        created_at=unix_now(),
        finished_at=None,
        estimated_finish=None,
        fine_tuned_model=None,
        trained_tokens=None,
        result_files=(),
        error=None,
        crashes=0,
    )
