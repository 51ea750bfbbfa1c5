"""How long a local model's answer may be where the engine's cache holds less than the context."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from miniclaude.engine.limits import EngineLimits
from miniclaude.errors import ContextLengthError
from miniclaude.messages import Finished, StreamEvent, Usage, text_message
from miniclaude.model.library import Library
from miniclaude.providers.abilities import EmbeddingRequest
from miniclaude.providers.base import ChatRequest, CompletionRequest, Settings
from miniclaude.providers.local import Local

pytestmark = pytest.mark.anyio

CACHE = 100
TALKATIVE = Settings(logit_bias={70: 100.0})


@pytest.fixture(scope="module")
async def local(tiny_library: Library, anyio_backend: str) -> AsyncIterator[Local]:
    """The context of `tiny` holds 256 tokens."""
    limits = EngineLimits(kv_tokens=CACHE)
    provider = Local(tiny_library, device="cpu", threads=1, limits=limits)
    yield provider
    await provider.aclose()


async def ask(local: Local, text: str = "hello", **settings: Any) -> list[StreamEvent]:
    request = ChatRequest("tiny", (text_message("user", text),), replace(TALKATIVE, **settings))
    return [event async for event in local.chat(request)]


@pytest.mark.parametrize("settings", [{"max_tokens": 32_000, "as_far_as_fits": True}, {}])
async def test_a_length_that_nobody_insists_on_is_cut_to_what_the_cache_holds(
    local: Local, settings: dict[str, Any]
) -> None:
    """The engine refuses what its cache can never hold; a limit that every client of `/messages`
    sends with every request, or one of our own, was then called the caller's mistake."""
    events = await ask(local, **settings)
    assert Finished(0, "length") in events
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens + usage.completion_tokens == CACHE
    with pytest.raises(ContextLengthError, match=r"engine's cache .* holds 100") as caught:
        await ask(local, "hello " * 30, **settings)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(("cache", "n", "each"), [(CACHE, 2, 48), (300, 3, 96)])
async def test_several_answers_share_what_the_cache_holds(
    tiny_library: Library, cache: int, n: int, each: int
) -> None:
    """Each was given the room of one alone, whose sum the engine refuses; where the cache was no
    smaller than the context, it was not asked at all. What is shared are whole blocks."""
    limits = EngineLimits(kv_tokens=cache)
    local = Local(tiny_library, device="cpu", threads=1, limits=limits)
    try:
        events = await ask(local, n=n)
        assert all(Finished(index, "length") in events for index in range(n))
        usage = events[-1]
        assert isinstance(usage, Usage)
        assert usage.completion_tokens == n * (each - usage.prompt_tokens)
        with pytest.raises(ContextLengthError, match="each of 16 answers") as caught:
            await ask(local, "hello " * 5, n=16)
        assert caught.value.param == "n"
        # What the model itself cannot hold, no cache could, nor would fewer answers help.
        with pytest.raises(ContextLengthError, match="model's context holds 256") as caught:
            await ask(local, "hello " * 200, n=16)
        assert caught.value.param == "messages"
    finally:
        await local.aclose()


async def test_a_length_that_was_asked_for_is_refused(local: Local) -> None:
    with pytest.raises(ContextLengthError, match="raise kv_tokens") as caught:
        await ask(local, max_tokens=CACHE + 20)
    assert caught.value.param == "max_tokens"


async def test_the_cache_is_as_large_as_the_present_worker_says(
    tiny_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is started again sizes its cache by the memory that is free by then. By what
    the first one had told, an answer of open length was refused until the server's end."""
    local = Local(tiny_library, device="cpu", threads=1, limits=EngineLimits(kv_tokens=CACHE))
    try:
        await local.warm("tiny")
        [loaded] = local.loaded()
        engine, died = loaded.engine, asyncio.Event()
        assert engine.connection is not None
        monkeypatch.setattr(engine, "fail_all", lambda error: died.set())
        engine.spec = replace(engine.spec, limits=EngineLimits(kv_tokens=CACHE - 20))
        os.kill(engine.connection.process.pid, signal.SIGKILL)
        await died.wait()
        usage = (await ask(local))[-1]
        assert isinstance(usage, Usage)
        assert usage.prompt_tokens + usage.completion_tokens == CACHE - 20
    finally:
        await local.aclose()


@pytest.mark.parametrize("given", ["hello " * 200, (1,) * (CACHE + 20), "a" * 20_000])
async def test_a_text_to_read_that_the_cache_cannot_hold_is_blamed_by_its_own_name(
    local: Local, given: str | tuple[int, ...]
) -> None:
    """The engine blamed `max_tokens`, which a request to embed does not have, and did not say which
    of its many texts it was."""
    told = r"^input\[1\]: .*the engine's cache \(kv_tokens\)"
    with pytest.raises(ContextLengthError, match=told) as caught:
        await local.embed(EmbeddingRequest("tiny", ((1,), given)))
    assert caught.value.param == "input[1]"
    said_back = CompletionRequest("tiny", given, Settings(max_tokens=0, logprobs=0))
    with pytest.raises(ContextLengthError, match=r"^prompt: ") as caught:
        _ = [event async for event in local.complete_with_prompt(said_back)]
    assert caught.value.param == "prompt"
