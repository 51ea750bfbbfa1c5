"""What a job has told of itself: events, in the order they happened, and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found
from miniclaude.store.jobs import Job, fetch_job
from miniclaude.store.new_events import NewEvent, insert_events
from miniclaude.store.tables import job_checkpoints, job_events
from miniclaude.store.text import mend_text

MAX_PAGE = 1000
"""Events on a page."""

_EVENT_ID = re.compile(r"ftevent-[0-9a-f]{32}\Z")
_CHECKPOINT_ID = re.compile(r"ftckpt-[0-9a-f]{32}\Z")

_SAMPLES = "samples"
"""Where a checkpoint's sample answers stand among its metrics."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is kept. number: greater is later. created_at: Unix seconds."""

    number: int
    id: str
    level: str
    type: str
    message: str
    data: Mapping[str, Any] | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A step that training can go on from, or could once. metrics: numbers by name. samples: what
    the model then answered, `{"prompt", "answer"}` each."""

    number: int
    id: str
    step: int
    metrics: Mapping[str, float]
    created_at: float
    samples: Sequence[Mapping[str, str]] = ()


class JobEvents:
    """Reading names the owner; the events of somebody else's job do not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: Job, events: Sequence[NewEvent]) -> None:
        """Keep events in this order; those beyond MAX_EVENTS are left out."""
        await self._database.write(
            lambda connection: insert_events(connection, job.id, job.owner, events)
        )

    async def list(
        self, owner: str, job_id: str, *, limit: int = 20, after: str | None = None
    ) -> tuple[tuple[Event, ...], bool]:
        """The newest first, and whether there are more. after: the id of the last one of the page
        before. Raises NotFoundError for the job, or for an `after` that is not there."""
        table = job_events.c
        wanted = (
            select(job_events)
            .where(table.job_id == job_id, table.owner == owner)
            .order_by(table.number.desc())
            .limit(limit + 1)
        )

        async def fetch(connection: AsyncConnection) -> tuple[Event, ...]:
            await fetch_job(connection, owner, job_id)
            page = wanted
            if after is not None:
                page = wanted.where(table.number < await _number(connection, job_id, after))
            return tuple(_event(row) for row in await connection.execute(page))

        rows = await self._database.read(fetch)
        return rows[:limit], len(rows) > limit

    async def since(self, owner: str, job_id: str, number: int, limit: int) -> tuple[Event, ...]:
        """Events after the one with this number, the oldest first."""
        table = job_events.c
        wanted = (
            select(job_events)
            .where(table.job_id == job_id, table.owner == owner, table.number > number)
            .order_by(table.number)
            .limit(limit)
        )

        async def fetch(connection: AsyncConnection) -> tuple[Event, ...]:
            return tuple(_event(row) for row in await connection.execute(wanted))

        return await self._database.read(fetch)

    async def number(self, owner: str, job_id: str, event_id: str) -> int:
        """Where an event stands. Raises NotFoundError for the job or the event."""

        async def fetch(connection: AsyncConnection) -> int:
            await fetch_job(connection, owner, job_id)
            return await _number(connection, job_id, event_id)

        return await self._database.read(fetch)

    async def add_checkpoint(
        self,
        job: Job,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Keep a checkpoint; one of a step that is kept already (a resumed run comes by it again)
        changes nothing."""
        table = job_checkpoints.c
        known = select(table.id).where(table.job_id == job.id, table.step == step)
        kept: dict[str, Any] = dict(metrics)
        if samples:
            kept[_SAMPLES] = [{k: mend_text(text) for k, text in one.items()} for one in samples]

        async def add(connection: AsyncConnection) -> None:
            if (await connection.execute(known)).first() is None:
                await connection.execute(
                    insert(job_checkpoints).values(
                        id=f"ftckpt-{new_id()}",
                        job_id=job.id,
                        owner=job.owner,
                        step=step,
                        metrics=kept,
                        created_at=unix_now(),
                    )
                )

        await self._database.write(add)

    async def checkpoints(
        self, owner: str, job_id: str, *, limit: int = 10, after: str | None = None
    ) -> tuple[tuple[Checkpoint, ...], bool]:
        """The newest first, and whether there are more. Raises NotFoundError."""
        table = job_checkpoints.c
        wanted = (
            select(job_checkpoints)
            .where(table.job_id == job_id, table.owner == owner)
            .order_by(table.number.desc())
            .limit(limit + 1)
        )

        async def fetch(connection: AsyncConnection) -> tuple[Checkpoint, ...]:
            await fetch_job(connection, owner, job_id)
            page = wanted
            if after is not None:
                known = after if _CHECKPOINT_ID.match(after) else ""
                last = select(table.number).where(table.job_id == job_id, table.id == known)
                number = (await connection.execute(last)).scalar()
                if number is None:
                    raise not_found("checkpoint", "after")
                page = wanted.where(table.number < number)
            return tuple(_checkpoint(row) for row in await connection.execute(page))

        rows = await self._database.read(fetch)
        return rows[:limit], len(rows) > limit


async def _number(connection: AsyncConnection, job_id: str, event_id: str) -> int:
    known = event_id if _EVENT_ID.match(event_id) else ""
    wanted = select(job_events.c.number).where(
        job_events.c.job_id == job_id, job_events.c.id == known
    )
    number = (await connection.execute(wanted)).scalar()
    if number is None:
        raise not_found("event", "after")
    return int(number)


def _checkpoint(row: Row[Any]) -> Checkpoint:
    metrics = dict(row.metrics)
    samples = metrics.pop(_SAMPLES, ())
    return Checkpoint(row.number, row.id, row.step, metrics, row.created_at, samples)


def _event(row: Row[Any]) -> Event:
    return Event(
        number=row.number,
        id=row.id,
        level=row.level,
        type=row.type,
        message=row.message,
        data=row.data,
        created_at=row.created_at,
    )
