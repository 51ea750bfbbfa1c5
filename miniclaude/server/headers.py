"""The headers that tell a browser what our pages may never do."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        # KaTeX places the parts of a formula with style attributes.
        "style-src-attr 'unsafe-inline'",
        # What the page fetched with its key, or was handed by the person, and then shows.
        "img-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


_SENT = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_REPLACED = {name for name, _ in _SENT} - {b"content-security-policy"}


class SecurityHeaders:
    """ASGI middleware: on every response, errors included. Answers are not to be cached unless
    a route says so. A route's own content policy holds beside ours: it can only forbid more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                own = [pair for pair in message.get("headers", ()) if pair[0] not in _REPLACED]
                message["headers"] = [*_SENT, *own]
                if all(name != b"cache-control" for name, _ in own):
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self.app(scope, receive, with_headers)
