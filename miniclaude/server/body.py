"""Request bodies: capped before they are read, and checked before anything trusts them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miniclaude.errors import InvalidRequestError, PayloadTooLargeError
from miniclaude.server.disconnect import unless_stopping
from miniclaude.server.error_handlers import UnsupportedMediaTypeError, error_response
from miniclaude.server.services import services_of

MAX_DEPTH = 64
MAX_VALUES = 500_000


class BodyLimit:
    """ASGI middleware: refuses a body of more than `max_bytes` without reading it whole.

    larger: methods and paths whose handlers take more, because they do not keep it in memory.
    A declared length is refused at once; one that grows while it is read, as soon as it is over.
    The connection stays usable: uvicorn discards what the client is still sending.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, larger: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.larger.get((scope["method"], scope["path"]), self.max_bytes)
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or len(declared) > 18 or int(declared) > most:
            await error_response(_too_large(most), scope)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        await self.app(scope, counted, send)


def _too_large(most: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"The request's body is larger than {most:,} bytes.",
        hint="Send less, or raise max_body_bytes (for uploads max_file_bytes) in config.toml.",
    )


async def read_json(request: Request) -> Any:
    """The request's body as JSON values.

    Raises UnsupportedMediaTypeError as `require_json` does, OverloadedError when the server stops
    before it is all there, and what `parse_json` raises.
    """
    require_json(request)
    return parse_json(await unless_stopping(services_of(request).stopping, request.body))


def require_json(request: Request) -> None:
    """Raises UnsupportedMediaTypeError when the body is not declared as JSON (which also keeps
    other sites' forms out) or is compressed."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise UnsupportedMediaTypeError(
            f"The body's content type is {declared or 'not given'!r}.",
            hint="Send JSON with Content-Type: application/json.",
        )
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaTypeError(
            f"The body's content encoding is {encoding[:40]!r}.",
            hint="Send it as it is, without Content-Encoding.",
        )


def parse_json(raw: bytes | str) -> Any:
    """Values from JSON text that are safe to handle: UTF-8, finite, not too deep, no key twice
    (one of its values would be dropped silently), without NUL or lone surrogates (which neither
    databases nor UTF-8 can hold).

    Raises InvalidRequestError, with `param` at the offending value.
    """
    value = parse_unchecked(raw)
    check_values(value)
    return value


def parse_unchecked(raw: bytes | str) -> Any:
    """Values from JSON text before `check_values` has seen them. Raises InvalidRequestError."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        return json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _bad_json(f"it is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _bad_json(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # an integer of more digits than Python converts
        raise _bad_json("a number in it has too many digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise _bad_json(f"the key {key[:64]!r} stands twice in one object")
        value[key] = item
    return value


def _bad_json(problem: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The body is not valid JSON: {problem}.", hint="Send one JSON object.", code="bad_json"
    )


def _too_deep() -> InvalidRequestError:
    return InvalidRequestError(
        f"The body is nested deeper than {MAX_DEPTH} levels.",
        hint="Flatten it.",
        code="bad_json",
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, as a chain to the root: long keys are shared, not copied."""

    parent: _Place | None
    step: str | int

    def __str__(self) -> str:
        before = "" if self.parent is None else str(self.parent)
        if isinstance(self.step, int):
            return f"{before}[{self.step}]"
        return f"{before}.{self.step[:64]}" if before else self.step[:64]


def check_values(root: object) -> None:
    """Walk the tree without recursion, refusing what `parse_json` promises not to return.

    Raises InvalidRequestError, with `param` at the offending value."""
    waiting: list[tuple[object, _Place | None, int]] = [(root, None, 0)]
    seen = 0
    while waiting:
        value, place, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, str):
            _check_text(value, place)
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise _bad_value("it is not a finite number", place)
        elif isinstance(value, dict | list):
            if seen + len(waiting) + len(value) > MAX_VALUES:
                raise _bad_value(f"the body holds more than {MAX_VALUES:,} values", None)
            if isinstance(value, dict):
                for key in value:
                    _check_text(key, place)
            steps = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend((child, _Place(place, step), depth + 1) for step, child in steps)


def _check_text(text: str, place: _Place | None) -> None:
    if "\0" in text:
        raise _bad_value("the text holds a NUL character", place)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _bad_value("the text holds a lone surrogate", place) from None


def _bad_value(problem: str, place: _Place | None) -> InvalidRequestError:
    param = None if place is None else str(place)
    return InvalidRequestError(
        f"{param or 'body'}: {problem}.", hint="Correct it and send it again.", param=param
    )
