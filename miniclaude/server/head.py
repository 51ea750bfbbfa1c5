"""HEAD wherever there is GET: `curl -I` and what watches a server ask so."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware: what answers GET answers HEAD, with the same head and nothing behind it. A
    stream is given up as soon as it begins: it may have no end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = False

        async def head_only(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b""})
            if message.get("more_body"):
                stream.cancel()

        # The same scope, so that who counts requests finds the route in it.
        scope["method"] = "GET"
        try:
            with anyio.CancelScope() as stream:
                await self.app(scope, receive, head_only)
        finally:
            scope["method"] = "HEAD"
