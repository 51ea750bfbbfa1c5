"""`POST /chat/completions`: the shapes the OpenAI API documents."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from miniclaude.errors import (
    AuthenticationError,
    CheckpointError,
    ContextLengthError,
    EngineError,
    ProviderError,
    RateLimitError,
)
from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import ChatRequest, Settings
from miniclaude.server.wire import told
from tests.picture_file import PNG, PNG_URL, encoded
from tests.server.conftest import Served, full

pytestmark = pytest.mark.anyio


def events(text: str) -> list[Any]:
    """The `data:` payloads of an event stream."""
    frames = [frame for frame in text.split("\n\n") if frame]
    assert all(frame.startswith("data: ") for frame in frames)
    return [
        line if line == "[DONE]" else json.loads(line)
        for line in (frame.removeprefix("data: ") for frame in frames)
    ]


async def test_whole_answer(served: Served) -> None:
    answer = (await served.chat()).json()
    assert answer.pop("id").startswith("chatcmpl-")
    assert answer.pop("created") > 1_700_000_000
    assert answer == {
        "object": "chat.completion",
        "model": "echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "one two three", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 3,
            "total_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "system_fingerprint": None,
    }


async def test_stream_has_one_id_role_first_and_finish_reason_last(served: Served) -> None:
    response = await served.chat(stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert all("role" not in choice["delta"] for choice in choices[1:])
    assert "".join(choice["delta"].get("content", "") for choice in choices) == "one two three"
    assert [choice["finish_reason"] for choice in choices] == [None] * 4 + ["stop"]
    assert not any("usage" in chunk for chunk in chunks)


async def test_usage_comes_in_a_chunk_of_its_own(served: Served) -> None:
    response = await served.chat(stream=True, stream_options={"include_usage": True})
    *chunks, usage, _done = events(response.text)
    assert all(chunk["usage"] is None for chunk in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 6


async def test_several_choices_each_begin_with_their_role(served: Served) -> None:
    *chunks, _ = events((await served.chat(stream=True, n=2)).text)
    for index in (0, 1):
        mine = [c["choices"][0] for c in chunks if c["choices"][0]["index"] == index]
        assert mine[0]["delta"]["role"] == "assistant"
        assert mine[-1]["finish_reason"] == "stop"
    whole = (await served.chat(n=2)).json()
    assert [choice["index"] for choice in whole["choices"]] == [0, 1]


@pytest.mark.parametrize(("count", "status"), [(2, 200), (3, 400)])
async def test_log_probabilities_of_all_choices_are_counted(
    served: Served, monkeypatch: pytest.MonkeyPatch, count: int, status: int
) -> None:
    """The bound was per choice: `n` times as many were kept, and written on the event loop."""
    monkeypatch.setattr(told, "MAX_TOLD", 8)
    monkeypatch.setattr(told, "MANY_TOLD", 4)
    entry = TokenLogprob("a", b"a", -1.0)
    deltas = [
        TextDelta(index, "a" * count, (ChosenLogprob(entry, (entry,)),) * count) for index in (0, 1)
    ]
    served.scripted.script = [*deltas, Finished(0, "stop"), Finished(1, "stop"), Usage(1, 4)]
    request = {"model": "scripted/m", "n": 2, "logprobs": True, "top_logprobs": 1}
    response = await served.chat(**request)
    assert response.status_code == status, response.text
    if status == 400:
        error = response.json()["error"]
        assert "about 12 log probabilities" in error["message"]
        assert "Stream the answer" in error["message"]
        assert error["param"] == "logprobs"
    else:
        for choice in response.json()["choices"]:
            assert len(choice["logprobs"]["content"]) == count
    assert (await served.chat(**request, stream=True)).status_code == 200


async def test_logprobs(served: Served) -> None:
    token = TokenLogprob("é", "é".encode(), -0.5)
    never = TokenLogprob("x", b"x", -math.inf)
    served.scripted.script = [
        TextDelta(0, "é", (ChosenLogprob(token, (token, never)),)),
        Finished(0, "length"),
        Usage(1, 1),
    ]
    request = {"model": "scripted/m", "logprobs": True, "top_logprobs": 2}
    content = [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [
                {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
                # JSON has no infinity; the OpenAI API says −9999.
                {"token": "x", "logprob": -9999.0, "bytes": [120]},
            ],
        }
    ]
    whole = (await served.chat(**request)).json()["choices"][0]
    assert whole["logprobs"] == {"content": content, "refusal": None}
    assert whole["finish_reason"] == "length"
    chunks = events((await served.chat(stream=True, **request)).text)
    assert chunks[1]["choices"][0]["logprobs"]["content"] == content


@pytest.mark.parametrize("kind", ["text", "message", None])
async def test_a_message_may_say_that_it_is_one(served: Served, kind: str | None) -> None:
    """lm-eval's `local-chat-completions` sends a type with each message, and got nothing else to
    hear than that this field is not known."""
    said = [{"role": role, "content": "hi", "type": kind} for role in ("system", "user")]
    response = await served.chat(model="scripted/m", messages=said)
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert [(message.role, message.text) for message in asked.messages] == [
        ("system", "hi"),
        ("user", "hi"),
    ]
    refused = await served.chat(messages=[{"role": "user", "content": "hi", "type": "image"}])
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "messages[0].type"


async def test_the_result_of_a_call_may_name_its_function(served: Served) -> None:
    """OpenAI's own type has no `name` there, but LangChain.js, LiteLLM and many agents send one."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    response = await served.chat(
        model="scripted/m",
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "name": "f", "content": "42"},
        ],
    )
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert asked.messages[2] == Message("tool", (TextPart("42"),), tool_call_id="c", name="f")


async def test_what_sdks_add_to_an_answer_may_come_back(served: Served) -> None:
    """OpenAI's `parse` and `stream` helpers give messages with what they parsed, and Open WebUI the
    deltas of a stream, put together: each is appended to the conversation as it is."""
    function = {"name": "f", "arguments": '{"a": 1}', "parsed_arguments": {"a": 1}}
    call = {"id": "c", "type": "function", "index": 0, "function": function}
    response = await served.chat(
        model="scripted/m",
        messages=[
            {"role": "assistant", "content": "{}", "parsed": {}, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "42"},
        ],
    )
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    calls = (ToolCall("c", "f", '{"a": 1}'),)
    assert asked.messages[0] == Message("assistant", (TextPart("{}"),), tool_calls=calls)


async def test_tool_calls_are_put_together(served: Served) -> None:
    served.scripted.script = [
        ToolCallDelta(0, 0, "call_1", "add", ""),
        ToolCallDelta(0, 0, None, None, '{"a":'),
        ToolCallDelta(0, 0, None, None, "1}"),
        Finished(0, "tool_calls"),
        Usage(1, 1),
    ]
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    request = {"model": "scripted/m", "tools": tools}
    message = (await served.chat(**request)).json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    ]
    deltas = [
        chunk["choices"][0]["delta"]["tool_calls"][0]
        for chunk in events((await served.chat(stream=True, **request)).text)[1:4]
    ]
    assert deltas == [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "add", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": "1}"}},
    ]


async def test_every_field_reaches_the_provider(served: Served) -> None:
    response = await served.chat(
        model="scripted/org/m",
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "system", "content": [{"type": "text", "text": "a"}], "name": "s"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "annotations": [],
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "42"},
        ],
        max_completion_tokens=9,
        max_tokens=9,
        temperature=1,
        top_p=0.5,
        top_k=40,
        min_p=0.1,
        repetition_penalty=1.1,
        frequency_penalty=-1,
        presence_penalty=2.0,
        logit_bias={"5": -100},
        seed=-3,
        stop=["a", "b"],
        logprobs=True,
        n=1,
        user="me",
        metadata={"k": "v"},
        # What follows asks for nothing, so it is accepted.
        response_format={"type": "text"},
        store=False,
        service_tier="auto",
        tools=[],
        tool_choice="auto",
        parallel_tool_calls=True,
        modalities=["text"],
        audio=None,
        functions=None,
        stream_options=None,
        prompt_cache_key="k",
        prompt_cache_retention="in_memory",
        verbosity="medium",
    )
    assert response.status_code == 200, response.text
    assert served.scripted.asked == [
        ChatRequest(
            model="org/m",
            messages=(
                Message("system", (TextPart("be brief"),)),
                Message("system", (TextPart("a"),), name="s"),
                Message("user", (TextPart("see"), ImagePart("image/png", encoded(PNG), "low"))),
                Message("assistant", (), tool_calls=(ToolCall("c", "f", "{}"),)),
                Message("tool", (TextPart("42"),), tool_call_id="c"),
            ),
            settings=Settings(
                max_tokens=9,
                temperature=1.0,
                top_p=0.5,
                top_k=40,
                min_p=0.1,
                repetition_penalty=1.1,
                frequency_penalty=-1.0,
                presence_penalty=2.0,
                logit_bias={5: -100.0},
                seed=-3,
                stop=("a", "b"),
                logprobs=0,
                n=1,
            ),
            user="owner/user/me",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"safety_identifier": "a"}, "user/a"),
        ({"user": "a/b"}, "user/a/b"),
        ({"user": "a", "safety_identifier": "b"}, "users/1/a/b"),  # not the one before
        ({"prompt_cache_key": "conversation 1"}, "user/"),
    ],
)
async def test_whose_request_it_is(served: Served, fields: dict[str, Any], user: str) -> None:
    """Codex sends `prompt_cache_key` with every request; no answer depends on it, so it is no
    reason to refuse one. `safety_identifier` is OpenAI's successor of `user`."""
    said: Any = [{"role": "user", "content": "hi"}]
    for path, asked in (("chat/completions", "messages"), ("responses", "input")):
        body = {"model": "scripted/m", asked: said, **fields}
        response = await served.client.post(f"/v1/{path}", json=body)
        assert response.status_code == 200, response.text
    assert {request.user for request in served.scripted.asked} == {f"owner/{user}"}


async def test_values_that_ask_for_nothing(served: Served) -> None:
    """vLLM's clients send a `top_k` of -1 for "off", others `top_logprobs: 0` beside `logprobs:
    false`."""
    response = await served.chat(
        model="scripted/m", top_k=-1, logprobs=False, top_logprobs=0, prompt_cache_options={}
    )
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert (asked.settings.top_k, asked.settings.logprobs) == (0, None)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ContextLengthError("9 + 9 > 8.", hint="h"), 400, "context_length_exceeded"),
        (AuthenticationError("no key", hint="h"), 401, "invalid_api_key"),
        (RateLimitError("slow down", hint="h", retry_after=7), 429, "rate_limit_exceeded"),
        (full(), 503, "server_overloaded"),
        (CheckpointError("a shard is missing", hint="h"), 422, "bad_checkpoint"),
        (ProviderError("upstream fell over", hint="h"), 502, "provider_error"),
        (EngineError("the worker died", hint="h"), 503, "engine_error"),
        (RuntimeError("a secret detail"), 500, "internal_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_token_has_a_status(
    served: Served, error: Exception, status: int, code: str, stream: bool
) -> None:
    """A stream that begins with 200 and then fails hides the failure from every SDK's retries."""
    served.scripted.script = [error]
    response = await served.chat(model="scripted/m", stream=stream)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    if status in (429, 503) and code != "engine_error":
        assert 1 <= int(response.headers["retry-after"]) <= 120


async def test_a_failure_midway_is_an_event_and_the_end(served: Served) -> None:
    served.scripted.script = [TextDelta(0, "so"), ProviderError("it fell over", hint="Again.")]
    response = await served.chat(model="scripted/m", stream=True)
    *_, last = events(response.text)
    assert last["error"] == {
        "message": "it fell over Again.",
        "type": "server_error",
        "param": None,
        "code": "provider_error",
    }


@pytest.mark.parametrize("script", [[TextDelta(0, "a")], [Usage(1, 0)], []])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_an_end_is_a_failure(
    served: Served, script: list[Any], stream: bool
) -> None:
    """A provider that stops short must not look like one that finished."""
    served.scripted.script = script
    response = await served.chat(model="scripted/m", stream=stream)
    assert "provider_error" in response.text
    assert "[DONE]" not in response.text
