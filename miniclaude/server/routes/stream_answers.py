"""What a socket has in the making: chat completions, which end with it, and turns of stored
conversations, which it only watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup
from fastapi import WebSocket

from miniclaude.errors import InvalidRequestError, MiniClaudeError, PermissionDeniedError
from miniclaude.server.disconnect import closing, unless_stopping
from miniclaude.server.quotas import caller_of
from miniclaude.server.routes.chat import open_chunks
from miniclaude.server.routes.conversations import OWNER, begin_turn
from miniclaude.server.services import services_of
from miniclaude.server.wire.chat import ChatBody
from miniclaude.server.wire.conversations import NewTurn, started_json, turn_event_json
from miniclaude.server.wire.socket import TurnStartFrame, TurnWatchFrame
from miniclaude.server.wire.validation import validate

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Answer(Protocol):
    """One request of a socket."""

    async def run(self, send: Send) -> None:
        """Send frames until it has ended. Raises what is to be told as its end."""
        ...

    def cancel(self) -> None:
        """The client wants no more of it; `run` then ends in good time."""
        ...


class ChatAnswer:
    """A chat completion that nothing keeps."""

    def __init__(self, socket: WebSocket, body: ChatBody) -> None:
        self._socket = socket
        self._body = body
        self._scope = anyio.CancelScope()

    async def run(self, send: Send) -> None:
        """`chat.chunk`s. Raises OverloadedError when the server stops."""

        async def say() -> None:
            async with closing(open_chunks(self._socket, self._body)) as chunks:
                async for chunk in chunks:
                    await send({"type": "chat.chunk", "data": chunk})

        with self._scope:
            await unless_stopping(services_of(self._socket).stopping, say)

    def cancel(self) -> None:
        """At once."""
        self._scope.cancel()


class TurnAnswer:
    """A turn that this socket began, or watches from an offset on.

    group: the socket's tasks. Raises PermissionDeniedError for a key that has no conversations, and
    InvalidRequestError for a turn that makes no sense.
    """

    def __init__(
        self, socket: WebSocket, group: TaskGroup, frame: TurnStartFrame | TurnWatchFrame
    ) -> None:
        caller = caller_of(socket.scope)
        if not caller.owner:
            raise PermissionDeniedError(
                f"The key {caller.name!r} may ask models, and nothing else.",
                hint="Use the api_key of the server's settings.",
            )
        self._services = services_of(socket)
        self._group = group
        self._frame = frame
        self._known = anyio.Event()
        self._body: NewTurn | None = None
        self._turn_id: str | None = None
        if isinstance(frame, TurnStartFrame):
            self._body = validate(NewTurn, frame.body)
        else:
            self._turn_id = frame.turn_id
            self._known.set()

    async def run(self, send: Send) -> None:
        """`turn.started` if it began here, then `turn.event`s."""
        turns, conversation, offset = self._services.turns, self._frame.conversation_id, 0
        if self._body is not None:
            try:
                started = await begin_turn(self._services, conversation, self._body)
                self._turn_id = started.turn_id
            finally:
                self._known.set()
            await send({"type": "turn.started", **started_json(started)})
        assert self._turn_id is not None  # noqa: S101  # either way it is known by now
        if isinstance(self._frame, TurnWatchFrame):
            offset = self._frame.offset
            check_offset(offset, await turns.length(OWNER, conversation, self._turn_id))
        events = turns.events(OWNER, conversation, self._turn_id, offset)
        async with closing(events):
            async for event in events:
                await send({"type": "turn.event", "data": turn_event_json(event)})

    def cancel(self) -> None:
        """Stop the turn; what was written is kept, and its last event says so."""
        self._group.start_soon(self._stop)

    async def _stop(self) -> None:
        await self._known.wait()
        if self._turn_id is not None:
            # Whatever is wrong with the turn, its watcher is told.
            with suppress(MiniClaudeError):
                turns, conversation = self._services.turns, self._frame.conversation_id
                await turns.cancel(OWNER, conversation, self._turn_id)


def check_offset(offset: int, length: int) -> None:
    """Raises InvalidRequestError for one that lies beyond what was ever written: it counts the
    text of another turn, or text that a killed server had sent and not yet stored."""
    if offset > length:
        raise InvalidRequestError(
            f"offset: it is {offset}, and the answer has only {length} characters.",
            hint=f"Send the offset of the last event you received, at most {length}, or 0 to read"
            " the answer from its beginning.",
            param="offset",
        )
