"""Datasets prepared beside the server, one at a time: started, watched live, and cancelled.

What is known of a preparation lives as long as the server: the dataset it makes is in its folder,
whole or not at all, and an unfinished one goes on when the same is asked for again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from miniclaude.data.prepared import dataset_folder
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.source_names import SourceNames
from miniclaude.data.work_folder import abandon
from miniclaude.engine.connection import Connection, spawn
from miniclaude.engine.protocol import Json, decode_error
from miniclaude.errors import ConflictError, EngineError, MiniClaudeError, NotFoundError
from miniclaude.jobs.news import News, wait_for
from miniclaude.store.conversations import unix_now

WORKER = ("-m", "miniclaude.jobs.preparing_worker")
KEPT = 20
"""Preparations that are remembered."""
LOOK_SECONDS = 15.0
"""After so long without news a watcher is told the same again, which keeps proxies from closing."""

Status = Literal["running", "finished", "failed", "cancelled"]


@dataclass(slots=True)
class Step:
    """One step of the pipeline. done, total: rows; total None while nobody knows. began, ended:
    seconds since 1970."""

    name: str
    done: int
    total: int | None
    began: float
    ended: float | None = None


@dataclass(slots=True)
class Preparation:
    """One dataset in the making. reports: what the finished steps reported, by their names."""

    id: str
    owner: str
    name: str
    sources: list[str]
    began: float
    status: Status = "running"
    ended: float | None = None
    steps: list[Step] = field(default_factory=list)
    reports: dict[str, Any] = field(default_factory=dict)
    error: MiniClaudeError | None = None


class Preparations:
    """Those of one home folder; `aclose` it in the end. datasets: the folder of all of them."""

    def __init__(self, datasets: Path, worker: Sequence[str] = WORKER) -> None:
        self._datasets = datasets
        self._worker = worker
        self._known: dict[str, Preparation] = {}
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._closing = False
        self._news = News()

    def begin(
        self, owner: str, name: str, sources: Sequence[str], options: PrepareOptions
    ) -> Preparation:
        """Start one. Raises InvalidRequestError for a bad name, ConflictError while another is
        running or where there is such a dataset already."""
        folder = dataset_folder(self._datasets, name)
        self.require_idle()
        if folder.exists():
            raise ConflictError(
                f"There is a dataset {name!r} already.",
                hint="Choose another name, or delete that one first.",
                param="name",
            )
        names = SourceNames(sources)
        made = Preparation(f"prep-{secrets.token_hex(16)}", owner, name, names.names, unix_now())
        self._known[made.id] = made
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        self._stop = asyncio.Event()
        order = {
            "sources": list(sources),
            "folder": str(folder),
            "options": options.as_dict(),
        }
        self._task = asyncio.create_task(self._run(made, order, names))
        return made

    def require_idle(self) -> None:
        """Raises ConflictError while one is running."""
        running = self.running
        if running is not None:
            raise ConflictError(
                f"The dataset {running.name!r} is being prepared.",
                hint="Wait until it is finished, or cancel it first.",
            )

    @property
    def running(self) -> Preparation | None:
        """The one that is being worked on."""
        return next((one for one in self._known.values() if one.status == "running"), None)

    def list(self, owner: str) -> list[Preparation]:
        """The newest first."""
        return [one for one in reversed(self._known.values()) if one.owner == owner]

    def get(self, owner: str, id: str) -> Preparation:
        """Raises NotFoundError."""
        found = self._known.get(id)
        if found is None or found.owner != owner:
            raise NotFoundError(
                "There is no such preparation.",
                hint="GET /preparations lists those since the server's start.",
                param="preparation_id",
            )
        return found

    async def watch(self, owner: str, id: str) -> AsyncGenerator[Preparation, None]:
        """The preparation now, and after every change until it has ended. Raises NotFoundError."""
        while True:
            news = self._news.next
            found = self.get(owner, id)
            yield found
            if found.status != "running":
                return
            await wait_for(news, LOOK_SECONDS)

    async def cancel(self, owner: str, id: str) -> Preparation:
        """End it and keep nothing of it. Raises NotFoundError, ConflictError when it has ended."""
        found = self.get(owner, id)
        if found.status != "running" or self._task is None:
            raise ConflictError(
                f"The preparation of {found.name!r} has ended: it is {found.status}.",
                hint="Delete the dataset if you do not want it.",
            )
        self._stop.set()
        await asyncio.shield(self._task)
        return found

    async def aclose(self) -> None:
        """End the worker; what it had finished of an unfinished dataset stays."""
        self._closing = True
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _run(self, made: Preparation, order: Json, names: SourceNames) -> None:
        try:
            connection = Connection(await spawn(*self._worker))
        except EngineError as error:
            self._end(made, "failed", error)
            return
        connection.send(order)
        listening = asyncio.create_task(self._listen(connection, made, names))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            listening.cancel()
            await asyncio.wait({listening})
            await connection.close_after(listening)
        if made.status == "running":
            if not self._closing:
                await asyncio.to_thread(self._abandon, Path(order["folder"]))
            self._end(made, "cancelled")

    async def _listen(self, connection: Connection, made: Preparation, names: SourceNames) -> None:
        try:
            async for message in connection.messages():
                if "result" in message:
                    self._end(made, "finished")
                elif "failed" in message:
                    error = decode_error(message["failed"])
                    error.message = names.plain(error.message)
                    error.args = (error.message,)
                    self._end(made, "failed", error)
                else:
                    self._progress(made, message)
            if made.status == "running":
                death = await connection.obituary("while it prepared the dataset")
                self._end(made, "failed", death)
        except EngineError as error:
            self._end(made, "failed", error)

    def _progress(self, made: Preparation, message: Json) -> None:
        now = unix_now()
        last = made.steps[-1] if made.steps else None
        if last is None or last.name != message["step"]:
            if last is not None:
                last.ended = now
            last = Step(message["step"], 0, None, now)
            made.steps.append(last)
        last.done, last.total = message["done"], message["total"]
        made.reports = message.get("reports") or made.reports
        self._news.tell()

    def _end(self, made: Preparation, status: Status, error: MiniClaudeError | None = None) -> None:
        made.status, made.error, made.ended = status, error, unix_now()
        if made.steps:
            made.steps[-1].ended = made.ended
        self._news.tell()

    def _abandon(self, folder: Path) -> None:
        with suppress(MiniClaudeError):
            abandon(folder)
