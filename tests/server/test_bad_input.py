"""Whatever is sent, the answer is a 4xx in the OpenAI API's shape that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniclaude.server.wire.socket import read_frame
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

USER = [{"role": "user", "content": "hi"}]
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def refused(response: Any, param: str | None, status: int = 400) -> dict[str, Any]:
    """The error, after checking its shape."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert body["error"]["param"] == param, response.text
    assert body["error"]["message"]
    error: dict[str, Any] = body["error"]
    return error


F = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 300}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": USER * 2049}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [*USER, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}]},
            "messages[0].content[0].x",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}],
                    }
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": "a", "id": "1"}]}, "messages[0].id"),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "content": "a", "refusal": "no"}]},
            "messages[0].refusal",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{**CALL, "id": 1}]}]},
            "messages[0].tool_calls[0].id",
        ),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": 1.0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop[1]"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": "x" * 257}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"stop": 1}, "stop"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"logit_bias": {"a": 1}}, "logit_bias.a"),
        ({"logit_bias": {"-1": 1}}, "logit_bias.-1"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"logit_bias": {str(i): 1 for i in range(1025)}}, "logit_bias"),
        ({"logit_bias": []}, "logit_bias"),
        ({"logit_bias": {"100": 100, "0100": -100}}, "logit_bias"),  # the last won in silence
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"stream": True, "stream_options": {"other": 1}}, "stream_options.other"),
        ({"user": 5}, "user"),
        ({"metadata": {"a": 5}}, "metadata.a"),
        ({"metadata": {str(i): "" for i in range(17)}}, "metadata"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tools": [F, F]}, "tools[1].function.name"),
        ({"tools": [F] * 129}, "tools"),
        ({"tools": [{**F, "function": {"name": "f" * 65}}]}, "tools[0].function.name"),
        ({"tools": [{**F, "function": {"name": "f", "strict": 1}}]}, "tools[0].function.strict"),
        (
            {"tools": [{**F, "function": {"name": "f", "parameters": 1}}]},
            "tools[0].function.parameters",
        ),
        (
            {"tools": [F], "tool_choice": {**F, "function": {"name": "g"}}},
            "tool_choice.function.name",
        ),
        ({"tools": [F], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
        (
            {"messages": [*USER, {"role": "tool", "tool_call_id": "c", "content": "4"}]},
            "messages[1].tool_call_id",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": 4}, "tool_choice"),
        ({"tool_choice": "never"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
    ],
)
async def test_a_wrong_value_is_named(served: Served, fields: dict[str, Any], param: str) -> None:
    refused(await served.chat(**fields), param)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audio", {"voice": "a"}),
        ("function_call", {"name": "f"}),
        ("functions", [{"name": "f"}]),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content", "content": "a"}),
        ("reasoning_effort", "high"),
        ("reasoning_effort", "minimal"),
        ("verbosity", "low"),
        ("prompt_cache_retention", "24h"),
        ("response_format", {"type": "json_object"}),
        ("guided_grammar", "root ::= x"),
        ("service_tier", "priority"),
        ("store", True),
        ("web_search_options", {}),
        ("best_of", 3),
        ("Temperature", 0.5),
    ],
)
async def test_a_field_we_do_not_have_is_refused_by_name(
    served: Served, field: str, value: Any
) -> None:
    """Dropping it silently would answer another question than the one that was asked."""
    error = refused(await served.chat(**{field: value}), field)
    assert error["code"] == "unsupported_field"
    assert field in error["message"]


async def test_a_misspelt_field_is_named_rather_than_the_right_one_that_is_missing(
    served: Served,
) -> None:
    body = {"model": "echo", "mesages": USER}
    refused(await served.raw(json.dumps(body)), "mesages")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_404(served: Served, stream: bool) -> None:
    error = refused(await served.chat(model="gpt-4", stream=stream), "model", 404)
    assert error["code"] == "model_not_found"
    assert "GET /models" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"temperature": NaN}', "temperature"),
        ('{"temperature": -Infinity}', "temperature"),
        ('{"messages": [{"content": "\\ud800"}]}', "messages[0].content"),
        ('{"a\\ud800": 1}', None),
        ('{"messages": [{"content": "a\\u0000b"}]}', "messages[0].content"),
        ('{"temperature": 1e999}', "temperature"),
        ('{"seed": ' + "9" * 5000 + "}", None),
        ("[" * 100_000, None),
        ('{"a":' * 70 + "1" + "}" * 70, None),
        ("[" + "1," * 600_000 + "1]", None),
        (b"\xff\xfe{", None),
        ("", None),
        ("{", None),
        ("[]", None),
        ("null", None),
        ('"text"', None),
        ("{'a': 1}", None),
    ],
)
@pytest.mark.parametrize("path", ["/chat/completions", "/v1/completions", "/conversations"])
async def test_what_is_not_sound_json_is_refused(
    served: Served, body: str | bytes, param: str | None, path: str
) -> None:
    refused(await served.raw(body, path), param)


async def test_a_long_key_does_not_come_back(served: Served) -> None:
    """An echoed megabyte, or a path built for each of its values, is a way to exhaust us."""
    response = await served.raw(json.dumps({"k" * 1_000_000: [0.5] * 1000, "model": "echo"}))
    assert response.status_code == 400
    assert len(response.content) < 1000


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = [
    "model",
    "messages",
    "prompt",
    "temperature",
    "top_p",
    "n",
    "stop",
    "seed",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "tools",
    "tool_choice",
    "response_format",
    "structured_outputs",
    "guided_regex",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "max_tokens",
    "title",
    "pinned",
    "head_id",
    "content",
    "parent_id",
    "settings",
    "echo",
    "suffix",
    "system",
    "stop_sequences",
    "input",
    "instructions",
    "include",
    "text",
    "dimensions",
]
bodies = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=6)
messages = st.lists(
    st.dictionaries(
        st.sampled_from(["role", "content", "name", "tool_calls", "tool_call_id", "refusal"]),
        anything | st.sampled_from(["user", "assistant", "tool", "system"]),
    ),
    max_size=3,
)
PATHS = (
    "/chat/completions",
    "/completions",
    "/messages",
    "/responses",
    "/embeddings",
    "/messages/count_tokens",
    "/conversations",
    "/presets",
    f"/conversations/{'0' * 32}/turns",
)


@given(
    body=anything
    | bodies
    | st.builds(lambda body, said: {**body, "model": "echo", "messages": said}, bodies, messages)
    | st.builds(lambda body, text: {**body, "model": "echo", "prompt": text}, bodies, anything),
    path=st.sampled_from(PATHS),
)
@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_json_whatever_makes_a_5xx(served: Served, body: Any, path: str) -> None:
    response = await served.raw(json.dumps(body), path)
    assert response.status_code < 500, (response.text, body)


@given(path=st.text(max_size=20), query=st.text(max_size=20))
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_address_whatever_makes_a_5xx(served: Served, path: str, query: str) -> None:
    for base in ("", "models", "conversations", "assets", "app", "library", "providers"):
        response = await served.client.get(
            f"/{base}/{_quoted(path)}?q={_quoted(query)}&offset={_quoted(query)}"
        )
        assert response.status_code < 500, response.text


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode(errors="replace"))


def test_a_frame_may_say_null_for_the_offset_it_leaves_out() -> None:
    """As everywhere; it was `invalid_type`."""
    watch = {"type": "turn.watch", "id": "a", "conversation_id": "c" * 32, "turn_id": "t" * 32}
    assert read_frame({**watch, "offset": None}) == read_frame(watch)
