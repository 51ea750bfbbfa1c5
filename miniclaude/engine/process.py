"""The engine as the server sees it: a worker process that is kept alive.

Many requests share one worker; each has its own stream of outputs. A worker that dies takes the
requests it was answering with it, by name, and is started again; one that dies again and again
without having answered anything is given up, with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

from miniclaude.engine.admission import check_request
from miniclaude.engine.connection import Connection
from miniclaude.engine.protocol import (
    GUESSED,
    EngineInfo,
    EngineSpec,
    decode_error,
    decode_output,
    encode_request,
)
from miniclaude.engine.queued import Queued
from miniclaude.engine.request import GenerationRequest, Output
from miniclaude.errors import EngineError, MiniClaudeError

__all__ = ["EngineInfo", "EngineProcess", "EngineSpec"]

MAX_CRASHES = 4
"""In a row, without a finished answer between; then the worker is given up."""

BACKOFF_SECONDS = 0.2
"""Before the first restart; doubled at each further one in a row."""


class Mailbox:
    """The outputs of one request that nobody has read yet.

    What is unread is merged, for each choice: a slow reader finds at most the whole answer, which
    `max_tokens` bounds, and never slows the others down. An output with log probabilities begins a
    piece of its own, for they are those of the tokens that begin its text.
    """

    def __init__(self) -> None:
        self.unread: dict[int, list[Output]] = {}
        self.error: MiniClaudeError | None = None
        self.arrived = asyncio.Event()

    def put(self, output: Output) -> None:
        """Add what is new."""
        pieces = self.unread.setdefault(output.index, [])
        if pieces and not output.logprobs:
            before = pieces.pop()
            output = replace(
                output,
                text=before.text + output.text,
                logprobs=before.logprobs,
                prompt_logprobs=before.prompt_logprobs + output.prompt_logprobs,
                embedding=output.embedding or before.embedding,
            )
        pieces.append(output)
        self.arrived.set()

    def fail(self, error: MiniClaudeError) -> None:
        """No more will come."""
        self.error = error
        self.arrived.set()

    async def take(self) -> list[Output]:
        """Wait for news and take all of it. Raises the error, once everything before is read."""
        await self.arrived.wait()
        if self.error is not None and not self.unread:
            raise self.error
        outputs = [piece for pieces in self.unread.values() for piece in pieces]
        self.unread.clear()
        if self.error is None:
            self.arrived.clear()
        return outputs


class EngineProcess:
    """A supervised worker. `start` it, `submit` to it, `close` it; one event loop throughout.
    guessed: where its guesses are counted, by the names of `protocol.GUESSED`."""

    def __init__(self, spec: EngineSpec, guessed: Counter[str] | None = None) -> None:
        self.spec = spec
        self.guessed = Counter[str]() if guessed is None else guessed
        self.connection: Connection | None = None
        self.failure: MiniClaudeError | None = None
        self.mailboxes: dict[str, Mailbox] = {}
        self.ids = itertools.count()
        self.settled = asyncio.Event()  # a worker is ready, or there will be none
        self.supervisor: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        """There is no worker and there will be none: make a new EngineProcess to try again."""
        return self.failure is not None

    async def start(self) -> EngineInfo:
        """Start the worker and wait until it has loaded its model; at a second call, only wait.

        Raises what kept it from loading: CheckpointError, TokenizerError, SettingsError or
        EngineError.
        """
        if self.supervisor is None:
            self.supervisor = asyncio.create_task(self.supervise())
        return (await self.connected()).info

    async def connected(self) -> Connection:
        """The worker, once it is ready. Raises EngineError, or what it failed with, when there is
        none and will be none."""
        if self.supervisor is None:
            raise EngineError("The engine has not been started.", hint="Call start() first.")
        while self.connection is None:
            await self.settled.wait()
            if self.failure is not None:
                raise self.failure.with_traceback(None)
        return self.connection

    async def submit(self, request: GenerationRequest) -> AsyncIterator[Output]:
        """The outputs of a request, as they come, until each of its answers has ended.

        Closing the iterator early cancels the request. Raises InvalidRequestError and
        ContextLengthError for what the caller can mend, OverloadedError when the queue is full,
        EngineError when the worker dies.
        """
        connection = await self.connected()
        check_request(request, connection.info.vocab_size, connection.info.context)
        name = str(next(self.ids))
        mailbox = self.mailboxes[name] = Mailbox()
        unfinished = request.sampling.n
        try:
            connection.send({"submit": encode_request(request, name)})
            await connection.drain()
            while unfinished:
                for output in await mailbox.take():
                    unfinished -= output.finish is not None
                    yield replace(output, id=request.id)
        finally:
            del self.mailboxes[name]
            if unfinished and mailbox.error is None:
                connection.cancel(name)

    def queue_of(self, user: str) -> Queued | None:
        """What is known to wait, when something of this user's does: before another request of
        theirs costs a tokenising, it can be asked whether that has room."""
        return None if self.connection is None else self.connection.queue_of(user)

    async def close(self) -> None:
        """End the worker, and with it whatever it is answering. Safe to call twice."""
        if self.supervisor is not None:
            self.supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.supervisor
        self.give_up(EngineError("The engine was stopped.", hint="Start the server again."))

    async def supervise(self) -> None:
        """Keep a worker running until `close`, or until it cannot be started, or crashes too often
        to go on."""
        crashes = 0
        while True:
            try:
                connection = await Connection.open(self.spec)
            except MiniClaudeError as error:
                self.give_up(error)
                return
            try:
                self.connection = connection
                self.settled.set()
                answered, end = await self.listen(connection)
            finally:
                self.connection = None
                self.settled.clear()
                await connection.close()
            self.fail_all(end)
            crashes = 1 if answered else crashes + 1
            if crashes == MAX_CRASHES:
                self.give_up(
                    EngineError(
                        f"{end.message} It died {crashes} times in a row and is not started again.",
                        hint="See the server's log, mend the cause, and start the server again.",
                    )
                )
                return
            await asyncio.sleep(BACKOFF_SECONDS * 2 ** (crashes - 1))

    async def listen(self, connection: Connection) -> tuple[bool, EngineError]:
        """Hand out what the worker says until it ends: whether it has finished any answer, and how
        it ended."""
        answered = False
        try:
            async for message in connection.messages():
                if "queue" in message:  # first: who is told of an end may ask again at once
                    connection.told_queue(message["queue"])
                if "refused" in message and message["refused"] in self.mailboxes:
                    self.mailboxes[message["refused"]].fail(decode_error(message["error"]))
                for name in GUESSED:
                    self.guessed[name] += message.get("guessed", {}).get(name, 0)
                for row in message.get("outputs", ()):
                    output = decode_output(row)
                    answered |= output.finish in ("stop", "length")
                    if output.id in self.mailboxes:
                        self.mailboxes[output.id].put(output)
        except EngineError as error:
            return answered, error
        return answered, await connection.obituary("while answering")

    def fail_all(self, error: MiniClaudeError) -> None:
        """End every live request."""
        for mailbox in self.mailboxes.values():
            mailbox.fail(EngineError(error.message, hint=error.hint))

    def give_up(self, error: MiniClaudeError) -> None:
        """There will be no worker any more; the first reason is the one that is told."""
        self.failure = self.failure or error
        self.settled.set()
        self.fail_all(error)
