"""One life of a job's worker: started, listened to, asked to pause, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from miniclaude.engine.connection import Connection, spawn
from miniclaude.engine.protocol import Json, decode_error
from miniclaude.errors import EngineError, MiniClaudeError
from miniclaude.jobs.order import JobOrder, JobResult, Task

WORKER = ("-m", "miniclaude.jobs.worker")


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended: with a result, with an error it told, or without a word (`died`)."""

    result: JobResult | None = None
    failure: MiniClaudeError | None = None
    died: str = ""


class Life:
    """A worker process at work on one order. `live` it once; `pause` and `kill` from elsewhere."""

    def __init__(
        self, order: JobOrder, folder: Path, *, task: Task, arguments: Sequence[str] = WORKER
    ) -> None:
        self._message = {"order": order.as_dict(), "folder": str(folder), "task": task}
        self._task = task
        self._arguments = arguments
        self._connection: Connection | None = None
        self._wish: str | None = None
        self._killed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._connection is None else self._connection.process.pid

    def pause(self) -> None:
        """Ask it to save a checkpoint and end; unless it trains there is nothing to save. Asking
        twice is asking once."""
        if self._task != "train":
            self.kill()
        elif self._wish is None:
            self._wish = "pause"
            if self._connection is not None:
                self._connection.send({"wish": "pause"})

    def kill(self) -> None:
        """End it at once."""
        self._killed.set()

    async def live(self, keep: Callable[[Json], Awaitable[object]]) -> End:
        """Start the worker, hand what it tells to `keep`, and say how it ended."""
        try:
            connection = self._connection = Connection(await spawn(*self._arguments))
        except EngineError as error:
            return End(died=error.message)
        connection.send(self._message)
        if self._wish is not None:
            connection.send({"wish": self._wish})
        listening = asyncio.create_task(self._listen(connection, keep))
        killing = asyncio.create_task(self._killed.wait())
        try:
            await asyncio.wait({listening, killing}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                listening.cancel()
                await asyncio.wait({listening})
                return End(died="The worker was ended.")
            return listening.result()
        finally:
            for task in (listening, killing):
                task.cancel()
            await connection.close_after(listening)
            self._connection = None

    async def _listen(
        self, connection: Connection, keep: Callable[[Json], Awaitable[object]]
    ) -> End:
        try:
            async for message in connection.messages():
                if "result" in message:
                    return End(result=JobResult.from_dict(message["result"]))
                if "failed" in message:
                    return End(failure=decode_error(message["failed"]))
                await keep(message)
        except EngineError as error:
            return End(died=error.message)
        return End(died=(await connection.obituary("while it worked on the job")).message)
