"""Streams of remote services that would never end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from miniclaude.errors import ProviderError
from miniclaude.messages import StreamEvent, TextDelta, text_message
from miniclaude.providers import anthropic, listening, openai_compatible
from miniclaude.providers.base import ChatRequest, Provider
from tests.providers.stand_in import StandIn, running_stand_in

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["openai", "anthropic"])
async def remote(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Provider, StandIn]]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(request.param))
        create = anthropic.create if request.param == "anthropic" else openai_compatible.create
        provider = create({"base_url": service.url, "api_key": "k"})
        stack.push_async_callback(provider.aclose)
        yield provider, service


async def heard(provider: Provider, text: str, into: list[StreamEvent]) -> None:
    async for event in provider.chat(ChatRequest("big", (text_message("user", text),))):
        into.append(event)


async def test_a_stream_without_events_ends(
    remote: tuple[Provider, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment a minute keeps a connection open for ever, and the request's place with it."""
    provider, service = remote
    service.hold = True
    events = provider.chat(ChatRequest("big", (text_message("user", "one two three"),)))
    await anext(events)
    monkeypatch.setattr(listening, "EVENT_SECONDS", 0)
    with pytest.raises(ProviderError, match="it did not answer in time"):
        async for _ in events:
            pass
    await service.gone.wait()


async def test_an_endless_answer_ends(
    remote: tuple[Provider, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says more than any model can filled the memory, and the conversation's history."""
    monkeypatch.setattr(listening, "MOST_CHARACTERS", 300)
    provider, _ = remote
    events: list[StreamEvent] = []
    with pytest.raises(ProviderError, match="its answer has more than 300 characters"):
        await heard(provider, "word " * 100, events)
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert 200 < len(said) <= 300
    events.clear()
    await heard(provider, "word " * 20, events)
    assert events
