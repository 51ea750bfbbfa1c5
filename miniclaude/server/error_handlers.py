"""Every failure in one shape, the OpenAI API's: `{"error": {message, type, param, code}}`, and on
the routes of Anthropic's protocol in theirs."""

from __future__ import annotations

import logging
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miniclaude import errors
from miniclaude.errors import MiniClaudeError
from miniclaude.server.disconnect import ClientGoneError
from miniclaude.server.request_ids import request_id
from miniclaude.server.wire.anthropic.errors import anthropic_error, speaks_anthropic

log = logging.getLogger(__name__)


class UnsupportedMediaTypeError(errors.InvalidRequestError):
    """A body that is not declared to be JSON."""

    code = "unsupported_media_type"


STATUS: dict[type[MiniClaudeError], int] = {
    errors.InvalidRequestError: 400,
    errors.PayloadTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    errors.AuthenticationError: 401,
    errors.PermissionDeniedError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.RateLimitError: 429,
    errors.OverloadedError: 503,
    # A broken model folder or a full disk is mended by the person who owns the machine, who is
    # the caller; asking again before that is useless, so these are not 5xx.
    errors.CheckpointError: 422,
    errors.TokenizerError: 422,
    errors.DatasetError: 422,
    errors.DiskFullError: 409,
    errors.TrainingDivergedError: 422,
    # A hub is asked for the owner's sake, not to answer in this server's place: what fails there,
    # an unplugged cable among it, is no failure of this server.
    errors.DownloadError: 424,
    errors.UploadError: 424,
    errors.ProviderError: 502,
    errors.EngineError: 503,
    errors.StoreError: 503,
    errors.HomeLockedError: 409,
    errors.SettingsError: 409,
}
"""The nearest ancestor listed decides."""

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    424: "failed_dependency_error",
    429: "rate_limit_error",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CODES = {404: "not_found", 405: "method_not_allowed"}


def status_of(error: MiniClaudeError) -> int:
    """The HTTP status for an error of ours."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_body(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """The shape itself."""
    fallback = "invalid_request_error" if status < 500 else "server_error"
    kind = TYPES.get(status, fallback)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def describe(error: BaseException) -> dict[str, Any]:
    """Any exception in that shape. One we did not raise on purpose is logged, and tells the
    caller nothing about our insides."""
    if isinstance(error, MiniClaudeError):
        return error_body(status_of(error), str(error), param=error.param, code=error.code)
    log.error("unexpected error", exc_info=error)
    return error_body(
        500, "Something went wrong inside the server. Its log says what.", code="internal_error"
    )


def describe_in_frame(error: BaseException) -> dict[str, Any]:
    """Any exception as a socket tells it, which has no header for the time to wait."""
    described = describe(error)
    if isinstance(error, errors.RateLimitError) and error.retry_after is not None:
        described["error"]["retry_after"] = error.retry_after
    return described


def describe_to_anthropic(error: BaseException, id: str) -> dict[str, Any]:
    """Any exception as Anthropic's clients know it. id: the request's."""
    status = status_of(error) if isinstance(error, MiniClaudeError) else 500
    return anthropic_error(status, describe(error)["error"]["message"], id)


def error_response(error: BaseException, scope: Scope) -> JSONResponse:
    """The response for any exception, in the shape of the protocol that `scope` is spoken in."""
    headers = {}
    status = 500
    if isinstance(error, MiniClaudeError):
        status = status_of(error)
        if isinstance(error, errors.RateLimitError):
            # Not logged: there are hundreds a second when it matters, and `/metrics` counts them.
            if error.retry_after is not None:
                headers["retry-after"] = str(error.retry_after)
            else:
                # OpenAI's and Anthropic's SDKs repeat every 429 unless they are told not to.
                headers["x-should-retry"] = "false"
        elif status >= 500:
            log.warning("%s: %s", type(error).__name__, error)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    anthropic = expects_anthropic(scope)
    body = describe_to_anthropic(error, request_id(scope)) if anthropic else describe(error)
    return JSONResponse(body, status, headers)


def expects_anthropic(scope: Scope) -> bool:
    """Whether the caller reads Anthropic's errors: by the address, or because it says so, as their
    SDKs do on every request, to `/models` too and to what there is not."""
    return speaks_anthropic(scope["path"]) or "anthropic-version" in Headers(scope=scope)


class UnexpectedErrors:
    """ASGI middleware: whatever escapes the routes becomes a 500 in our shape, and is logged.

    Once a response has begun it can only be broken off, which the server does on the raised error.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            await error_response(error, scope)(scope, receive, send)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    return error_response(error, request.scope)


async def _http(request: Request, error: Exception) -> JSONResponse:
    error = cast("HTTPException", error)
    status = error.status_code
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    message = f"{request.method} {request.url.path[:200]!r}: {error.detail}."
    if status == 404:
        message += " Check the address; the API's begin like /v1/models and /v1/chat/completions."
    elif status == 405:
        headers["allow"] = ", ".join(_allowed(request))
        message += f" Use {headers['allow']}."
    if expects_anthropic(request.scope):
        body = anthropic_error(status, message, request_id(request.scope))
        return JSONResponse(body, status, headers)
    return JSONResponse(error_body(status, message, code=CODES.get(status)), status, headers)


def _allowed(request: Request) -> list[str]:
    """The methods that some route offers at this address; the router's own `allow` names only
    those of the first."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


async def _query(request: Request, error: Exception) -> JSONResponse:
    """A query or path parameter of the wrong type or out of range."""
    first = cast("RequestValidationError", error).errors()[0]
    param = str(first["loc"][-1])
    message = f"{param}: {first['msg'].removeprefix('Input ')}. Correct it in the address."
    if expects_anthropic(request.scope):
        return JSONResponse(anthropic_error(400, message, request_id(request.scope)), 400)
    return JSONResponse(error_body(400, message, param=param, code="invalid_value"), 400)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this; 499 is what logs call it."""
    return Response(status_code=499)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of a route in our shape."""
    app.add_exception_handler(ClientGoneError, _gone)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(MiniClaudeError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _query)
