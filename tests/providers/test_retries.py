"""When a remote service is asked once more, and when the caller is told to wait instead."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import openai
import pytest

from miniclaude.errors import OverloadedError, ProviderError, RateLimitError
from miniclaude.messages import Finished, StreamEvent, text_message
from miniclaude.providers import anthropic, openai_compatible, retries
from miniclaude.providers.abilities import CountsTokens
from miniclaude.providers.base import ChatRequest, Provider
from tests.providers.stand_in import StandIn, running_stand_in

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest("big", (text_message("user", "hello there"),))


@pytest.fixture(params=["openai", "anthropic"])
async def remote(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Provider, StandIn]]:
    """A provider as it is without `max_retries` among its options, and its service."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(request.param))
        create = anthropic.create if request.param == "anthropic" else openai_compatible.create
        provider = create({"base_url": service.url, "api_key": "k"})
        stack.push_async_callback(provider.aclose)
        yield provider, service


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, in which no time passes: by the SDKs too, which sleep with anyio. Live
    servers of other tests, in threads of their own, sleep as they did."""
    slept: list[float] = []
    really, here = asyncio.sleep, threading.get_ident()

    async def sleep(seconds: float) -> None:
        ours = threading.get_ident() == here
        if ours and seconds:
            slept.append(seconds)
        await really(0 if ours else seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr("anyio.sleep", sleep)
    return slept


async def ask(provider: Provider) -> list[StreamEvent]:
    return [event async for event in provider.chat(REQUEST)]


@pytest.mark.parametrize(
    ("status", "kind", "told", "passed_on"),
    [
        (429, RateLimitError, "3600", 120),
        (429, RateLimitError, "60", 60),
        (429, RateLimitError, "2.5", 3),
        (429, RateLimitError, None, 1),
        (503, OverloadedError, "3600", 120),
        (529, OverloadedError, None, 1),
        (500, ProviderError, "60", None),
    ],
)
async def test_a_long_wait_is_the_callers(
    remote: tuple[Provider, StandIn],
    pauses: list[float],
    status: int,
    kind: type[Exception],
    told: str | None,
    passed_on: int | None,
) -> None:
    """The SDKs sleep for as long as the service says, up to 49 days; the request kept its place in
    the server for as long, and a few hundred of those left no room for anybody."""
    provider, service = remote
    service.status, service.error = status, {}
    service.headers = {} if told is None else {"retry-after": told}
    with pytest.raises(kind) as caught:
        await ask(provider)
    assert (len(service.asked), pauses) == (1, [])
    assert getattr(caught.value, "retry_after", None) == passed_on


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_moment_is_waited_for(
    remote: tuple[Provider, StandIn], pauses: list[float], status: int
) -> None:
    provider, service = remote
    service.status, service.error, service.refusals = status, {}, 1
    service.headers = {"retry-after": "2"}
    assert Finished(0, "stop") in await ask(provider)
    assert (len(service.asked), pauses) == (2, [2.0])


async def test_a_connection_that_fails_is_tried_once_more(
    remote: tuple[Provider, StandIn], pauses: list[float]
) -> None:
    """As a service does that gives up an idle connection while the request is on its way."""
    provider, service = remote
    service.refusals = 1
    assert Finished(0, "stop") in await ask(provider)
    service.refusals = 3
    assert [info.id for info in await provider.models()] == ["big"]
    if isinstance(provider, CountsTokens):
        service.refusals = 5
        assert await provider.count_tokens(REQUEST) == 11
    service.refusals = 99
    asked = len(service.asked)
    with pytest.raises(ProviderError, match="the connection broke"):
        await ask(provider)
    assert len(service.asked) == asked + 2
    assert set(pauses) == {retries.PAUSE_SECONDS}


async def test_an_answer_that_does_not_begin(
    remote: tuple[Provider, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that comes in a byte a minute was waited for without end."""
    monkeypatch.setattr(retries, "ANSWER_SECONDS", 0)
    with pytest.raises(ProviderError, match="it did not answer in time"):
        await ask(remote[0])


@pytest.mark.parametrize(("timeout", "pause"), [("ConnectTimeout", 0.5), ("ReadTimeout", None)])
def test_a_timeout_is_tried_again_only_before_the_question_is_sent(
    timeout: str, pause: float | None
) -> None:
    """A service that is silent may be at work on it, and would be asked to do it twice."""
    error = openai.APITimeoutError(httpx2.Request("POST", "http://localhost"))
    error.__cause__ = getattr(httpx2, timeout)("too long")
    assert retries._pause(error) == pause
