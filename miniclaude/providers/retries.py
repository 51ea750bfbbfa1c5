"""When a remote service is asked once more: where the connection failed, or where it says itself
that it will answer within a moment. Any longer wait is the caller's, who is told of it at once: the
SDKs would sleep for as long as a service tells them to, while the request keeps its place here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

RETRIES = 1
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0
ANSWER_SECONDS = 600.0
"""Until an answer has begun, however slowly the question goes out and its head comes in."""

Answer = TypeVar("Answer")


async def answered(retries: int, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `ask` gives, which is called up to `retries` times more. Raises what its last call
    raises, and TimeoutError."""
    for _ in range(retries):
        try:
            return await _in_time(ask)
        except Exception as error:
            pause = _pause(error)
            if pause is None:
                raise
        await asyncio.sleep(pause)
    return await _in_time(ask)


async def _in_time(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    async with asyncio.timeout(ANSWER_SECONDS):
        return await ask()


def _pause(error: Exception) -> float | None:
    """Seconds to wait before the service is asked again; None where it is not. error: an SDK's."""
    cause = type(error.__cause__).__name__
    if cause == "ProviderError":
        return None  # of ours: it sent too much, and would again
    if type(error).__name__ == "APIConnectionError" or cause == "ConnectTimeout":
        return PAUSE_SECONDS  # not for other timeouts: it may be at work on the question
    status = getattr(error, "status_code", 0)
    told = told_seconds(error) if status == 429 or status >= 500 else None
    return told if told is not None and told <= LONGEST_PAUSE_SECONDS else None


def told_seconds(error: Exception) -> float | None:
    """How long the service wants us to wait, ≥ 0; None where it does not say. HTTP dates, which
    none of the services send, say nothing."""
    response = getattr(error, "response", None)
    try:
        seconds = float(response.headers["retry-after"]) if response is not None else -1.0
    except (KeyError, ValueError):
        return None
    return seconds if seconds >= 0 else None
