"""How much a remote service may send before it has said something whole. The SDKs gather a line, an
event or a body until it ends, and one that never did filled the memory."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from miniclaude.providers.upstream import broken

if TYPE_CHECKING:
    import httpx2

MOST_EVENT_BYTES = 1 << 20
"""Of one event of a stream, with its comments. The largest is a tool call that is sent whole."""

MOST_BODY_BYTES = 16 << 20
"""Of what is no stream: a list of models, an error."""

EVENT_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n")


def capped(name: str) -> Callable[[httpx2.Response], Awaitable[None]]:
    """An event hook for the client of the service called `name`: whatever reads a response raises
    ProviderError where it is too much. It counts what is left when a compression is undone, which a
    transport could not."""

    async def cap(response: httpx2.Response) -> None:
        json = "json" in response.headers.get("content-type", "")
        read = _body if json or not response.is_success else _events
        # Both SDKs, and `aread`, read through this.
        response.aiter_bytes = partial(read, name, response.aiter_bytes)  # type: ignore[method-assign]

    return cap


async def _body(
    name: str, read: Callable[..., AsyncGenerator[bytes, None]], chunk_size: int | None = None
) -> AsyncGenerator[bytes, None]:
    count = 0
    async with aclosing(read(chunk_size)) as chunks:
        async for chunk in chunks:
            count += len(chunk)
            if count > MOST_BODY_BYTES:
                raise broken(name, f"its answer has more than {MOST_BODY_BYTES:,} bytes")
            yield chunk


async def _events(
    name: str, read: Callable[..., AsyncGenerator[bytes, None]], chunk_size: int | None = None
) -> AsyncGenerator[bytes, None]:
    count, tail = 0, b""
    async with aclosing(_without_mark(read(chunk_size))) as chunks:
        async for chunk in chunks:
            seen = tail + chunk  # an event's end may be cut in the middle
            tail = seen[-3:]
            end = max(seen.rfind(mark) + len(mark) if mark in seen else 0 for mark in EVENT_ENDS)
            count = len(seen) - end if end else count + len(chunk)
            if count > MOST_EVENT_BYTES:
                raise broken(name, f"it sent an event of more than {MOST_EVENT_BYTES:,} bytes")
            yield chunk


async def _without_mark(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Less a byte order mark at the beginning, which streams of events may have: the SDKs read it
    as a part of the first field's name, and pass the field over."""
    begun = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            begun += chunk
            if not BOM_UTF8.startswith(begun):  # it may be cut in the middle
                yield begun.removeprefix(BOM_UTF8)
                break
        async for chunk in chunks:
            yield chunk
