"""`POST /messages`: what is refused, and in whose words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from miniclaude.errors import DownloadError, MiniClaudeError, UploadError
from miniclaude.messages import (
    Finished,
    ImagePart,
    PromptRead,
    TextDelta,
    TextPart,
    Usage,
)
from miniclaude.providers.base import ChatRequest
from miniclaude.server.error_handlers import describe, describe_to_anthropic, status_of
from miniclaude.server.wire.anthropic.body import NOT_IMPLEMENTED, PARTLY
from tests.picture_file import PNG_URL
from tests.server.conftest import Serve, Served, full

pytestmark = pytest.mark.anyio

USER = {"role": "user", "content": "one two three"}
RESULT = {"type": "tool_result", "tool_use_id": "c", "content": "7"}
TEXT = {"type": "text", "text": "a"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


async def post(served: Served, path: str = "/v1/messages", **fields: Any) -> Any:
    body = {"model": "scripted/m", "max_tokens": 9, "messages": [USER], **fields}
    return await served.client.post(path, json=body)


def refused(response: Any, status: int = 400) -> dict[str, str]:
    """The error, after checking its shape."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["type", "error", "request_id"]
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    assert list(body["error"]) == ["type", "message"]
    error: dict[str, str] = body["error"]
    return error


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": None}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "document"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [TEXT, RESULT]}]},
            "messages[0].content: must have its tool_result blocks before",
        ),
        (
            {"messages": [{"role": "user", "content": [{**TEXT, "citations": [{}]}]}]},
            "messages[0].content[0].citations",
        ),
        (
            {"messages": [{"role": "user", "content": [{**RESULT, "content": [{"type": "x"}]}]}]},
            "messages[0].content[0].content[0].type",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {"type": "url", "url": "file:///etc"}}
                        ],
                    }
                ]
            },
            "messages[0].content[0].source.url",
        ),
        ({"messages": [USER, {"role": "assistant", "content": "I"}]}, "messages[1].role"),
        # Other services would tell in words that fit no field of this request.
        (
            {"messages": [USER, {"role": "user", "content": [RESULT]}]},
            "messages[1].content[0].tool_use_id: no message before it made the call 'c'",
        ),
        ({"system": 5}, "system"),
        ({"temperature": 1.1}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"stop_sequences": ["a"] * 17}, "stop_sequences"),
        ({"metadata": {"user": "a"}}, "metadata.user"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{**TOOL, "strict": 1}]}, "tools[0].strict"),
        ({"tools": [{**TOOL, "name": "f" * 129}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "input_examples": [{}]}]}, "tools[0].input_examples: is not impl"),
        ({"output_config": {"effort": "low"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "auto"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}},
            "tool_choice.disable_parallel_tool_use",
        ),
        ({"n": 2}, "n: this field is not known"),
    ],
)
async def test_a_wrong_value_is_named(shared: Served, fields: dict[str, Any], named: str) -> None:
    error = refused(await post(shared, **fields))
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(named)


@pytest.mark.parametrize("kind", [DownloadError, UploadError])
def test_what_a_hub_could_not_do_is_not_laid_to_the_request(kind: type[MiniClaudeError]) -> None:
    """As `invalid_request_error` it told the caller to mend what was right."""
    error = kind("The hub did not answer.", hint="Try again.")
    assert status_of(error) == 424
    assert describe(error)["error"]["type"] == "failed_dependency_error"
    assert describe_to_anthropic(error, "req")["error"]["type"] == "api_error"


@pytest.mark.parametrize("field", sorted({*NOT_IMPLEMENTED, *PARTLY}))
@pytest.mark.parametrize("path", ["/messages", "/v1/messages/count_tokens"])
async def test_a_field_we_do_not_have_is_refused_by_name(
    shared: Served, field: str, path: str
) -> None:
    error = refused(await post(shared, path, **{field: {"type": "enabled"}}))
    assert error["message"].startswith(f"{field}: this is not implemented here.")


async def test_what_asks_for_nothing_is_accepted(shared: Served) -> None:
    nothing: dict[str, Any] = {
        field: values[0] for field, values in NOT_IMPLEMENTED.items() if values
    }
    nothing["output_config"] = {"effort": "high"}
    assert (await post(shared, **nothing, top_k=None, stop_sequences=None)).status_code == 200


async def test_not_to_think_is_told_to_the_provider(served: Served) -> None:
    """A model that thinks unasked would else do so, at its caller's expense."""
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        for thinking in ({"type": "disabled", "display": None}, None):
            fields = {"max_tokens": None} if "count" in path else {}
            response = await post(served, path, thinking=thinking, **fields)
            assert response.status_code == 200, response.text
    asked = [request for request in served.scripted.asked if isinstance(request, ChatRequest)]
    assert [request.reasoning_effort for request in asked] == ["none", None, "none", None]


async def test_what_is_asked_reaches_the_provider(served: Served) -> None:
    system = [TEXT, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    await post(
        served,
        system=system,
        messages=[USER, {"role": "system", "content": "c"}, USER],
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["x"],
        tools=[TOOL],
        tool_choice={"type": "any"},
    )
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert [(m.role, m.text) for m in asked.messages] == [
        ("system", "ab"),
        ("user", "one two three"),
        ("system", "c"),
        ("user", "one two three"),
    ]
    settings = asked.settings
    assert (settings.max_tokens, settings.temperature, settings.top_p) == (9, 0.5, 0.9)
    assert (settings.top_k, settings.stop) == (5, ("x",))
    assert (asked.tools[0].name, asked.tool_choice) == ("f", "required")


async def test_neighbours_of_one_role_are_one_turn(served: Served) -> None:
    """Anthropic's API joins them, so clients send them; many chat templates refuse two, and what
    the caller was told was that user and assistant must take turns."""
    source = {"type": "base64", "media_type": "image/png", "data": PNG_URL.partition(",")[2]}
    uses = [{"type": "tool_use", "id": id, "name": "f", "input": {}} for id in "cd"]
    said: list[tuple[str, Any]] = [
        ("user", "a"),
        ("user", [{"type": "image", "source": source}, TEXT]),
        ("user", [TEXT, TEXT]),
        ("assistant", "b"),
        ("assistant", [TEXT, uses[0]]),
        ("assistant", [uses[1]]),
        ("user", [RESULT]),
        ("user", "go on"),
        ("user", [{**RESULT, "tool_use_id": "d"}, TEXT]),
        ("system", "s"),
        ("system", "t"),
        ("user", "c"),
    ]
    messages = [{"role": role, "content": content} for role, content in said]
    response = await post(served, messages=messages)
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert [(m.role, m.text) for m in asked.messages] == [
        ("user", "aa\n\naa"),
        ("assistant", "b\n\na"),
        ("tool", "7"),
        ("tool", "7"),
        ("user", "go on\n\na"),
        ("system", "s"),
        ("system", "t"),
        ("user", "c"),
    ]
    first, second, *_ = asked.messages
    assert [type(part) for part in first.parts[:3]] == [TextPart, ImagePart, TextPart]
    assert first.images[0].param == "messages[1].content[0]"
    assert [call.id for call in second.tool_calls] == ["c", "d"]
    alone = {**messages[1], "content": [*messages[1]["content"], TEXT]}
    await post(served, messages=[alone])
    asked = served.scripted.asked[1]
    assert isinstance(asked, ChatRequest)
    assert [len(message.parts) for message in asked.messages] == [3]


async def test_a_tools_name_may_be_as_long_as_at_anthropics(served: Served) -> None:
    """`mcp__server__tool` goes beyond the 64 characters that OpenAI allows."""
    name = "mcp__" + "x" * 123
    use = {"type": "tool_use", "id": "c", "name": name, "input": {}}
    response = await post(
        served,
        messages=[
            USER,
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [RESULT]},
        ],
        tools=[{**TOOL, "name": name}],
        tool_choice={"type": "tool", "name": name},
    )
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert (asked.tools[0].name, asked.tool_choice) == (name, name)


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_every_failure_has_the_protocols_shape(serve: Serve, prefix: str) -> None:
    """Also those that no route ever sees: the key, the body's size, the method, bad JSON."""
    path = f"{prefix}/messages"
    async with serve(api_key="correct horse battery", max_body_bytes=2000) as served:
        assert refused(await post(served, path), 401)["type"] == "authentication_error"
        served.client.headers["x-api-key"] = "correct horse battery"
        long = await post(served, path, system="x" * 3000)
        assert refused(long, 413)["type"] == "request_too_large"
        assert "Use POST." in refused(await served.client.get(path), 405)["message"]
        refused(await served.raw("{", path))
        refused(await served.client.post(path, content=b"{}"), 415)
        served.scripted.script = [full()]
        for stream in (False, True):
            response = await post(served, path, stream=stream)
            assert refused(response, 503)["type"] == "overloaded_error"
            assert response.headers["retry-after"] == "120"
        served.scripted.script = [ValueError("a secret")]
        error = refused(await post(served, path), 500)
        assert error["type"] == "api_error"
        assert "secret" not in error["message"]


@pytest.mark.parametrize(
    ("written", "reason"), [(8, "model_context_window_exceeded"), (9, "max_tokens")]
)
async def test_a_full_context_is_told_from_the_requests_own_limit(
    served: Served, written: int, reason: str
) -> None:
    """Anthropic's clients send one large `max_tokens` whatever the prompt and the model; such a
    request is answered as far as the context goes."""
    served.scripted.script = [TextDelta(0, "a"), Finished(0, "length"), Usage(5, written)]
    assert (await post(served)).json()["stop_reason"] == reason
    assert f'"stop_reason":"{reason}"' in (await post(served, stream=True)).text
    asked = served.scripted.asked[0]
    assert asked.settings.as_far_as_fits


async def test_an_answer_that_ends_early_is_a_failure(served: Served) -> None:
    served.scripted.script = [TextDelta(0, "a")]
    assert "ended without" in refused(await post(served), 502)["message"]
    response = await post(served, stream=True)
    last = response.text.strip().split("\n\n")[-1]
    kind, data = last.split("\n")
    assert kind == "event: error"
    error = json.loads(data.removeprefix("data: "))
    assert error["error"]["type"] == "api_error"
    assert error["request_id"] == response.headers["request-id"]


async def test_an_empty_answer(served: Served) -> None:
    served.scripted.script = [Finished(0, "stop"), Usage(3, 0)]
    assert (await post(served)).json()["content"] == []
    response = await post(served, stream=True)
    kinds = [frame.split("\n")[0] for frame in response.text.strip().split("\n\n")]
    assert kinds == ["event: message_start", "event: message_delta", "event: message_stop"]


async def test_a_stream_begins_with_what_the_prompt_cost(served: Served) -> None:
    """Clients show it while the answer is written; 0 looks like a free prompt."""
    served.scripted.script.insert(0, PromptRead(3, 1))
    body = {"model": "scripted/m", "max_tokens": 9, "stream": True}
    messages = [{"role": "user", "content": "hi"}]
    response = await served.client.post("/v1/messages", json={**body, "messages": messages})
    start = json.loads(response.text.split("\n")[1].removeprefix("data: "))
    usage = start["message"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (2, 1)
    assert usage["output_tokens"] == 0
    # Other protocols have no place for it, and must not stumble.
    for path, fields in (
        ("chat/completions", {"messages": messages}),
        ("responses", {"input": "hi"}),
    ):
        for stream in (False, True):
            sent = {"model": "scripted/m", "stream": stream, **fields}
            said = (await served.client.post(f"/v1/{path}", json=sent)).text
            assert "hi" in said
            assert "error" not in said.replace('"error":null', "")
