"""Requests a minute, counted before a body is read, and the headers that say what is left. A full
server refuses here too: what is refused must cost nothing that those it answers wait for."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miniclaude.errors import RateLimitError
from miniclaude.server.error_handlers import error_response
from miniclaude.server.limits import ARRIVAL, Admission, Arrival
from miniclaude.server.quotas import Allowance, Quota, caller_of
from miniclaude.server.wire.anthropic.errors import speaks_anthropic

COUNTED = frozenset(
    {
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/responses",
        "/messages",
        "/messages/count_tokens",
    }
)
"""The addresses whose POSTs are counted, without the prefix `/v1`: those that make a model work, or
its tokenizer, which may take as long."""


class RateLimits:
    """ASGI middleware: refuses a request too many, and names what is left on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or scope["path"].removeprefix("/v1") not in COUNTED
        ):
            await self.app(scope, receive, send)
            return
        caller = caller_of(scope)
        quota = caller.quota

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                anthropic = speaks_anthropic(scope["path"])
                pairs = anthropic_headers(quota) if anthropic else openai_headers(quota)
                for name, value in pairs:
                    headers[name] = value
            await send(message)

        admission = scope["app"].state.services.admission
        arrival: Arrival | None = None

        async def received() -> Message:
            nonlocal arrival
            message = await receive()
            whole = message["type"] == "http.request" and not message.get("more_body", False)
            if whole and arrival is None:
                with refusals(admission):
                    arrival = scope[ARRIVAL] = admission.arrive(caller.name)
                await admission.turn()
            return message

        try:
            with refusals(admission):
                admission.check(caller.name)
                quota.take_request()
        except RateLimitError as error:
            await error_response(error, scope)(scope, receive, told)
            return
        try:
            await self.app(scope, received, told)
        finally:
            if arrival is not None:
                arrival.leave()


@contextmanager
def refusals(admission: Admission) -> Generator[None, None, None]:
    """Counts what is refused inside the block."""
    try:
        yield
    except RateLimitError as error:
        admission.metrics.refused.labels(type(error).__name__).inc()
        raise


def _limited(quota: Quota) -> Iterator[tuple[str, Allowance]]:
    if quota.requests is not None:
        yield "requests", quota.requests
    tokens = quota.tokens or quota.day
    if tokens is not None:
        yield "tokens", tokens


def openai_headers(quota: Quota) -> Iterator[tuple[str, str]]:
    """As OpenAI's clients know them; a reset is a duration such as `1m30s`."""
    for what, allowance in _limited(quota):
        yield f"x-ratelimit-limit-{what}", str(allowance.limit)
        yield f"x-ratelimit-remaining-{what}", str(max(0, int(allowance.left)))
        yield f"x-ratelimit-reset-{what}", duration(allowance.reset())


def anthropic_headers(quota: Quota) -> Iterator[tuple[str, str]]:
    """As Anthropic's clients know them; a reset is a moment (RFC 3339)."""
    for what, allowance in _limited(quota):
        moment = datetime.now(UTC) + timedelta(seconds=allowance.reset())
        yield f"anthropic-ratelimit-{what}-limit", str(allowance.limit)
        yield f"anthropic-ratelimit-{what}-remaining", str(max(0, int(allowance.left)))
        yield f"anthropic-ratelimit-{what}-reset", moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Such as `450ms`, `6s` or `2h0m5s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    hours, rest = divmod(math.ceil(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{int(seconds)}s"
