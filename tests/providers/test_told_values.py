"""Services of all kinds speak these protocols, some of them loosely. What one says wrongly is its
failure, told by its name: taken on trust it would come out as a fault of our own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from miniclaude.errors import ProviderError
from miniclaude.messages import Finished, StreamEvent, TextDelta, ToolCallDelta, Usage, text_message
from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.base import ChatRequest, CompletionRequest
from miniclaude.providers.openai_wire import CallNumbers
from miniclaude.providers.registry import Factory
from miniclaude.providers.told_values import MOST
from tests.providers.stand_in import running_stand_in

pytestmark = pytest.mark.anyio

CREATE: dict[str, Factory] = {"openai": openai_compatible.create, "anthropic": anthropic.create}
SAID = (text_message("user", "hi"),)
USAGE = {"prompt_tokens": 3, "completion_tokens": 1}
TOKEN: dict[str, Any] = {"token": "a", "bytes": None, "logprob": -0.5, "top_logprobs": []}


async def answer(style: str, events: Iterable[dict[str, Any]], *, raw: bool) -> list[StreamEvent]:
    """What is made of a stream of these events. raw: of a raw completion."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(style))
        options = {"base_url": service.url, "api_key": "k", "max_retries": 0}
        provider = CREATE[style](options)
        stack.push_async_callback(provider.aclose)
        service.raw = "".join(
            f"event: {event.get('type', '')}\ndata: {json.dumps(event)}\n\n" for event in events
        ).encode()
        request: Any = CompletionRequest("big", "hi") if raw else ChatRequest("big", SAID)
        told: AsyncIterator[StreamEvent]
        told = provider.complete(request) if raw else provider.chat(request)
        return [event async for event in told]


async def of_openai(
    choice: dict[str, Any], usage: object = None, *, raw: bool = False
) -> list[StreamEvent]:
    """Of one choice, all in one chunk, and the usage."""
    whole = {"index": 0, "finish_reason": "stop", **({} if raw else {"delta": {}}), **choice}
    chunks: list[dict[str, Any]] = [
        {"choices": [whole], "usage": None},
        {"choices": [], "usage": usage or USAGE},
    ]
    return await answer("openai", chunks, raw=raw)


def calling(**fields: Any) -> dict[str, Any]:
    function = {"name": "f", "arguments": "{}", **fields.pop("function", {})}
    return {"delta": {"tool_calls": [{"index": 0, "id": "c", "function": function, **fields}]}}


@pytest.mark.parametrize(
    ("choice", "usage", "named"),
    [
        ({"index": 1}, None, "choices\\[\\].index is 1"),
        ({"index": -1}, None, "index is -1"),
        ({"index": None}, None, "index is None"),
        ({"index": True}, None, "index is True"),
        ({"delta": {"content": {"text": "a"}}}, None, "delta.content is {'text': 'a'}, not a text"),
        (calling(function={"arguments": {"a": 1}}), None, "function.arguments is {'a': 1}"),
        (calling(function={"name": 5}), None, "function.name is 5"),
        (calling(id=7), None, "id is 7"),
        (calling(index=[0]), None, r"index is \[0\]"),
        ({"logprobs": {"content": [{**TOKEN, "logprob": None}]}}, None, "log probability is None"),
        (
            {"logprobs": {"content": [{**TOKEN, "logprob": float("nan")}]}},
            None,
            "log probability is nan",
        ),
        ({"logprobs": {"content": [{**TOKEN, "bytes": [300]}]}}, None, "unknown shape"),
        ({}, {"prompt_tokens": "3", "completion_tokens": 1}, "usage.prompt_tokens is '3'"),
        ({}, {"prompt_tokens": 3, "completion_tokens": -1}, "usage.completion_tokens is -1"),
        ({}, {**USAGE, "prompt_tokens_details": {"cached_tokens": []}}, r"cached_tokens is \[\]"),
        ({}, {**USAGE, "prompt_tokens": 10**400}, "usage.prompt_tokens is 1000.*, not a whole"),
        ({}, {**USAGE, "completion_tokens": MOST + 1}, "completion_tokens is 100000001"),
    ],
)
async def test_values_of_other_types_are_the_services_failure(
    choice: dict[str, Any], usage: object, named: str
) -> None:
    """A count beyond all measure was a 500: neither the metrics nor the store can hold it."""
    with pytest.raises(ProviderError, match=named):
        await of_openai(choice, usage)


@pytest.mark.parametrize(
    "choice",
    [
        {"text": ["a"]},
        {"text": "a", "index": 2},
        {"text": "a", "logprobs": {"tokens": ["a"], "token_logprobs": [None]}},
        {"text": "a", "logprobs": {"tokens": [7], "token_logprobs": [-1.0]}},
    ],
)
async def test_so_they_are_of_raw_completions(choice: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="unknown shape"):
        await of_openai(choice, raw=True)


async def test_counts_that_are_not_told_are_zeros() -> None:
    usage: dict[str, Any] = {
        "prompt_tokens": None,
        "completion_tokens": None,
        "prompt_tokens_details": {},
    }
    assert (await of_openai({"delta": {"content": "a"}}, usage))[-1] == Usage(0, 0)


async def test_a_call_without_a_number_is_the_first() -> None:
    """Services that make one call at a time leave it out."""
    assert ToolCallDelta(0, 0, "c", "f", "{}") in await of_openai(calling(index=None))


@pytest.mark.parametrize(
    ("deltas", "numbers"),
    [
        # One number for all calls.
        ([("a", "f", '{"a":1}'), ("b", "g", "{}")], [0, 1]),
        ([("a", "f", '{"a":1}'), ("b", "f", "{}"), ("c", "f", "{}")], [0, 1, 2]),
        ([("a", "f", '{"a"'), ("a", "f", ":1}"), ("b", "g", ""), (None, None, "{}")], [0, 0, 1, 1]),
        # Another id for each delta of one call.
        ([("a", "f", '{"a"'), ("x", None, ":1}"), ("b", "g", "{}")], [0, 0, 1]),
        ([("a", "f", '{"a"'), ("x", "f", ":1"), ("y", "f", "}"), ("z", "f", "")], [0, 0, 0, 0]),
    ],
)
async def test_the_calls_of_services_that_number_all_of_them_alike(
    deltas: list[tuple[str | None, str | None, str]], numbers: list[int]
) -> None:
    """The second's arguments became the first one's; or one call became several."""

    def chunk(id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
        function = {"name": name, "arguments": arguments}
        call = {"index": 0, "id": id, "function": function}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    chunks = [*(chunk(*delta) for delta in deltas), end, {"choices": [], "usage": USAGE}]
    told = await answer("openai", chunks, raw=False)
    assert [event.call_index for event in told if isinstance(event, ToolCallDelta)] == numbers


def test_many_calls_of_one_number_are_read_once() -> None:
    """Each looked through all before it: one event could hold up the server for seconds. Here it
    would be minutes."""
    numbers = CallNumbers()
    found = [numbers.of(0, 0, f"c{call}", f"f{call}", "{}") for call in range(100_000)]
    assert found == list(range(100_000))
    assert [numbers.of(0, 7, "late", "f", "{}"), numbers.of(1, 7, "x", "f", "")] == [100_000, 7]


async def test_an_answers_end_comes_last() -> None:
    """What a service said behind it was streamed behind the reason, at which clients stop to
    read."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}
        for text, reason in (("a", None), ("", "stop"), ("b", "length"))
    ]
    told = await answer("openai", [*chunks, {"choices": [], "usage": USAGE}], raw=False)
    assert told[:3] == [TextDelta(0, "a"), TextDelta(0, "b"), Finished(0, "stop")]


async def test_a_refusal_is_the_answers_text() -> None:
    """As the docs promise: passed over, it would leave an answer that says nothing."""
    assert TextDelta(0, "I will not.") in await of_openai({"delta": {"refusal": "I will not."}})


@pytest.mark.parametrize("raw", [False, True])
async def test_half_a_surrogate_pair_is_mended(raw: bool) -> None:
    """Services that cut their texts in UTF-16 send such; no answer of ours can be encoded with
    one in it."""
    text = {"text": "a\ud83d"} if raw else {"delta": {"content": "a\ud83d"}}
    assert await of_openai(text, raw=raw) == [
        TextDelta(0, "a\ufffd"),
        Finished(0, "stop"),
        Usage(3, 1),
    ]


START = {"type": "message_start", "message": {"usage": {"input_tokens": 4, "output_tokens": 1}}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
STOP = {"type": "message_stop"}


def ended(**usage: object) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}


async def test_a_count_that_anthropic_leaves_out_stays_as_it_was() -> None:
    events = await answer("anthropic", [START, ended(output_tokens=None), STOP], raw=False)
    assert events[-1] == Usage(4, 1)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (ended(output_tokens="many"), "output_tokens is 'many'"),
        (ended(input_tokens={}, output_tokens=2), "input_tokens is {}"),
        (ended(output_tokens=10**400), "output_tokens is 1000"),
        (
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": 5},
            },
            "text is 5, not a text",
        ),
    ],
)
async def test_values_of_other_types_are_anthropics_failure(
    event: dict[str, Any], named: str
) -> None:
    with pytest.raises(ProviderError, match=named):
        await answer("anthropic", [START, BLOCK, event, ended(output_tokens=1), STOP], raw=False)
