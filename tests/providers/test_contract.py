"""What every provider promises, asked of each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from miniclaude.errors import ModelNotFoundError
from miniclaude.messages import Finished, PromptRead, StreamEvent, TextDelta, Usage, text_message
from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.base import (
    ChatRequest,
    CompletionRequest,
    ModelInfo,
    Provider,
    Settings,
)
from miniclaude.providers.echo import Echo
from miniclaude.providers.local import Local
from tests.providers.stand_in import running_stand_in

pytestmark = pytest.mark.anyio

LONG = "say this sentence back to me, one word at a time, naïve 👩‍👩‍👧 مرحبا 你好"


@dataclass
class Case:
    """A provider under test.

    repeats: its answer is known: what it was told. hold: from now on answers are not completed.
    released: returns once nothing works for a request that was given up. always: settings without
    which its answers would have no certain length.
    """

    provider: Provider
    model: str
    repeats: bool
    hold: Callable[[], None]
    released: Callable[[], Awaitable[object]]
    always: dict[str, Any] = field(default_factory=dict)

    def chat(self, text: str = LONG, **settings: Any) -> AsyncGenerator[StreamEvent, None]:
        said = (text_message("system", "be brief"), text_message("user", text))
        request = ChatRequest(self.model, said, Settings(**self.always, **settings))
        return cast("AsyncGenerator[StreamEvent, None]", self.provider.chat(request))


def nothing() -> None:
    """For providers whose answers are slow enough by themselves."""


async def echo_case(stack: AsyncExitStack) -> Case:
    paused, words = asyncio.Event(), 0

    async def pace() -> None:
        nonlocal words
        words += 1
        if paused.is_set() and words > 2:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def released() -> None:
        said = words
        await asyncio.sleep(0)
        assert words == said

    return Case(Echo(pace), "echo", True, paused.set, released)


async def remote_case(stack: AsyncExitStack, style: str) -> Case:
    service = await stack.enter_async_context(running_stand_in(style))
    create = openai_compatible.create if style == "openai" else anthropic.create
    provider = cast("Provider", create({"base_url": service.url, "api_key": "k", "max_retries": 0}))
    stack.push_async_callback(provider.aclose)

    def hold() -> None:
        service.hold = True

    return Case(provider, "big", True, hold, service.gone.wait)


async def local_case(local: Local) -> Case:
    async def released() -> None:
        [loaded] = local.loaded()
        assert loaded.users == 0
        assert loaded.engine.mailboxes == {}

    no_end = {"logit_bias": {0: -100.0, 2: -100.0}}
    return Case(local, "tiny", False, nothing, released, no_end)


@pytest.fixture(params=["echo", "openai", "anthropic", "local"])
async def case(request: pytest.FixtureRequest, local: Local) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param == "echo":
            yield await echo_case(stack)
        elif request.param == "local":
            yield await local_case(local)
        else:
            yield await remote_case(stack, request.param)


more_than_anthropic = pytest.mark.parametrize("case", ["echo", "openai", "local"], indirect=True)


def text_of(events: list[StreamEvent], index: int = 0) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta) and e.index == index)


async def test_a_stream_is_text_then_its_end_then_usage(case: Case) -> None:
    events = [event async for event in case.chat(max_tokens=20)]
    assert isinstance(events[-1], Usage)
    if isinstance(events[0], PromptRead):
        read = events.pop(0)
        assert read == PromptRead(events[-1].prompt_tokens, events[-1].cached_tokens)
    assert [type(event) for event in events].count(Usage) == 1
    assert isinstance(events[-2], Finished)
    assert all(isinstance(event, TextDelta) for event in events[:-2])
    assert events[-1].prompt_tokens > 0
    assert 0 < events[-1].completion_tokens <= 20


async def test_characters_cut_by_the_transport_arrive_whole(case: Case) -> None:
    """The stand-ins cut their bytes in threes; a tokenizer cuts where it likes."""
    events = [event async for event in case.chat(max_tokens=20)]
    if case.repeats:
        assert text_of(events) == LONG
        assert Finished(0, "stop") in events


async def test_max_tokens_is_kept_and_told(case: Case) -> None:
    events = [event async for event in case.chat(max_tokens=3)]
    assert Finished(0, "length") in events
    assert isinstance(events[-1], Usage)
    assert events[-1].completion_tokens == 3
    if case.repeats:
        assert text_of(events) == "say this sentence"


async def test_giving_up_early_frees_what_works_for_it(case: Case) -> None:
    """Else a page that is closed keeps a slot, or a bill, running."""
    case.hold()
    events = case.chat()
    assert isinstance(await anext(events), PromptRead | TextDelta)
    await events.aclose()
    async with asyncio.timeout(30):
        await case.released()


async def test_cancelling_the_task_frees_it_too(case: Case) -> None:
    case.hold()
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in case.chat():
            begun.set()

    task = asyncio.create_task(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        await case.released()


async def test_several_requests_at_once_keep_apart(case: Case) -> None:
    async def one(number: int) -> list[StreamEvent]:
        return [event async for event in case.chat(f"number {number} please", max_tokens=8)]

    answers = await asyncio.gather(*(one(number) for number in range(4)))
    for number, events in enumerate(answers):
        assert isinstance(events[-1], Usage)
        if case.repeats:
            assert text_of(events) == f"number {number} please"


async def test_models_on_offer_can_be_asked(case: Case) -> None:
    infos = {info.id: info for info in await case.provider.models()}
    assert isinstance(infos[case.model], ModelInfo)
    assert infos[case.model].context > 0


@more_than_anthropic
async def test_n_answers_end_once_each(case: Case) -> None:
    events = [event async for event in case.chat(max_tokens=4, n=3)]
    ends = sorted(event.index for event in events if isinstance(event, Finished))
    assert ends == [0, 1, 2]
    assert {event.index for event in events if isinstance(event, TextDelta)} <= {0, 1, 2}
    assert isinstance(events[-1], Usage)


@more_than_anthropic
async def test_logprobs_tell_every_token(case: Case) -> None:
    events = [event async for event in case.chat(max_tokens=4, logprobs=1)]
    entries = [entry for e in events if isinstance(e, TextDelta) for entry in e.logprobs]
    assert len(entries) == 4
    assert all(entry.chosen.logprob <= 0 and len(entry.top) == 1 for entry in entries)


@more_than_anthropic
async def test_raw_prompts_are_continued(case: Case) -> None:
    request = CompletionRequest(case.model, "once upon a time", Settings(max_tokens=3, seed=1))
    events = [event async for event in case.provider.complete(request)]
    assert events[-2] == Finished(0, "length")
    assert isinstance(events[-1], Usage)


@pytest.mark.parametrize("case", ["echo", "local"], indirect=True)
async def test_an_unknown_model_is_not_found(case: Case) -> None:
    request = ChatRequest("nobody", (text_message("user", "hi"),))
    with pytest.raises(ModelNotFoundError, match="nobody"):
        await anext(case.provider.chat(request))
