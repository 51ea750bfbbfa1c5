"""`WS /chat/stream`: chat completions and turns of conversations over a socket.

In: `chat.start` with an id and a request, `turn.start`, `turn.watch`, `chat.cancel`. Out:
`chat.chunk`s or `turn.event`s, then for each id that was started exactly one end: `chat.done`, also
after a cancel, or `error`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from fastapi import APIRouter, WebSocket
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from miniclaude.errors import (
    ConflictError,
    InvalidRequestError,
    OverloadedError,
    PayloadTooLargeError,
    RateLimitError,
    UnsupportedFieldError,
)
from miniclaude.server.body import beside_the_loop, check_values, parse_unchecked
from miniclaude.server.error_handlers import describe_in_frame
from miniclaude.server.quotas import caller_of
from miniclaude.server.routes.stream_answers import Answer, ChatAnswer, TurnAnswer
from miniclaude.server.services import services_of
from miniclaude.server.sse import to_json
from miniclaude.server.wire.chat import ChatBody
from miniclaude.server.wire.socket import CancelFrame, Frame, StartFrame, frame_id, read_frame
from miniclaude.server.wire.validation import validate

MAX_IN_FLIGHT = 16
"""Requests that one socket may have open."""

MAX_BAD_FRAMES = 20
"""Frames in a row that make no sense before a socket is closed. Each costs the server time, and a
key without a limit on its requests could send them for ever."""

MAX_REASON_BYTES = 123
"""Why a socket is closed has no more room in the frame that says so."""

POLICY_VIOLATION, SERVICE_RESTART = 1008, 1012
"""That a client does what it may not, and that the server stops, as WebSockets number them."""

router = APIRouter()


@router.websocket("/chat/stream")
async def chat_stream(socket: WebSocket) -> None:
    """One socket, until its client leaves; chat completions end with it, turns go on."""
    await socket.accept()
    with suppress(WebSocketDisconnect, WebSocketDisconnected):
        async with anyio.create_task_group() as group:
            session = Session(socket, group)
            group.start_soon(session.leave_when_stopping)
            await session.read_frames()
            group.cancel_scope.cancel()


class Session:
    """The requests in flight on one socket."""

    def __init__(self, socket: WebSocket, group: TaskGroup) -> None:
        self._socket = socket
        self._group = group
        self._running: dict[str, Answer] = {}
        self._untold = 0  # requests whose end was not sent yet
        self._stopping = services_of(socket).stopping
        self._max_bytes = socket.app.state.settings.max_body_bytes

    async def read_frames(self) -> None:
        """Until the client leaves. A frame that makes no sense is answered; so many in a row close
        the socket."""
        bad = 0
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            error = await self._read_frame(message)
            if error is None:
                bad = 0
            elif isinstance(error, InvalidRequestError):
                # What came too early, or once too often, may make sense.
                bad += 1
            if error is not None and bad == MAX_BAD_FRAMES:
                reason = f"{bad} bad frames in a row, the last: {error}".encode(errors="replace")
                # Cut between characters.
                text = reason[:MAX_REASON_BYTES].decode(errors="ignore")
                await self._close(POLICY_VIOLATION, text)
                return

    async def _read_frame(self, message: Message) -> Exception | None:
        """Do what a frame asks for. What is wrong with it is told, and returned."""
        data: object = None
        try:
            text = self._text(message)
            data = await beside_the_loop(len(text), parse_unchecked, text)
            # Once `data` is known: the error names its id.
            await beside_the_loop(len(text), check_values, data)
            frame = read_frame(data)
        except Exception as error:
            await self._fail(frame_id(data), self._counted(error))
            return error
        try:
            await self._obey(frame, len(text))
        except Exception as error:
            await self._fail(frame.id, error)
            return error
        return None

    def _counted(self, error: Exception) -> Exception:
        """What to tell of a frame that makes no sense: it took time to read and counts as a request
        does, of which there may be none left."""
        try:
            caller_of(self._socket.scope).quota.take_request()
        except RateLimitError as refused:
            return refused
        return error

    def _text(self, message: Message) -> str:
        text = message.get("text")
        if not isinstance(text, str):
            raise InvalidRequestError(
                "The frame is binary.", hint="Send JSON in text frames.", code="bad_json"
            )
        if len(text) > self._max_bytes or len(text.encode(errors="replace")) > self._max_bytes:
            raise PayloadTooLargeError(
                f"The frame is larger than {self._max_bytes:,} bytes.", hint="Send less."
            )
        return text

    async def _obey(self, frame: Frame, size: int) -> None:
        if isinstance(frame, CancelFrame):
            # An id that is not running has ended while the frame was on its way.
            if running := self._running.get(frame.id):
                running.cancel()
            return
        if frame.id in self._running:
            raise ConflictError(
                f"id: {frame.id!r} is already being answered.",
                hint="Use a new id for each request.",
                param="id",
            )
        if len(self._running) >= MAX_IN_FLIGHT:
            raise OverloadedError(
                f"This socket already has {MAX_IN_FLIGHT} requests open.",
                hint="Wait until one ends.",
            )
        answer: Answer
        if isinstance(frame, StartFrame):
            caller_of(self._socket.scope).quota.take_request()
            body = await beside_the_loop(size, validate, ChatBody, frame.body)
            _check_streams(body)
            answer = ChatAnswer(self._socket, body)
        else:
            answer = TurnAnswer(self._socket, self._group, frame)
        self._running[frame.id] = answer
        self._untold += 1
        self._group.start_soon(self._answer, frame.id, answer)

    async def _answer(self, id: str, answer: Answer) -> None:
        ending: dict[str, Any] = {"type": "chat.done", "id": id}
        try:
            await answer.run(lambda frame: self._send({"id": id, **frame}))
        except Exception as error:
            ending = {"type": "error", "id": id, **describe_in_frame(error)}
        del self._running[id]
        await self._send(ending)
        self._untold -= 1
        if self._stopping.is_set():
            await self._leave()

    async def leave_when_stopping(self) -> None:
        """Close the socket when the server stops, once every request has been told its end."""
        with self._stopping.cancels():
            await anyio.sleep_forever()
        await self._leave()

    async def _leave(self) -> None:
        if self._untold == 0:
            await self._close(SERVICE_RESTART)

    async def _close(self, code: int, reason: str | None = None) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._socket.close(code, reason)

    async def _fail(self, id: str | None, error: Exception) -> None:
        await self._send({"type": "error", "id": id, **describe_in_frame(error)})

    async def _send(self, frame: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._socket.send_text(to_json(frame))
        await anyio.lowlevel.checkpoint()


def _check_streams(body: ChatBody) -> None:
    """Here every answer is streamed; without the field too. Raises UnsupportedFieldError."""
    if "stream" in body.model_fields_set and not body.stream:
        raise UnsupportedFieldError(
            "stream: on a socket every answer comes in chunks, so it cannot be false.",
            hint="Leave it out, or POST the request to /chat/completions for a whole answer.",
            param="stream",
        )
