"""Request bodies: capped before they are read, and checked before anything trusts them."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miniclaude.errors import InvalidRequestError, PayloadTooLargeError
from miniclaude.server.disconnect import unless_stopping
from miniclaude.server.error_handlers import UnsupportedMediaTypeError, error_response
from miniclaude.server.services import services_of

MAX_DEPTH = 64
MAX_VALUES = 500_000
MAX_CONTAINERS = 32_768
"""Objects and lists of a body: each is made, looked at by the garbage collector and checked field
by field, which takes a hundred times as long as a number. 2,048 messages of a dozen parts each
have fewer."""

LARGE = 65_536
"""Bytes; what is smaller is read in less time than it takes to begin in another thread."""

P = ParamSpec("P")
T = TypeVar("T")


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


class OneLength:
    """ASGI middleware: refuses a request that tells the length of its body in two ways, and closes
    its connection (RFC 9112, 6.1): who stands between may have seen it end elsewhere, and then what
    follows on this connection is another caller's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if "transfer-encoding" in headers and "content-length" in headers:
                error = InvalidRequestError(
                    "The request has both Transfer-Encoding and Content-Length.",
                    hint="Send one of them, on a new connection: this one is closed.",
                )
                response = error_response(error, scope)
                response.headers["connection"] = "close"
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


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
    raw = await unless_stopping(services_of(request).stopping, request.body)
    return await beside_the_loop(len(raw), parse_json, raw)


async def beside_the_loop(size: int, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What `work` gives, which reads or writes JSON of about so many bytes. Much of it keeps a
    processor for a second, and no other client's stream waits for that."""
    if size > LARGE:
        return await asyncio.to_thread(work, *given, **named)
    return work(*given, **named)


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
        check_counts(text)
        return json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _bad_json(f"it is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _bad_json(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # an integer of more digits than Python converts
        raise _bad_json("a number in it has too many digits") from None


_TEXT = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A JSON string; one that never ends is one too, so that each character is looked at once."""


def check_counts(text: str) -> None:
    """Refuse JSON of too many values before it is parsed, which is one call that nothing else
    runs beside: three million empty lists keep every thread waiting for seconds.

    Raises InvalidRequestError."""
    if _is_within(text.count(","), text.count("[") + text.count("{")):
        return
    # Many of them may stand in texts, where they begin nothing.
    commas = containers = texts = end = 0
    for found in _TEXT.finditer(text):
        between = text[end : found.start()]
        end = found.end()
        texts += 1
        commas += between.count(",")
        containers += between.count("[") + between.count("{")
        if texts > 2 * MAX_VALUES or not _is_within(commas, containers):
            break
    commas += text.count(",", end)
    containers += text.count("[", end) + text.count("{", end)
    if texts > 2 * MAX_VALUES or commas >= MAX_VALUES:
        raise _bad_value(f"the body holds more than {MAX_VALUES:,} values", None)
    if containers > MAX_CONTAINERS:
        raise _bad_value(f"the body holds more than {MAX_CONTAINERS:,} objects and lists", None)


def _is_within(commas: int, containers: int) -> bool:
    return commas < MAX_VALUES and containers <= MAX_CONTAINERS


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
    if problem := _problem(root):
        raise _bad_value(problem, None)
    waiting: list[tuple[object, _Place | None, int]] = [(root, None, 0)]
    seen = 1
    while waiting:
        value, place, depth = waiting.pop()
        if not isinstance(value, dict | list):
            continue
        seen += len(value)
        if seen > MAX_VALUES:
            raise _bad_value(f"the body holds more than {MAX_VALUES:,} values", None)
        if value and depth == MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, dict) and any(map(_problem, value)):
            raise _bad_value(next(filter(None, map(_problem, value))), place)
        # Most values of a large body are numbers: nothing is made of those that are in order.
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            kind = type(child)
            if kind is dict or kind is list:
                waiting.append((child, _Place(place, step), depth + 1))
            elif (kind is str or kind is float) and (problem := _problem(child)):
                raise _bad_value(problem, _Place(place, step))


def _problem(value: object) -> str:
    """What is wrong with a text or a number; empty when nothing is."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "it is not a finite number"
    if not isinstance(value, str):
        return ""
    if "\0" in value:
        return "the text holds a NUL character"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "the text holds a lone surrogate"
    return ""


def _bad_value(problem: str, place: _Place | None) -> InvalidRequestError:
    param = None if place is None else str(place)
    return InvalidRequestError(
        f"{param or 'body'}: {problem}.", hint="Correct it and send it again.", param=param
    )
