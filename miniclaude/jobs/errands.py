"""Errands: one at a time, each in a process of its own, watched by whoever wants to."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

from miniclaude.engine.connection import Connection, spawn
from miniclaude.engine.protocol import Json, decode_error
from miniclaude.errors import ConflictError, MiniClaudeError, NotFoundError
from miniclaude.jobs.errand import Errand, Order, Status
from miniclaude.jobs.news import News, wait_for
from miniclaude.model.staging import clear_up

WORKER = ("-m", "miniclaude.jobs.errand_worker")
MAX_KEPT = 20
"""Errands that are remembered; they are forgotten when the server ends."""

MAX_NOTES = 20
LOOK_SECONDS = 10.0
UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


class Errands:
    """One server's. `aclose` it at the end. exports: the folder for what is exported."""

    def __init__(self, exports: Path, worker: Sequence[str] = WORKER) -> None:
        self.exports = exports
        self._worker = worker
        self._errands: dict[str, Errand] = {}
        self._news = News()
        self._task: asyncio.Task[None] | None = None
        self._cancelled = asyncio.Event()

    def list(self) -> list[Errand]:
        """The newest first."""
        return [deepcopy(errand) for errand in reversed(self._errands.values())]

    def get(self, errand_id: str) -> Errand:
        """Raises NotFoundError."""
        errand = self._errands.get(errand_id)
        if errand is None:
            raise NotFoundError(
                f"There is no task {errand_id[:64]!r}.",
                hint="GET /library/tasks lists those since the server started.",
                param="task_id",
            )
        return deepcopy(errand)

    def begin(self, order: Order) -> Errand:
        """Start it. Raises ConflictError while another is running."""
        running = self._running()
        if running is not None or (self._task is not None and not self._task.done()):
            what = "another task" if running is None else f"{running.kind} of {running.model!r}"
            raise ConflictError(
                f"One thing at a time: {what} is still going on.",
                hint="Wait for its end, or cancel it.",
            )
        errand = Errand(
            f"task-{secrets.token_hex(12)}", order.kind, order.model, order.to, time.time()
        )
        self._errands[errand.id] = errand
        while len(self._errands) > MAX_KEPT:
            del self._errands[next(iter(self._errands))]
        self._cancelled = asyncio.Event()
        self._task = asyncio.create_task(self._live(errand, order, self._cancelled))
        return deepcopy(errand)

    def at_work_on(self, model: str) -> Errand | None:
        """The errand that is running, where it works on the model called `model`."""
        running = self._running()
        return deepcopy(running) if running is not None and running.model == model else None

    async def cancel(self, errand_id: str) -> Errand:
        """End it and keep nothing but what a pull has fetched. Raises NotFoundError; one that is
        finished stays as it is."""
        if self.get(errand_id).status == "running" and self._task is not None:
            self._cancelled.set()
            await asyncio.wait({self._task})
        return self.get(errand_id)

    async def watch(self, errand_id: str) -> AsyncGenerator[Errand, None]:
        """The errand now and after each change, until it has ended. Raises NotFoundError."""
        last: Errand | None = None
        while True:
            news = self._news.next
            errand = self.get(errand_id)
            if errand != last:
                yield errand
                last = errand
            if errand.status != "running":
                return
            await wait_for(news, LOOK_SECONDS)

    def place(self, model: str, to: str) -> Path:
        """A new name among the exports, made of a model's and a draw."""
        readable = UNSAFE.sub("-", model).strip(".-")[:80] or "model"
        ending = "" if to == "folder" else ".gguf"
        return self.exports / f"{readable}-{to}-{secrets.token_hex(3)}{ending}"

    async def aclose(self) -> None:
        """End what is running."""
        if self._task is not None:
            self._cancelled.set()
            await asyncio.wait({self._task})

    def _running(self) -> Errand | None:
        return next((e for e in self._errands.values() if e.status == "running"), None)

    async def _live(self, errand: Errand, order: Order, cancelled: asyncio.Event) -> None:
        status: Status = "failed"
        error: Json | None = {"message": "The task was broken off.", "hint": "Start it again."}
        try:
            errand.result = await self._run(errand, order, cancelled)
            status, error = "cancelled" if errand.result is None else "succeeded", None
        except MiniClaudeError as raised:
            error = {"message": raised.message, "hint": raised.hint}
        finally:
            try:
                if status != "succeeded":
                    await asyncio.to_thread(_sweep, order)
            finally:
                # Last, for who reads that it has ended may begin another at once.
                errand.status, errand.error, errand.finished_at = status, error, time.time()
                self._news.tell()

    async def _run(self, errand: Errand, order: Order, cancelled: asyncio.Event) -> str | None:
        """The errand's result, or None once it was cancelled."""
        connection = Connection(await spawn(*self._worker))
        connection.send(order.as_dict())
        listening = asyncio.create_task(self._listen(errand, connection))
        cancelling = asyncio.create_task(cancelled.wait())
        try:
            await asyncio.wait({listening, cancelling}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                return listening.result()
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            return None
        finally:
            cancelling.cancel()
            await connection.close_after(listening)

    async def _listen(self, errand: Errand, connection: Connection) -> str:
        async for message in connection.messages():
            if "failed" in message:
                raise decode_error(message["failed"])
            if "result" in message:
                errand.done = errand.total
                return str(message["result"])
            _read(errand, message)
            self._news.tell()
        raise await connection.obituary("while it was at work")


def _read(errand: Errand, message: Json) -> None:
    if "note" in message:
        errand.notes = [*errand.notes, str(message["note"])][-MAX_NOTES:]
    errand.total = message.get("total", errand.total)
    errand.done = message.get("done", errand.done)
    errand.file = message.get("file", errand.file)


def _sweep(order: Order) -> None:
    """What a worker that was killed left half done. What a pull has fetched stays: the next try
    goes on from it."""
    if order.kind == "quantize":
        clear_up(Path(order.models))  # but for what others are at work on
    if order.kind == "export":
        target = Path(order.target)
        for path in target.parent.glob(f".{target.name}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
