"""Responses and events of JSON that may be large, such as the probabilities of thousands of tokens.

Python's encoder holds the interpreter's lock until it is done: 0.4 s for what the largest answer
may hold, in which no other answer would get on. So it is called in another thread, for a piece at a
time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response

from miniclaude.server.sse import to_json

AT_ONCE = 64
"""Entries of a list that are written in one piece."""


async def large_json(data: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """`data` as a response with these headers."""
    content = await asyncio.to_thread(lambda: "".join(pieces(data)).encode())
    return Response(content, headers=dict(headers), media_type="application/json")


async def large_typed_sse(data: Mapping[str, Any]) -> str:
    """One event that says its type twice, as `typed_sse` writes it."""
    text = await asyncio.to_thread(lambda: "".join(pieces(data)))
    return f"event: {data['type']}\ndata: {text}\n\n"


def pieces(data: Any) -> Iterator[str]:
    """Compact JSON, as `to_json` writes it."""
    if isinstance(data, Mapping) and data:
        yield "{"
        for place, (key, value) in enumerate(data.items()):
            yield f"{',' if place else ''}{to_json(key)}:"
            yield from pieces(value)
        yield "}"
    elif isinstance(data, list) and len(data) > AT_ONCE:
        yield "["
        for first in range(0, len(data), AT_ONCE):
            yield "," if first else ""
            yield to_json(data[first : first + AT_ONCE])[1:-1]
        yield "]"
    elif isinstance(data, list) and data and isinstance(data[0], Mapping):
        yield "["
        for place, value in enumerate(data):
            yield "," if place else ""
            yield from pieces(value)
        yield "]"
    else:
        yield to_json(data)
