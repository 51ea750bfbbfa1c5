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
    first = await while_connected(request, services.stopping, lambda: anext(chunks))
    return EventStream(_frames(first, chunks), services.stopping)


async def _frames(first: dict[str, Any], rest: Chunks) -> AsyncGenerator[str, None]:
    async with closing(rest):
        try:
            yield sse(first)
            async for chunk in rest:
                yield sse(chunk)
        except Exception as error:  # the status is sent; the stream itself must tell
            yield sse(describe(error))
        else:
            yield DONE
