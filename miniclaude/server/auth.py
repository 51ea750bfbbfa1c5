"""Who may call: the Host and Origin a browser shows us, and the key.

Everything is denied unless it is allowed: a route that nobody thought about here needs the key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from miniclaude.errors import AuthenticationError, MiniClaudeError, PermissionDeniedError
from miniclaude.server.error_handlers import METHODS, error_response
from miniclaude.server.quotas import KEY as CALLER
from miniclaude.server.quotas import Caller
from miniclaude.server.rate_limits import COUNTED

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

PUBLIC_PATHS = frozenset({"/health", "/ready", "/v1/health", "/v1/ready"})
"""API addresses that need no key; the page's own files are the other exception."""


class Access:
    """ASGI middleware: refuses a request before any route sees it.

    hosts: names that may stand in the Host header, beside the loopback names; without this, a
    page whose name is made to resolve to 127.0.0.1 could read our answers (DNS rebinding).
    origins: pages of other origins that may call us, such as a development server; our own
    origin is always allowed, and a caller that is no browser sends none.
    key: None asks for no key. is_page: whether a path is one of the page's own files.
    callers: other keys, and whose they are; they may only ask models. owner: who has `key`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        key: str | None,
        is_page: Callable[[str], bool],
        callers: Mapping[str, Caller] | None = None,
        owner: Caller | None = None,
    ) -> None:
        self.app = app
        self.hosts = LOOPBACK_NAMES | {_as_in_header(host.lower()) for host in hosts}
        self.origins = frozenset(origins)
        self.key = None if key is None else _digest(key.encode())
        self.is_page = is_page
        self.callers = {_digest(k.encode()): caller for k, caller in (callers or {}).items()}
        self.owner = owner or Caller()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
        except MiniClaudeError as error:
            await _refuse(error, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = self._check_host(headers)
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            self._check_origin(scope["scheme"], host, headers)
        if not self._is_public(scope):
            caller = self._caller(headers)
            if not caller.owner and not may_ask(scope):
                raise PermissionDeniedError(
                    f"The key {caller.name!r} may ask models, and nothing else.",
                    hint="Use the api_key of the server's settings.",
                )
            scope[CALLER] = caller

    def _check_host(self, headers: Headers) -> str:
        host = headers.get("host", "").lower()
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdecimal():
            name = host
        if len(headers.getlist("host")) != 1 or name not in self.hosts:
            raise PermissionDeniedError(
                f"This server does not answer to the name {name[:100]!r}.",
                hint="Use localhost, or add the name to allowed_hosts in config.toml.",
                code="host_not_allowed",
            )
        return host

    def _check_origin(self, scheme: str, host: str, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            # A form or a request without a body needs no leave of ours to be sent, and not every
            # browser names its origin with every one; this header no page can leave out.
            raise PermissionDeniedError(
                "Pages of other sites may not use this server.",
                hint="Use the page that this server offers itself.",
                code="origin_not_allowed",
            )
        ours = f"{'https' if scheme in ('https', 'wss') else 'http'}://{host}"
        if origin is not None and origin != ours and origin not in self.origins:
            raise PermissionDeniedError(
                f"Pages of {origin[:100]!r} may not use this server.",
                hint="Add the origin to allowed_origins in config.toml if you trust it.",
                code="origin_not_allowed",
            )

    def _is_public(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return False
        return scope["path"] in PUBLIC_PATHS or self.is_page(scope["path"])

    def _caller(self, headers: Headers) -> Caller:
        """Whose key was sent. Raises AuthenticationError for none or a wrong one."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        # Some pages send an empty `Bearer` beside the key that they do have.
        given = bearer.strip() if scheme.lower() == "bearer" else ""
        given = given or headers.get("x-api-key", "")
        # The header's own bytes: a key that is no ASCII was sent as UTF-8.
        digest = _digest(given.encode("latin-1"))
        for known, caller in self.callers.items():
            if hmac.compare_digest(digest, known):
                return caller
        if self.key is None:
            return self.owner
        if not given:
            raise AuthenticationError(
                "This server needs an API key.", hint="Send it as Authorization: Bearer <key>."
            )
        if not hmac.compare_digest(digest, self.key):
            raise AuthenticationError(
                "The API key is wrong.", hint="Use the api_key of the server's settings."
            )
        return self.owner


class AllowedOrigins:
    """ASGI middleware: tells browsers that pages of these origins may call and read the answer
    (CORS), refusals too, and answers the question that they ask first, which bears no key. To
    everybody else nothing is told. The call itself needs the key as any other, and the page has to
    send it: no cookie or stored password goes with it.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app = app
        # Neither says whose page it is.
        self.origins = frozenset(origins) - {"*", "null"}
        self.cors = CORSMiddleware(
            app,
            allow_origins=self.origins,
            allow_methods=METHODS,
            allow_headers=("*",),  # the SDKs send a dozen of their own
            allow_credentials=False,
            allow_private_network=True,  # a page on the internet calls a server at home
            expose_headers=("*",),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; sockets know no such question."""
        allowed = scope["type"] == "http" and Headers(scope=scope).get("origin") in self.origins
        await (self.cors if allowed else self.app)(scope, receive, send)


def may_ask(scope: Scope) -> bool:
    """Whether the address is one where models are asked, or listed; all a key in `keys` is for."""
    path = str(scope["path"]).removeprefix("/v1")
    if scope["type"] == "websocket":
        return path == "/chat/stream"
    if scope["method"] == "POST":
        return path in COUNTED
    return scope["method"] in ("GET", "HEAD") and (path == "/models" or path.startswith("/models/"))


def _as_in_header(host: str) -> str:
    """A Host header has brackets around an IPv6 address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _digest(key: bytes) -> bytes:
    """Digests have one length, so comparing them takes the same time whatever was guessed."""
    return hashlib.sha256(key).digest()


async def _refuse(error: MiniClaudeError, scope: Scope, receive: Receive, send: Send) -> None:
    response = error_response(error, scope)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        start = {"status": response.status_code, "headers": response.raw_headers}
        await send({"type": "websocket.http.response.start", **start})
        await send({"type": "websocket.http.response.body", "body": response.body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
