"""Answers to repeated requests: the same bytes, for the same caller alone, of the same model."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from miniclaude.errors import ModelNotFoundError, ProviderError
from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import ChatRequest, Settings
from miniclaude.server.answer_cache import (
    EVENT_BYTES,
    HEADER,
    MAX_ANSWERS,
    AnswerCache,
    CacheControl,
)
from tests.server.conftest import Scripted, Serve, Served

pytestmark = pytest.mark.anyio

ASKED = {"model": "scripted/m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}
OF_ITS_OWN = re.compile(rb'"(id|item_id|created|created_at|completed_at)":("[^"]*"|[0-9]+)')
"""What tells two answers to the same request apart."""


class Repeating(Scripted):
    """A scripted provider whose answers may be kept."""

    current: str | None = "1"

    def version(self, model: str) -> str | None:
        if self.current == "gone":
            raise ModelNotFoundError("It is gone.", hint="Install it again.")
        return self.current


def repeating(served: Served) -> Repeating:
    """In place of the scripted provider."""
    provider = Repeating()
    served.services.registry.providers["scripted"] = provider
    return provider


async def post(served: Served, path: str = "/v1/chat/completions", **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    return await served.client.post(path, json={**ASKED, **fields}, headers=headers)


async def states(served: Served, *requests: dict[str, Any]) -> list[str]:
    """What the cache said to each in turn."""
    return [(await post(served, **fields)).headers[HEADER] for fields in requests]


def random_answer(chance: Random) -> list[StreamEvent]:
    """Two choices of text in pieces, log probabilities and calls."""
    events: list[StreamEvent] = []
    for index in (0, 1):
        for number in range(chance.randint(0, 5)):
            token = TokenLogprob("a", b"\xff", -chance.random())
            text = "".join(chance.choices('aé😀"\n', k=chance.randint(0, 4)))
            events.append(TextDelta(index, text, (ChosenLogprob(token, (token,)),)))
            if number == 3:
                events.append(ToolCallDelta(index, 0, "call_1", "f", ""))
                events.append(ToolCallDelta(index, 0, None, None, '{"a":1}'))
    chance.shuffle(events)
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    events.sort(key=lambda event: calls.index(event) if event in calls else -1)
    return [*events, Finished(0, "stop"), Finished(1, "length"), Usage(5, 6, 3)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields", [{}, {"temperature": 1, "seed": 7}])
async def test_a_hit_is_what_the_miss_was(
    served: Served, seed: int, stream: bool, fields: dict[str, Any]
) -> None:
    """Byte for byte, usage and pieces included; and a whole answer serves a stream."""
    provider = repeating(served)
    provider.script = [*random_answer(Random(seed))]
    options = {"stream_options": {"include_usage": True}} if stream else {}
    asked = {"n": 2, "logprobs": True, "stream": stream, **options, **fields}
    miss, hit = await post(served, **asked), await post(served, **asked)
    assert (miss.headers[HEADER], hit.headers[HEADER]) == ("miss", "hit")
    assert OF_ITS_OWN.sub(b"", miss.content) == OF_ITS_OWN.sub(b"", hit.content)
    assert miss.content != hit.content
    assert len(provider.asked) == 1
    other = {"n": 2, "logprobs": True, "stream": not stream, **fields}
    assert await states(served, other) == ["hit"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/messages", {"max_tokens": 9}),
        ("/v1/responses", {"messages": None, "input": "hi"}),
        ("/v1/completions", {"messages": None, "prompt": ["a", "b"]}),
    ],
)
async def test_every_protocol_says_so(served: Served, path: str, fields: dict[str, Any]) -> None:
    repeating(served)
    for stream in (False, True):
        asked = {key: value for key, value in fields.items() if value is not None}
        body = {**{k: v for k, v in ASKED.items() if k not in fields}, **asked, "stream": stream}
        answers = [await served.client.post(path, json=body) for _ in range(2)]
        assert [a.headers[HEADER] for a in answers] == ["hit" if stream else "miss", "hit"]
        assert len({OF_ITS_OWN.sub(b"", answer.content) for answer in answers}) == 1


async def test_of_several_prompts_one_miss_is_a_miss(served: Served) -> None:
    repeating(served)
    body = {"model": "scripted/m", "temperature": 0}
    said = []
    for prompt in (["a", "b"], ["b", "c"], ["c", "a"]):
        answer = await served.client.post("/v1/completions", json={**body, "prompt": prompt})
        said.append(answer.headers[HEADER])
    assert said == ["miss", "miss", "hit"]


async def test_what_is_left_to_chance_is_made_anew(served: Served) -> None:
    provider = repeating(served)
    assert (
        await states(served, *[{"temperature": 0.1}] * 2, *[{"temperature": None}] * 2)
        == ["off"] * 4
    )
    assert len(provider.asked) == 4
    # And so is what a service in between answers, which changes without telling.
    served.services.registry.providers["scripted"] = Scripted()
    assert await states(served, {}, {}) == ["off", "off"]


async def test_cache_control(served: Served) -> None:
    repeating(served)
    store, anew = {"cache-control": "max-age=0, No-Store"}, {"cache-control": "no-cache"}
    asked = [{"headers": store}, {"headers": store}, {}, {"headers": store}, {"headers": anew}, {}]
    assert await states(served, *asked) == ["off", "off", "miss", "off", "miss", "hit"]
    assert CacheControl.of("no-cache=x") == CacheControl()


async def test_a_switch_turns_it_off(serve: Serve) -> None:
    async with serve(answer_cache_bytes=0) as served:
        provider = repeating(served)
        assert await states(served, {}, {}) == ["off", "off"]
        assert len(provider.asked) == 2


async def test_another_user_is_told_nothing(served: Served) -> None:
    """Whether somebody else asked before would show in the header, and in how fast it comes."""
    repeating(served)
    users = [{"user": "ada"}, {"user": "eve"}, {}, {"user": "ada"}]
    assert await states(served, *users) == ["miss", "miss", "miss", "hit"]


async def test_another_key_is_told_nothing(serve: Serve) -> None:
    keys = {name: {"key": f"the key of {name}"} for name in ("ada", "eve")}
    async with serve(keys=keys, api_key="the owner's key") as served:
        repeating(served)
        given = ["the key of ada", "the key of eve", "the owner's key", "the key of ada"]
        asked = [{"headers": {"authorization": f"Bearer {key}"}, "user": "u"} for key in given]
        assert await states(served, *asked) == ["miss", "miss", "miss", "hit"]


async def test_a_model_that_changed_answers_anew(served: Served) -> None:
    provider = repeating(served)
    assert await states(served, {}, {}) == ["miss", "hit"]
    provider.current = "2"
    assert await states(served, {}, {}) == ["miss", "hit"]
    provider.current = None
    assert await states(served, {}) == ["off"]


@pytest.mark.parametrize("after", ["2", None, "gone"])
async def test_a_model_that_changed_meanwhile_is_not_kept(
    served: Served, after: str | None
) -> None:
    """The answer is of one or the other, and nobody knows of which."""
    provider = repeating(served)
    cached = CacheControl()
    admitted, _ = served.services.resolve("scripted/m", control=cached)
    request = ChatRequest("m", (), Settings(temperature=0))
    async for _ in admitted.chat(request):
        provider.current = after
    assert len(served.services.answers) == 0


async def test_failures_and_half_answers_are_not_kept(served: Served) -> None:
    provider = repeating(served)
    for script in (
        [ProviderError("It failed.", hint="Again.")],
        [TextDelta(0, "half"), ProviderError("It failed.", hint="Again.")],
        [TextDelta(0, "no end")],
    ):
        provider.script = [*script]
        assert (await post(served)).status_code == 502
    provider.script = [TextDelta(0, "hi"), Finished(0, "stop"), Usage(3, 1)]
    assert await states(served, {}, {}) == ["miss", "hit"]


async def test_a_very_long_answer_is_not_kept(served: Served) -> None:
    provider = repeating(served)
    provider.script = [TextDelta(0, "x" * 200_000), Finished(0, "stop"), Usage(3, 1)]
    assert await states(served, {}, {}) == ["miss", "miss"]


def test_bytes_and_entries_are_bounded() -> None:
    answer: tuple[CompletionEvent, ...] = (Usage(1, 1),)
    cache = AnswerCache(3 * EVENT_BYTES)
    for key in (b"a", b"b", b"c"):
        cache.put(key, answer, EVENT_BYTES)
    assert cache.get(b"a") is answer
    cache.put(b"d", answer, EVENT_BYTES)
    assert (cache.get(b"b"), len(cache)) == (None, 3), "the one unused for longest goes first"
    cache.put(b"d", answer, 2 * EVENT_BYTES)
    assert (cache.bytes, len(cache)) == (3 * EVENT_BYTES, 2)
    many = AnswerCache(10**9)
    for number in range(MAX_ANSWERS + 1):
        many.put(number.to_bytes(4), answer, 1)
    assert (len(many), many.bytes) == (MAX_ANSWERS, MAX_ANSWERS)
