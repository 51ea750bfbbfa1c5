"""Server-sent events: framing, and a response that stops when its reader does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from miniclaude.server.disconnect import Stopping, closing, stopping_error, wait_until_gone
from miniclaude.server.error_handlers import describe

DONE = "data: [DONE]\n\n"
"""How the OpenAI API ends a stream that went well."""


BEAT = ": beat\n\n"
"""A comment, which readers of events pass over."""
BEAT_S = 15.0
"""Seconds from one beat to the next. The page takes a stream without a byte in 45 for dead."""


def to_json(data: object) -> str:
    """Compact JSON on one line. Raises ValueError for what JSON cannot say, such as NaN."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sse(data: dict[str, Any], *, id: str | None = None) -> str:
    """One event. JSON holds no line breaks, so one `data:` line is enough."""
    head = "" if id is None else f"id: {id}\n"
    return f"{head}data: {to_json(data)}\n\n"


def typed_sse(data: dict[str, Any]) -> str:
    """One event that says its type twice, as Anthropic's clients and OpenAI's Responses want it:
    without the `event:` line they see nothing."""
    return f"event: {data['type']}\n{sse(data)}"


def tell_error(error: Exception) -> str:
    """How a stream of chunks tells that it failed."""
    return sse(describe(error))


class EventStream(Response):
    """Sends events as they come.

    The iterator is closed when it ends, when the client disconnects (also while the iterator
    waits, and also if it never does), and when `stopping` is set, which the client is told by
    `tell`. first: what was taken from `events` already, to learn that there is something to send.
    beats: say now and then that the stream is alive. Between a proxy that keeps its end open and a
    server that it has lost, a reader cannot tell silence from a broken line.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[str],
        stopping: Stopping | None = None,
        *,
        first: str = "",
        tell: Callable[[Exception], str] = tell_error,
        beats: bool = False,
    ) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self.first = first
        self.tell = tell
        self.beats = beats
        self.events = events
        self.stopping = stopping or Stopping()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One response."""

        in_turn = asyncio.Lock()
        ended = False

        async def send_body(text: str, *, more: bool = True) -> None:
            nonlocal ended
            body = {"body": text.encode(), "more_body": more}
            async with in_turn:
                if not ended:  # a beat may have waited for its turn behind the end
                    ended = not more
                    await send({"type": "http.response.body", **body})

        async def beat() -> None:
            while True:
                await anyio.sleep(BEAT_S)
                await send_body(BEAT)

        async with anyio.create_task_group() as group:

            async def watch_client() -> None:
                await wait_until_gone(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch_client)
            with self.stopping.cancels() as sending:
                async with closing(self.events) as events:
                    start = {"status": self.status_code, "headers": self.raw_headers}
                    await send({"type": "http.response.start", **start})
                    await send_body(self.first)
                    if self.beats:
                        group.start_soon(beat)
                    async for event in events:
                        await send_body(event)
                        await anyio.lowlevel.checkpoint()
            if sending.cancelled_caught:
                await send_body(self.tell(stopping_error()))
            await send_body("", more=False)
            group.cancel_scope.cancel()
