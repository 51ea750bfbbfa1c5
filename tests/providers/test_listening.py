"""Streams of remote services that would never end, and what says too much in one go."""

from __future__ import annotations

import gzip
import json
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from miniclaude.errors import ProviderError
from miniclaude.messages import StreamEvent, TextDelta, text_message
from miniclaude.providers import anthropic, capped, listening, openai_compatible
from miniclaude.providers.base import ChatRequest, Provider
from tests.providers.stand_in import (
    MODELS,
    StandIn,
    anthropic_answer,
    openai_answer,
    running_stand_in,
)
from tests.server.test_library import shelf

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


@pytest.mark.parametrize("endless", [b"x" * 65536, b"data: 1\ndata: 2\n" * 999])
async def test_an_endless_event_ends(remote: tuple[Provider, StandIn], endless: bytes) -> None:
    """One line or many that never end were gathered until the memory was full."""
    provider, service = remote
    service.endless = endless
    with pytest.raises(ProviderError, match="it sent an event of more than 1,048,576 bytes"):
        await heard(provider, "hello", [])
    await service.gone.wait()
    assert len(service.asked) == 1, "it is not asked again for what it would send again"


async def test_an_event_is_measured_unpacked(remote: tuple[Provider, StandIn]) -> None:
    """A few kilobytes on the wire may be gigabytes."""
    provider, service = remote
    service.raw = gzip.compress(b"data: " + b" " * (2 << 20))
    service.headers = {"content-encoding": "gzip"}
    assert len(service.raw) < 10_000
    with pytest.raises(ProviderError, match="an event of more than"):
        await heard(provider, "hello", [])


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n"])
async def test_many_small_events_are_no_large_one(
    monkeypatch: pytest.MonkeyPatch, ending: bytes
) -> None:
    """However their ends are cut: the service sends three bytes at a time."""
    monkeypatch.setattr(capped, "MOST_EVENT_BYTES", 300)
    body = {"model": "m", "messages": [{"role": "user", "content": "word " * 50}]}
    events = [event.replace(b"\n\n", ending) for event in openai_answer("/chat/completions", body)]
    assert max(map(len, events)) < 300
    async with running_stand_in("openai") as service:
        provider = openai_compatible.create({"base_url": service.url})
        service.raw = b"".join(events)
        said: list[StreamEvent] = []
        await heard(provider, "hello", said)
        await provider.aclose()
    assert sum(isinstance(event, TextDelta) for event in said) > 40


async def test_a_byte_order_mark_costs_no_event(remote: tuple[Provider, StandIn]) -> None:
    """The first event was lost with it: what OpenAI's style said first, and of Anthropic's what
    the prompt cost."""
    provider, service = remote
    style = "openai" if service.url.endswith("/v1") else "anthropic"
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "one two"}]}
    make = openai_answer if style == "openai" else anthropic_answer
    events = list(make("/chat/completions", body))
    if style == "openai":
        del events[0]  # it only tells the role
    said: list[list[StreamEvent]] = [[], []]
    for news, mark in zip(said, (b"", BOM_UTF8), strict=True):
        service.raw = mark + b"".join(events)
        await heard(provider, "hello", news)
    assert said[0] == said[1]
    assert len(said[0]) > 3


@pytest.mark.parametrize("step", [1, 2, 3, 5, 99])
async def test_a_byte_order_mark_may_be_cut_anywhere(step: int) -> None:
    """Networks cut where they like; what only begins as a mark does is kept."""

    async def chunks(said: bytes) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(said), step):
            yield said[start : start + step]

    for said, left in (
        (BOM_UTF8 + b"data", b"data"),
        (b"data", b"data"),
        (BOM_UTF8[:2] + b"data", BOM_UTF8[:2] + b"data"),
        (BOM_UTF8 * 2, BOM_UTF8),
        (b"", b""),
    ):
        assert b"".join([piece async for piece in capped._without_mark(chunks(said))]) == left


@pytest.mark.parametrize("status", [200, 400])
async def test_a_body_is_measured_as_a_whole(
    remote: tuple[Provider, StandIn], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A list of models, or what is wrong, blank lines or not; a list may have more than one event
    of a stream."""
    provider, service = remote
    style = "openai" if service.url.endswith("/v1") else "anthropic"
    listing = json.dumps(MODELS[style]).encode()
    monkeypatch.setattr(capped, "MOST_EVENT_BYTES", 10)
    monkeypatch.setattr(capped, "MOST_BODY_BYTES", len(listing))
    service.listing = listing
    assert [model.id for model in await provider.models()] == ["big"]
    asked = len(service.asked)
    service.listing = service.error = b"\n\n" + listing
    service.status = status
    with pytest.raises(ProviderError, match=r"its answer has more than \d+ bytes"):
        await provider.models()
    assert len(service.asked) == asked + 1


async def test_a_caller_is_told_and_the_place_is_free(tmp_path: Path) -> None:
    async with running_stand_in("openai") as service, shelf(tmp_path) as served:
        body = {"kind": "openai", "base_url": service.url, "api_key": "k"}
        assert (await served.client.put("/providers/far", json=body)).status_code == 200
        service.endless = b"x" * 65536
        for path in ("/chat/completions", "/messages"):
            asked = {"model": "far/big", "messages": [{"role": "user", "content": "a"}]}
            told = await served.client.post(path, json={**asked, "max_tokens": 9, "stream": True})
            assert told.status_code == 502
            assert "an event of more than 1,048,576 bytes" in told.json()["error"]["message"]
        assert served.services.admission.active == 0
