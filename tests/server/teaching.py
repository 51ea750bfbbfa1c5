"""An application that fine-tunes, with a worker whose work is a stand-in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from miniclaude.jobs.fine_tuning import FineTuning
from miniclaude.providers.echo import Echo
from miniclaude.providers.registry import Registry
from miniclaude.server.app import create_app
from miniclaude.server.services import opened
from miniclaude.server.workbench import Workbench
from miniclaude.settings import ServerSettings
from miniclaude.store.jobs import Queue
from tests.jobs.conftest import workshop_in
from tests.server.conftest import URL

ROW = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}
ROWS = json.dumps(ROW).encode() + b"\n"


@dataclass
class Teaching:
    """A client, and what is behind it."""

    client: httpx2.AsyncClient
    tuning: FineTuning
    home: Path

    async def upload(self, content: bytes = ROWS, name: str = "rows.jsonl", **form: Any) -> Any:
        """POST /v1/files; returns the response."""
        data = {"purpose": "fine-tune", **form}
        return await self.client.post("/v1/files", data=data, files={"file": (name, content)})

    async def file_id(self) -> str:
        """The id of a new file."""
        return str((await self.upload()).json()["id"])

    async def create(self, **fields: Any) -> Any:
        """POST /v1/fine_tuning/jobs; returns the response."""
        if "training_file" not in fields:
            fields["training_file"] = await self.file_id()
        return await self.client.post("/v1/fine_tuning/jobs", json={"model": "tiny", **fields})

    async def until(self, job_id: str, *statuses: str) -> Any:
        """The job as it is told, once it has one of the statuses and nothing is done about it."""
        while True:
            news = self.tuning.news.next
            job = (await self.client.get(f"/v1/fine_tuning/jobs/{job_id}")).json()
            is_idle = job_id not in self.tuning.runner.working
            if job["status"] in statuses and (is_idle or job["status"] == "running"):
                return job
            assert not is_idle or job["status"] not in ("failed", "succeeded", "cancelled"), job
            await news.wait()

    async def act(self, job_id: str, verb: str) -> Any:
        """POST …/cancel, pause or resume."""
        return await self.client.post(f"/v1/fine_tuning/jobs/{job_id}/{verb}")


@asynccontextmanager
async def teaching(home: Path, **settings: Any) -> AsyncIterator[Teaching]:
    """Serve in-process from this home folder."""
    registry = Registry({"echo": Echo()}, "echo")
    configured = ServerSettings.model_validate({"home": home, **settings})
    workshop = workshop_in(home, max_file_bytes=configured.max_file_bytes)
    bench = await Workbench.open(configured, workshop.library)
    url = f"sqlite:///{home / 'test.db'}"
    services = opened(url, registry, 8, str, workshop, workbench=bench)
    app = create_app(configured, services)
    async with app.router.lifespan_context(app):
        tuning = app.state.services.fine_tuning
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
            yield Teaching(client, tuning, home)


@asynccontextmanager
async def idle_teaching(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Teaching]:
    """The same; nothing is done about its jobs."""

    async def never(self: Queue, **skip: object) -> None:
        return None

    monkeypatch.setattr(Queue, "next_unvalidated", never)
    async with teaching(home) as started:
        yield started
