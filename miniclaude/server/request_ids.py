"""An id for every request, which its response names and its errors repeat."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY = "mini_claude.request_id"
HEADERS = ("x-request-id", "request-id")
"""As OpenAI's clients and as Anthropic's look for it."""


def new_request_id() -> str:
    """An id that no other request has."""
    return f"req_{secrets.token_hex(12)}"


def request_id(scope: Scope) -> str:
    """The id of the request that `scope` belongs to."""
    found = scope.setdefault(KEY, new_request_id())
    return str(found)


class RequestIds:
    """ASGI middleware: puts the id on every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id = request_id(scope)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in HEADERS:
                    headers[name] = id
            await send(message)

        await self.app(scope, receive, named)
