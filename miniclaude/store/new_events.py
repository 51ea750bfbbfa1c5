"""An event of a job, before it is kept, and how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.store.conversations import unix_now
from miniclaude.store.ids import new_id
from miniclaude.store.tables import job_events
from miniclaude.store.text import mend_text

MAX_EVENTS = 20_000
"""Of one job; what comes later is not kept, so that no job fills the disk by talking."""

MAX_MESSAGE = 4_000
"""Characters of an event's message."""

Level = Literal["info", "warn", "error"]
EventType = Literal["message", "metrics"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something to tell. data: JSON values, for `metrics` numbers by name."""

    message: str
    level: Level = "info"
    type: EventType = "message"
    data: Mapping[str, Any] | None = None


async def insert_events(
    connection: AsyncConnection, job_id: str, owner: str, events: Sequence[NewEvent]
) -> None:
    """Keep events in this order; those beyond MAX_EVENTS are left out."""
    count = select(func.count()).where(job_events.c.job_id == job_id)
    room = MAX_EVENTS - ((await connection.execute(count)).scalar() or 0)
    for event in events[: max(room, 0)]:
        await connection.execute(
            insert(job_events).values(
                id=f"ftevent-{new_id()}",
                job_id=job_id,
                owner=owner,
                level=event.level,
                type=event.type,
                message=mend_text(event.message[:MAX_MESSAGE]),
                data=None if event.data is None else dict(event.data),
                created_at=unix_now(),
            )
        )
