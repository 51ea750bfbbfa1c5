"""Fine-tuning jobs: a queue in the database, and what became of each.

    validating_files ──► queued ──► running ──► succeeded
           │               │  ▲        │  │
           │               ▼  │        │  └──► failed ──► (resumed) queued
           │             paused ◄──────┘
           └──────────► cancelled ◄── from any of these that did not succeed

Every change of status is one transaction that checks the status it starts from, so two servers,
or a person and the runner, never both decide.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import ConflictError, RateLimitError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.files import UNFINISHED, StoredFile, insert_file, require_files
from miniclaude.store.ids import new_id, not_found
from miniclaude.store.new_events import NewEvent, insert_events
from miniclaude.store.tables import jobs

MAX_PAGE = 100
"""Jobs on a page."""

MAX_UNFINISHED = 200
"""Jobs of one owner that are not finished; more are refused."""

FINISHED = ("succeeded", "failed", "cancelled")

JOB_ID = re.compile(r"ftjob-[0-9a-f]{32}\Z")
_ALPHABET = string.ascii_lowercase + string.digits

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a caller asks for. model: the base's name. training_file, validation_file: ids of files,
    or `dataset:NAME`. method: `{"type": …, <type>: {"hyperparameters": …}}`, as asked.
    """

    model: str
    training_file: str
    method: Json
    validation_file: str | None = None
    suffix: str = ""
    seed: int = 1
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job's row. place: the home folder it runs in. model_id: 12 letters and digits, the end of
    the name its result will have. crashes: of its worker, in a row and without a checkpoint
    between. error: `{"code", "message", "param"}`. Times are Unix seconds."""

    number: int
    id: str
    owner: str
    place: str
    model_id: str
    status: str
    model: str
    training_file: str
    validation_file: str | None
    suffix: str
    seed: int
    method: Json
    metadata: Mapping[str, str] | None
    created_at: float
    finished_at: float | None
    estimated_finish: float | None
    fine_tuned_model: str | None
    trained_tokens: int | None
    result_files: Sequence[str]
    error: Json | None
    crashes: int


class Jobs:
    """What an owner may do with their jobs; a job of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check_files(self, owner: str, place: str, new: NewJob) -> None:
        """Raises InvalidRequestError for a file that `create` would refuse."""
        wanted = _files(new.training_file, new.validation_file)
        await self._database.write(
            lambda connection: require_files(connection, owner, place, wanted)
        )

    async def create(self, owner: str, place: str, new: NewJob) -> Job:
        """A job whose files are still to be validated.

        Raises InvalidRequestError for a file that is not there, RateLimitError when too many of
        the owner's jobs are unfinished.
        """
        wanted = _files(new.training_file, new.validation_file)

        async def add(connection: AsyncConnection) -> Job:
            await require_files(connection, owner, place, wanted)
            unfinished = select(func.count()).where(
                jobs.c.owner == owner, jobs.c.status.in_(UNFINISHED)
            )
            if ((await connection.execute(unfinished)).scalar() or 0) >= MAX_UNFINISHED:
                raise RateLimitError(
                    f"{MAX_UNFINISHED} of your jobs are not finished yet.",
                    hint="Wait until some are, or cancel some.",
                    retry_after=60,
                )
            job_id = f"ftjob-{new_id()}"
            await connection.execute(
                insert(jobs).values(
                    id=job_id,
                    owner=owner,
                    place=place,
                    model_id="".join(secrets.choice(_ALPHABET) for _ in range(12)),
                    status="validating_files",
                    model=new.model,
                    training_file=new.training_file,
                    validation_file=new.validation_file,
                    suffix=new.suffix,
                    seed=new.seed,
                    method=new.method,
                    metadata=None if new.metadata is None else dict(new.metadata),
                    created_at=unix_now(),
                    result_files=[],
                    crashes=0,
                )
            )
            return await fetch_job(connection, owner, job_id)

        return await self._database.write(add)

    async def get(self, owner: str, job_id: str) -> Job:
        """Raises NotFoundError."""
        return await self._database.read(lambda connection: fetch_job(connection, owner, job_id))

    async def made(self, owner: str, models: Collection[str]) -> dict[str, Job]:
        """The jobs whose results have these names, by name."""

        async def fetch(connection: AsyncConnection) -> dict[str, Job]:
            wanted = and_(jobs.c.owner == owner, jobs.c.fine_tuned_model.in_(list(models)))
            rows = await connection.execute(select(jobs).where(wanted))
            found = [_job(row) for row in rows]
            return {job.fine_tuned_model: job for job in found if job.fine_tuned_model}

        return await self._database.read(fetch)

    async def list(
        self, owner: str, *, limit: int = 20, after: str | None = None
    ) -> tuple[list[Job], bool]:
        """The newest first, and whether there are more. after: the id of the last one of the page
        before. Raises NotFoundError for an `after` that is not there."""
        wanted = (select(jobs).where(jobs.c.owner == owner).order_by(jobs.c.number.desc())).limit(
            limit + 1
        )

        async def fetch(connection: AsyncConnection) -> list[Job]:
            page = wanted
            if after is not None:
                last = await fetch_job(connection, owner, after, param="after")
                page = wanted.where(jobs.c.number < last.number)
            return [_job(row) for row in await connection.execute(page)]

        rows = await self._database.read(fetch)
        return rows[:limit], len(rows) > limit

    async def user_of(self, place: str, data: str) -> str | None:
        """The id of a job that is not finished and needs these rows, by the name that a job calls
        them; of any owner: the rows are the home folder's."""
        named = or_(jobs.c.training_file == data, jobs.c.validation_file == data)
        return await self._unfinished(place, named)

    async def learner_of(self, place: str, model: str) -> str | None:
        """The id of a job that is not finished and teaches this model; of any owner."""
        return await self._unfinished(place, jobs.c.model == model)

    async def _unfinished(self, place: str, wanted: ColumnElement[bool]) -> str | None:
        here = and_(jobs.c.place == place, jobs.c.status.in_(UNFINISHED), wanted)
        first = select(jobs.c.id).where(here).limit(1)

        async def fetch(connection: AsyncConnection) -> str | None:
            return (await connection.execute(first)).scalar()

        return await self._database.read(fetch)

    async def cancel(self, owner: str, job_id: str) -> Job:
        """A failed job is cancelled by who will not resume it: then what it saved is removed.
        Raises NotFoundError, and ConflictError for a job that is finished otherwise."""
        allowed = (*UNFINISHED, "failed")
        return await self._move(owner, job_id, "cancelled", allowed, "cancelled")

    async def pause(self, owner: str, job_id: str) -> Job:
        """Raises NotFoundError, and ConflictError for a job that is neither queued nor running."""
        return await self._move(owner, job_id, "paused", ("queued", "running"), "paused")

    async def resume(self, owner: str, job_id: str) -> Job:
        """Queue it again, to go on from its last checkpoint. Its files are validated again, for a
        failed job may need another look at them. Raises NotFoundError, and ConflictError for a job
        that is neither paused nor failed."""
        return await self._move(owner, job_id, "validating_files", ("paused", "failed"), "resumed")

    async def _move(
        self, owner: str, job_id: str, status: str, allowed: Collection[str], verb: str
    ) -> Job:
        async def move(connection: AsyncConnection) -> Job:
            job = await fetch_job(connection, owner, job_id, lock=True)
            if job.status not in allowed:
                raise ConflictError(
                    f"The job {job_id} is {job.status}; it cannot be {verb}.",
                    hint=f"Only a job that is {_either(allowed)} can be {verb}.",
                    param="fine_tuning_job_id",
                )
            changes: Json = {"status": status, "estimated_finish": None, "crashes": 0}
            if status == "validating_files":
                changes |= {"error": None, "finished_at": None}
                wanted = _files(job.training_file, job.validation_file)
                await require_files(connection, owner, job.place, wanted)
            elif status in FINISHED:
                changes["finished_at"] = unix_now()
            await connection.execute(update(jobs).where(_is(owner, job_id)).values(changes))
            return await fetch_job(connection, owner, job_id)

        return await self._database.write(move)


class Queue:
    """What the runner of one home folder does with the jobs of that place, whoever owns them."""

    def __init__(self, database: Database, place: str) -> None:
        self._database = database
        self._place = place

    async def recover(self) -> int:
        """Queue again what was running when the last process ended; returns how many."""
        mine = update(jobs).where(jobs.c.place == self._place, jobs.c.status == "running")

        async def requeue(connection: AsyncConnection) -> int:
            return (await connection.execute(mine.values(status="queued"))).rowcount

        return await self._database.write(requeue)

    async def claim(self, *, skip: Collection[str] = ()) -> Job | None:
        """The queued job that has waited longest, now running. skip: ids that are not ready."""

        async def take(connection: AsyncConnection) -> Job | None:
            row = (
                await connection.execute(
                    self._first("queued", skip).with_for_update(skip_locked=True)
                )
            ).first()
            if row is None:
                return None
            running = update(jobs).where(jobs.c.id == row.id).values(status="running")
            await connection.execute(running)
            return await fetch_job(connection, row.owner, row.id)

        return await self._database.write(take)

    async def next_unvalidated(self, *, skip: Collection[str] = ()) -> Job | None:
        """The job that has waited longest to have its files validated. skip: ids that are not
        ready."""

        async def fetch(connection: AsyncConnection) -> Job | None:
            row = (await connection.execute(self._first("validating_files", skip))).first()
            return None if row is None else _job(row)

        return await self._database.read(fetch)

    async def state(self, job_id: str) -> Job | None:
        """The job as it is now."""
        wanted = select(jobs).where(jobs.c.id == job_id, jobs.c.place == self._place)

        async def fetch(connection: AsyncConnection) -> Job | None:
            row = (await connection.execute(wanted)).first()
            return None if row is None else _job(row)

        return await self._database.read(fetch)

    async def needing(self, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that need what their runs have saved: they may go on from it."""
        wanted = select(jobs.c.id).where(
            jobs.c.id.in_(job_ids), jobs.c.status.in_((*UNFINISHED, "failed"))
        )

        async def fetch(connection: AsyncConnection) -> set[str]:
            return set((await connection.execute(wanted)).scalars())

        return await self._database.read(fetch)

    async def change(
        self,
        job_id: str,
        *,
        when: Collection[str],
        results: Sequence[tuple[str, StoredFile]] = (),
        events: Sequence[tuple[str, NewEvent]] = (),
        **values: object,
    ) -> bool:
        """Change a job that still has one of these statuses, add its result files, and tell of it,
        each with its owner; returns whether it had. Whoever sees the change finds them all."""
        here = and_(jobs.c.id == job_id, jobs.c.place == self._place, jobs.c.status.in_(when))

        async def change(connection: AsyncConnection) -> bool:
            done = await connection.execute(update(jobs).where(here).values(values))
            if done.rowcount:
                for owner, file in results:
                    await insert_file(connection, owner, file)
                for owner, event in events:
                    await insert_events(connection, job_id, owner, [event])
            return bool(done.rowcount)

        return await self._database.write(change)

    def _first(self, status: str, skip: Collection[str]) -> Any:
        return (
            select(jobs)
            .where(
                jobs.c.place == self._place,
                jobs.c.status == status,
                jobs.c.id.not_in(skip),
            )
            .order_by(jobs.c.number)
            .limit(1)
        )


async def fetch_job(
    connection: AsyncConnection,
    owner: str,
    job_id: str,
    *,
    lock: bool = False,
    param: str = "fine_tuning_job_id",
) -> Job:
    """One job, within the caller's transaction. Raises NotFoundError. lock: nobody else changes it
    before the transaction ends. param: where the id was given."""
    if not JOB_ID.match(job_id):
        raise not_found("job", param)
    wanted = select(jobs).where(_is(owner, job_id))
    row = (await connection.execute(wanted.with_for_update() if lock else wanted)).first()
    if row is None:
        raise not_found("job", param)
    return _job(row)


def _is(owner: str, job_id: str) -> Any:
    return and_(jobs.c.id == job_id, jobs.c.owner == owner)


def _files(training: str, validation: str | None) -> list[tuple[str, str]]:
    """The fields that name files, and the ids in them; a dataset's name is no id."""
    named = (("training_file", training), ("validation_file", validation))
    return [(field, name) for field, name in named if name and not name.startswith("dataset:")]


def _either(statuses: Collection[str]) -> str:
    *first, last = statuses
    return f"{', '.join(first)} or {last}" if first else last


def _job(row: Row[Any]) -> Job:
    return Job(**row._asdict())
