"""One life of a worker process, seen from the server: its pipes, its last words, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, cast

from miniclaude.engine.protocol import (
    MAX_LINE,
    EngineInfo,
    EngineSpec,
    Json,
    decode_error,
    decode_line,
    encode_line,
    encode_spec,
)
from miniclaude.engine.queued import Queued
from miniclaude.errors import EngineError

PASSED_ON = (
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "SYSTEMROOT",
    "TMPDIR",
)
"""The variables a worker gets of this process's environment: no keys, no home."""

FEW_PRODUCTS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32"}
"""oneDNN keeps working memory for each shape of matrix product that it has met, 1,024 of them, and
prompts and packed rows bring new lengths for ever: hundreds of megabytes that are never used again.
A model has about 15 shapes for one number of rows."""

LAST_WORDS = 20
STOP_SECONDS = 5.0


def worker_environment() -> dict[str, str]:
    """The whole environment of a process that computes."""
    return {**FEW_PRODUCTS, **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}


def limit_products() -> None:
    """The same limit for this very process, where it computes; before its first product."""
    for name, value in FEW_PRODUCTS.items():
        os.environ.setdefault(name, value)


async def spawn(*arguments: str) -> Process:
    """Start Python with these arguments, pipes for its three streams and no environment to speak
    of. Raises EngineError when it cannot be started."""
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # never import from the working directory
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=worker_environment(),
            limit=MAX_LINE,
            start_new_session=True,  # Ctrl-C at the terminal is for the server, which closes us
        )
    except OSError as error:
        raise EngineError(
            f"The model's worker process cannot be started: {error.strerror or error}.",
            hint="The machine may be short of memory, processes or open files (ulimit -n).",
        ) from error


class Connection:
    """A worker process that has loaded its model. Made by `open`. cancelled: how many requests it
    was told to forget."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.input = cast(asyncio.StreamWriter, process.stdin)  # all three were asked to be pipes
        self.output = cast(asyncio.StreamReader, process.stdout)
        self.errors = cast(asyncio.StreamReader, process.stderr)
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self.listener = asyncio.create_task(self.listen_to_errors())
        self.info: EngineInfo
        self.cancelled = 0
        self._queued: Queued | None = None

    @classmethod
    async def open(cls, spec: EngineSpec) -> Connection:
        """Start a worker and wait until it is ready.

        Raises what kept it from loading (CheckpointError, TokenizerError, SettingsError), or
        EngineError when it could not be started at all, or died without a word.
        """
        process = await spawn("-m", "miniclaude.engine.worker")
        connection = cls(process)
        try:
            connection.send(encode_spec(spec))
            async for message in connection.messages():
                if "failed" in message:
                    raise decode_error(message["failed"])
                connection.info = EngineInfo(**message["ready"])
                return connection
            raise await connection.obituary("while loading the model")
        except BaseException:
            await connection.close(seconds=0)
            raise

    def send(self, message: Json) -> None:
        """Queue a message; lost, as it should be, when the worker has gone."""
        if not self.input.is_closing():
            self.input.write(encode_line(message))

    def cancel(self, request: str) -> None:
        """Have a request forgotten."""
        self.cancelled += 1
        self.send({"cancel": request})

    def told_queue(self, queued: Json | None) -> None:
        """The worker's latest word of what waits there; None: it may be shorter by now."""
        self._queued = None if queued is None else Queued(**queued)

    def queue_of(self, user: str) -> Queued | None:
        """What waits, where that is known and something of this user's does."""
        queued = self._queued
        if queued is None or queued.cancelled != self.cancelled or not queued.knows(user):
            return None
        return queued

    async def drain(self) -> None:
        """Wait until the worker has taken most of what was sent."""
        with contextlib.suppress(ConnectionError):
            await self.input.drain()

    async def messages(self) -> AsyncIterator[Json]:
        """What the worker says, until it ends. Raises EngineError when that is no message."""
        while True:
            try:
                line = await self.output.readline()
            except ValueError as error:  # longer than `limit`
                raise EngineError(
                    "The engine's worker sent a line without an end.",
                    hint="Ask again; it restarts by itself.",
                ) from error
            if not line.endswith(b"\n"):
                return
            yield decode_line(line)

    async def listen_to_errors(self) -> None:
        """Keep the last lines of standard error; reading on keeps the worker from blocking."""
        rest = b""
        while chunk := await self.errors.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-1000:]
            self.last_words.extend(line[:1000].decode(errors="replace") for line in lines)
        self.last_words.append(rest.decode(errors="replace"))

    async def obituary(self, when: str) -> EngineError:
        """How the worker ended, once its output has."""
        code = await self.process.wait()
        await self.listener
        if code < 0:
            names = {known.value: known.name for known in signal.Signals}
            how = f"was killed by {names.get(-code, f'signal {-code}')}"
        else:
            how = f"exited with code {code}"
        words = next((line.strip() for line in reversed(self.last_words) if line.strip()), "")
        because = f": {words.rstrip('.')}." if words else "."
        return EngineError(
            f"The model's worker process {how} {when}{because}",
            hint="Ask again: it restarts by itself. If it was killed, the machine may be short"
            " of memory.",
        )

    async def close(self, seconds: float = STOP_SECONDS) -> None:
        """End the worker: it leaves when its input ends, and is killed if it has not after
        `seconds`."""
        self.input.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.process.wait()
        finally:
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
        await self.process.wait()
        await self.listener

    async def close_after(self, listening: asyncio.Task[Any]) -> None:
        """End a worker that does one thing. Who was heard out leaves by itself: to kill it as it
        leaves would race asyncio for its exit code, which is logged then. Any other is killed."""
        heard_out = listening.done() and not listening.cancelled()
        heard_out = heard_out and not isinstance(listening.exception(), EngineError)
        await self.close(STOP_SECONDS if heard_out else 0)
