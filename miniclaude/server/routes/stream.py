"""`WS /chat/stream`: chat completions over a socket.

In: `chat.start` with an id and a request, `chat.cancel`. Out: `chat.chunk`s, then for each id that
was started exactly one end: `chat.done`, also after a cancel, or `error`.
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
)
from miniclaude.server.body import parse_json
from miniclaude.server.disconnect import closing
from miniclaude.server.error_handlers import describe
from miniclaude.server.quotas import caller_of
from miniclaude.server.routes.chat import open_chunks
from miniclaude.server.sse import to_json
from miniclaude.server.wire.chat import ChatBody
from miniclaude.server.wire.socket import CancelFrame, StartFrame, frame_id, read_frame
from miniclaude.server.wire.validation import validate

MAX_IN_FLIGHT = 16
"""Requests that one socket may have open."""

router = APIRouter()


@router.websocket("/chat/stream")
async def chat_stream(socket: WebSocket) -> None:
    """One socket, until its client leaves; whatever is still being answered ends with it."""
    await socket.accept()
    with suppress(WebSocketDisconnect, WebSocketDisconnected):
        async with anyio.create_task_group() as group:
            session = Session(socket, group)
            await session.read_frames()
            group.cancel_scope.cancel()


class Session:
    """The requests in flight on one socket."""

    def __init__(self, socket: WebSocket, group: TaskGroup) -> None:
        self._socket = socket
        self._group = group
        self._running: dict[str, anyio.CancelScope] = {}
        self._max_bytes = socket.app.state.settings.max_body_bytes

    async def read_frames(self) -> None:
        """Until the client leaves. A frame that makes no sense is answered, never fatal."""
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            data: object = None
            try:
                data = self._parse(message)
                self._obey(read_frame(data))
            except Exception as error:
                await self._fail(frame_id(data), error)

    def _parse(self, message: Message) -> object:
        text = message.get("text")
        if not isinstance(text, str):
            raise InvalidRequestError(
                "The frame is binary.", hint="Send JSON in text frames.", code="bad_json"
            )
        if len(text) > self._max_bytes or len(text.encode(errors="replace")) > self._max_bytes:
            raise PayloadTooLargeError(
                f"The frame is larger than {self._max_bytes:,} bytes.", hint="Send less."
            )
        return parse_json(text)

    def _obey(self, frame: StartFrame | CancelFrame) -> None:
        if isinstance(frame, CancelFrame):
            # An id that is not running has ended while the frame was on its way.
            if scope := self._running.get(frame.id):
                scope.cancel()
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
        caller_of(self._socket.scope).quota.take_request()
        body = validate(ChatBody, frame.body)
        scope = self._running[frame.id] = anyio.CancelScope()
        self._group.start_soon(self._answer, frame.id, body, scope)

    async def _answer(self, id: str, body: ChatBody, scope: anyio.CancelScope) -> None:
        ending: dict[str, Any] = {"type": "chat.done", "id": id}
        with scope:
            try:
                async with closing(open_chunks(self._socket, body)) as chunks:
                    async for chunk in chunks:
                        await self._send({"type": "chat.chunk", "id": id, "data": chunk})
            except Exception as error:
                ending = {"type": "error", "id": id, **describe(error)}
        del self._running[id]
        await self._send(ending)

    async def _fail(self, id: str | None, error: Exception) -> None:
        await self._send({"type": "error", "id": id, **describe(error)})

    async def _send(self, frame: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._socket.send_text(to_json(frame))
        await anyio.lowlevel.checkpoint()
