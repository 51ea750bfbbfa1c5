"""Fine-tuning as the server offers it: files, jobs, and the runner that carries them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import CheckpointError
from miniclaude.jobs.datasets import Datasets
from miniclaude.jobs.foresight import Forecast, Foresight
from miniclaude.jobs.life import WORKER
from miniclaude.jobs.news import News, wait_for
from miniclaude.jobs.order import JobOrder
from miniclaude.jobs.place import place_of
from miniclaude.jobs.plan import DATASET, Plan
from miniclaude.jobs.preparing import Preparations
from miniclaude.jobs.results import ResultFiles
from miniclaude.jobs.runner import LOOK_SECONDS, Runner
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.packing import read_packing
from miniclaude.store.database import Database
from miniclaude.store.file_folder import FileFolder
from miniclaude.store.files import Files
from miniclaude.store.job_events import Event, JobEvents
from miniclaude.store.jobs import FINISHED, Job, Jobs, NewJob, Queue

EVENTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where fine-tuning happens. home: locked by this process. files, datasets, adapters, runs:
    folders in it. at_once: jobs that train at the same time. max_file_bytes: of an upload. worker:
    Python's arguments that start one.
    """

    home: Path
    library: Library
    files: Path
    datasets: Path
    adapters: Path
    runs: Path
    at_once: int = 1
    max_file_bytes: int = 512_000_000
    worker: Sequence[str] = WORKER


class FineTuning:
    """Made by `open`; `aclose` it before the database is closed."""

    def __init__(self, database: Database, workshop: Workshop, place: str) -> None:
        self.place = place
        self.max_file_bytes = workshop.max_file_bytes
        self.files = Files(database)
        self.library = workshop.library
        self.folder = FileFolder(workshop.files)
        self.jobs = Jobs(database)
        self.events = JobEvents(database)
        self.news = News()
        self.datasets = Datasets(
            workshop.datasets,
            Preparations(workshop.datasets),
            self.files,
            self.folder,
            self.jobs,
            workshop.library,
            place,
        )
        self._plan = Plan(
            workshop.library, self.folder, workshop.datasets, workshop.adapters, workshop.runs
        )
        self.runner = Runner(
            Queue(database, place),
            self.events,
            self.news,
            self._order,
            ResultFiles(self.events, self.folder),
            workshop.runs,
            at_once=workshop.at_once,
            worker=workshop.worker,
        )
        self.foresight = Foresight(self._order, workshop.runs, workshop.worker)

    @classmethod
    async def open(cls, database: Database, workshop: Workshop) -> FineTuning:
        """Take up what the last process left. Raises StoreError."""
        made = cls(database, workshop, await asyncio.to_thread(place_of, workshop.home))
        await asyncio.to_thread(made.foresight.sweep)
        made.folder.sweep(await made.files.ids(made.place))
        made.runner.begin()
        return made

    async def create(self, owner: str, new: NewJob) -> Job:
        """A new job, which begins by itself. Raises ModelNotFoundError, InvalidRequestError for
        what could never be carried out, RateLimitError when too many are unfinished."""
        await asyncio.to_thread(self._plan.check, new.model, new.training_file, new.validation_file)
        job = await self.jobs.create(owner, self.place, new)
        self.news.tell()
        return job

    async def foresee(self, owner: str, new: NewJob) -> Forecast:
        """What a job would take. Raises as `create` and `Foresight.look`."""
        await asyncio.to_thread(self._plan.check, new.model, new.training_file, new.validation_file)
        await self.jobs.check_files(owner, self.place, new)
        return await self.foresight.look(owner, self.place, new)

    def bases(self) -> list[InstalledModel]:
        """The models that can be taught, by name."""
        return [model for model in self.library.list() if _can_be_taught(model)]

    async def cancel(self, owner: str, job_id: str) -> Job:
        """End the job; nothing of it is kept. Raises NotFoundError, ConflictError."""
        return self._told(await self.jobs.cancel(owner, job_id))

    async def pause(self, owner: str, job_id: str) -> Job:
        """Have the job save a checkpoint and wait. Raises NotFoundError, ConflictError."""
        return self._told(await self.jobs.pause(owner, job_id))

    async def resume(self, owner: str, job_id: str) -> Job:
        """Have the job go on. Raises NotFoundError, ConflictError."""
        return self._told(await self.jobs.resume(owner, job_id))

    async def watch(
        self, owner: str, job_id: str, after: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """A job's events as they come, the oldest first, until the job is finished. after: the id
        of the last one seen. Raises NotFoundError."""
        number = 0 if after is None else await self.events.number(owner, job_id, after)
        while True:
            news = self.news.next
            job = await self.jobs.get(owner, job_id)
            is_alive = job_id in self.runner.working
            while events := await self.events.since(owner, job_id, number, EVENTS_AT_ONCE):
                for event in events:
                    yield event
                number = events[-1].number
            if job.status in FINISHED and not is_alive:
                return
            await wait_for(news, LOOK_SECONDS)

    async def aclose(self) -> None:
        """End the workers; what they do goes on at the next start."""
        await self.datasets.preparations.aclose()
        await self.runner.aclose()

    def _told(self, job: Job) -> Job:
        self.news.tell()
        return job

    async def _order(self, job: Job) -> JobOrder:
        names = {}
        for file_id in (job.training_file, job.validation_file):
            if file_id is not None and not file_id.startswith(DATASET):
                names[file_id] = (await self.files.get(job.owner, file_id)).name
        return await asyncio.to_thread(self._plan.order, job, names)


def _can_be_taught(model: InstalledModel) -> bool:
    """As `plan.base_of` would take it; what is broken says so when it is asked for."""
    try:
        packing = read_packing(model.path)
    except CheckpointError:
        return False
    return model.tuned is None and (packing is None or packing.bits != 4)
