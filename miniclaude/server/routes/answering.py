"""What chat and raw completions share: an answer whole, or streamed once it has begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from fastapi import Request

from miniclaude.server.disconnect import closing, while_connected
from miniclaude.server.large_json import large_typed_sse
from miniclaude.server.services import Services
from miniclaude.server.sse import DONE, EventStream, sse, tell_error, typed_sse

Chunks = AsyncGenerator[dict[str, Any], None]
IsLarge = Callable[[dict[str, Any]], bool]


async def stream(
    request: Request, services: Services, chunks: Chunks, headers: Mapping[str, str]
) -> EventStream:
    """`chunks` as an event stream, with these headers. What fails before the first chunk is raised
    here, while the response can still have a status of its own."""
    return await _begun(
        request, services, _frames(chunks, sse, tell_error, DONE), tell_error, headers
    )


async def typed_stream(
    request: Request,
    services: Services,
    events: Chunks,
    tell: Callable[[Exception], str],
    headers: Mapping[str, str],
    is_large: IsLarge | None = None,
) -> EventStream:
    """The same for a protocol whose events name their type, and whose last one is their end.
    tell: the event that says that the stream failed. is_large: of which events it would take too
    long to write them on the event loop."""
    frames = _frames(events, typed_sse, tell, "", is_large)
    return await _begun(request, services, frames, tell, headers)


async def _begun(
    request: Request,
    services: Services,
    frames: AsyncGenerator[str, None],
    tell: Callable[[Exception], str],
    headers: Mapping[str, str],
) -> EventStream:
    first = await while_connected(request, services.stopping, lambda: anext(frames))
    begun = EventStream(frames, services.stopping, first=first, tell=tell)
    begun.headers.update(headers)
    return begun


async def _frames(
    chunks: Chunks,
    frame: Callable[[dict[str, Any]], str],
    tell: Callable[[Exception], str],
    done: str,
    is_large: IsLarge | None = None,
) -> AsyncGenerator[str, None]:
    begun = False
    async with closing(chunks):
        try:
            async for chunk in chunks:
                large = is_large is not None and is_large(chunk)
                yield await large_typed_sse(chunk) if large else frame(chunk)
                begun = True
        except Exception as error:
            if not begun:
                raise
            yield tell(error)  # the status is sent; the stream itself must tell
        else:
            if done:
                yield done
