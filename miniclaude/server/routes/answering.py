"""What chat and raw completions share: an answer whole, or streamed once it has begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Request

from miniclaude.server.disconnect import closing, while_connected
from miniclaude.server.error_handlers import describe
from miniclaude.server.services import Services
from miniclaude.server.sse import DONE, EventStream, sse

Chunks = AsyncGenerator[dict[str, Any], None]


async def stream(request: Request, services: Services, chunks: Chunks) -> EventStream:
    """`chunks` as an event stream. What fails before the first of them is raised here, while the
    response can still have a status of its own."""
    frames = _frames(chunks)
    first = await while_connected(request, services.stopping, lambda: anext(frames))
    return EventStream(frames, services.stopping, first=first)


async def _frames(chunks: Chunks) -> AsyncGenerator[str, None]:
    begun = False
    async with closing(chunks):
        try:
            async for chunk in chunks:
                yield sse(chunk)
                begun = True
        except Exception as error:
            if not begun:
                raise
            yield sse(describe(error))  # the status is sent; the stream itself must tell
        else:
            yield DONE
