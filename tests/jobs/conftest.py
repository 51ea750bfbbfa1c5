"""Fine-tuning in a home folder of the test's own, with a worker whose work is a stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from miniclaude.jobs.fine_tuning import FineTuning, Workshop
from miniclaude.model.library import Library
from miniclaude.store.database import Database
from miniclaude.store.files import StoredFile, new_file_id
from miniclaude.store.jobs import FINISHED, Job, NewJob
from tests.store.databases import database as database
from tests.store.databases import postgresql as postgresql
from tests.store.databases import postgresql_url as postgresql_url

STAND_IN = (str(Path(__file__).with_name("stand_in_worker.py")),)
OWNER = "ada"
SUPERVISED: dict[str, object] = {"type": "supervised", "supervised": {"hyperparameters": {}}}


def workshop_in(home: Path, max_file_bytes: int = 1_000_000) -> Workshop:
    """A home folder with one model, `tiny`, whose files are no model at all."""
    model = home / "models" / "tiny"
    if not model.exists():
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
    return Workshop(
        home=home,
        library=Library(home / "models", adapters=home / "adapters"),
        files=home / "files",
        datasets=home / "datasets",
        adapters=home / "adapters",
        runs=home / "jobs",
        max_file_bytes=max_file_bytes,
        worker=STAND_IN,
    )


@dataclass
class Taught:
    """Fine-tuning that runs, and short ways to use it."""

    home: Path
    tuning: FineTuning

    async def upload(self, text: str = '{"messages": []}\n', owner: str = OWNER) -> str:
        """A file of rows; returns its id."""
        file_id = new_file_id()
        with self.tuning.folder.write(file_id, 1000) as writer:
            writer.write(text.encode())
        file = StoredFile.written(
            file_id, writer, place=self.tuning.place, name="rows.jsonl", purpose="fine-tune"
        )
        await self.tuning.files.add(owner, file)
        return file_id

    async def start(self, suffix: str = "", text: str = '{"messages": []}\n') -> Job:
        """A job on a new file."""
        new = NewJob("tiny", await self.upload(text), SUPERVISED, suffix=suffix)
        return await self.tuning.create(OWNER, new)

    async def until(self, job: Job, reached: Callable[[Job], bool]) -> Job:
        """The job, once it is so. Woken by the job's own news."""
        while True:
            news = self.tuning.news.next
            now = await self.tuning.jobs.get(OWNER, job.id)
            if reached(now):
                return now
            if now.status in FINISHED and now.id not in self.tuning.runner.working:
                pytest.fail(f"the job is {now.status}: {now.error}")
            await news.wait()

    async def until_status(self, job: Job, status: str) -> Job:
        """The job, once it has the status and nothing is done about it any more."""
        return await self.until(
            job,
            lambda now: (
                now.status == status
                and (status == "running" or now.id not in self.tuning.runner.working)
            ),
        )

    async def until_told(self, job: Job, words: str) -> None:
        """Return once an event says so."""
        async for event in self.tuning.watch(OWNER, job.id):
            if words in event.message:
                return
        pytest.fail(f"the job ended without saying {words!r}")

    async def messages(self, job: Job) -> list[str]:
        """All that was told, the oldest first."""
        events = await self.tuning.events.since(OWNER, job.id, 0, 1000)
        return [event.message for event in events]


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Taught]:
    """On SQLite."""
    database = await Database.open(f"sqlite:///{tmp_path / 'jobs.db'}")
    tuning = await FineTuning.open(database, workshop_in(tmp_path))
    yield Taught(tmp_path, tuning)
    await tuning.aclose()
    await database.close()


@pytest.fixture
async def taught_on_each(database: Database, tmp_path: Path) -> AsyncIterator[Taught]:
    """On each kind of database in turn."""
    tuning = await FineTuning.open(database, workshop_in(tmp_path))
    yield Taught(tmp_path, tuning)
    await tuning.aclose()
