"""What stands on every response, beside what its route says."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from miniclaude.server.headers import SECURITY_HEADERS, SecurityHeaders

pytestmark = pytest.mark.anyio


async def headers_beside(*own: tuple[bytes, bytes]) -> Headers:
    """Those of a response whose route sends its own."""
    sent: list[Message] = []

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(own)})

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await SecurityHeaders(route)({"type": "http"}, receive, send)
    return Headers(raw=sent[0]["headers"])


async def test_a_response_without_headers_has_ours() -> None:
    assert dict(await headers_beside()) == {**SECURITY_HEADERS, "cache-control": "no-store"}


async def test_a_route_says_what_may_be_cached_and_can_only_forbid_more() -> None:
    headers = await headers_beside(
        (b"cache-control", b"max-age=60"),
        (b"content-security-policy", b"sandbox"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"etag", b"1"),
    )
    assert headers.getlist("cache-control") == ["max-age=60"]
    ours = SECURITY_HEADERS["content-security-policy"]
    assert headers.getlist("content-security-policy") == [ours, "sandbox"]
    assert headers.getlist("x-frame-options") == ["DENY"]
    assert headers["etag"] == "1"
