"""The echo provider: what the contract suite does not already ask of every provider."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from miniclaude.errors import InvalidRequestError, ModelNotFoundError, UnsupportedFieldError
from miniclaude.messages import Finished, StreamEvent, TextDelta, Tool, Usage, text_message
from miniclaude.providers.base import ChatRequest, CompletionRequest, Settings, Structure
from miniclaude.providers.echo import Echo, create

pytestmark = pytest.mark.anyio


async def say(text: str, settings: Settings | None = None) -> list[StreamEvent]:
    request = ChatRequest("echo", (text_message("user", text),), settings or Settings())
    return [event async for event in Echo().chat(request)]


def spoken(events: list[StreamEvent], index: int = 0) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta) and e.index == index)


@pytest.mark.parametrize("text", ["", " ", "one", "  two\n words \n", "naïve 👩‍👩‍👧 مرحبا"])
async def test_every_character_comes_back(text: str) -> None:
    assert spoken(await say(text)) == text


async def test_the_last_user_message_is_repeated() -> None:
    messages = (
        text_message("system", "be brief"),
        text_message("user", "first"),
        text_message("assistant", "first"),
        text_message("user", "second one"),
    )
    events = [event async for event in Echo().chat(ChatRequest("echo", messages))]
    assert spoken(events) == "second one"
    assert events[-1] == Usage(prompt_tokens=6, completion_tokens=2)


async def test_stop_string_may_begin_inside_a_word() -> None:
    events = await say("count one two three", Settings(stop=("o thr", "zzz")))
    assert spoken(events) == "count one tw"
    assert Finished(0, "stop", "o thr") in events


async def test_max_tokens_counts_words_and_says_so() -> None:
    events = await say("a b c d", Settings(max_tokens=2, n=2))
    assert spoken(events, 0) == spoken(events, 1) == "a b"
    assert events[-3:] == [Finished(0, "length"), Finished(1, "length"), Usage(4, 4)]


async def test_max_tokens_equal_to_the_answer_is_a_stop() -> None:
    assert Finished(0, "stop") in await say("a b", Settings(max_tokens=2))


@pytest.mark.parametrize("alternatives", [0, 1, 5])
async def test_logprobs_are_a_distribution(alternatives: int) -> None:
    for event in await say("hello there", Settings(logprobs=alternatives)):
        if isinstance(event, TextDelta):
            (entry,) = event.logprobs
            assert entry.chosen.token_bytes == entry.chosen.token.encode()
            assert len(entry.top) == alternatives
            assert len({top.token for top in entry.top}) == alternatives
            assert sum(math.exp(top.logprob) for top in entry.top) <= 1


async def test_pace_lets_a_test_stop_in_the_middle() -> None:
    gate = asyncio.Semaphore(2)
    request = ChatRequest("echo", (text_message("user", "a b c"),))
    heard = []
    async with aclosing(create({"pace": gate.acquire}).chat(request)) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == 2:
                break
    assert heard == [TextDelta(0, "a"), TextDelta(0, " b")]
    assert gate.locked()


async def test_tools_are_refused_by_name() -> None:
    tool = Tool("clock", "the time", {})
    request = ChatRequest("echo", (text_message("user", "hi"),), tools=(tool,))
    with pytest.raises(UnsupportedFieldError, match="tools: the echo model calls no tools"):
        await anext(Echo().chat(request))


async def test_token_ids_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no tokenizer"):
        await anext(Echo().complete(CompletionRequest("echo", (1, 2))))


async def test_unknown_model() -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'parrot'"):
        await anext(Echo().complete(CompletionRequest("parrot", "hi")))


async def test_a_form_of_the_answer_is_refused_by_name() -> None:
    """What it says has the form of what it was told."""
    structure = Structure("regex", "guided_regex", pattern="a")
    request = ChatRequest("echo", (text_message("user", "hi"),), structure=structure)
    with pytest.raises(UnsupportedFieldError, match="guided_regex: the echo model"):
        await anext(Echo().chat(request))
