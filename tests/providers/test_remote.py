"""The remote providers: what leaves for the service, and what its failures become."""

from __future__ import annotations

import builtins
import json
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from miniclaude.errors import (
    ContextLengthError,
    InvalidRequestError,
    MiniClaudeError,
    ModelNotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    ProviderError,
    RateLimitError,
    SettingsError,
    UnsupportedFieldError,
)
from miniclaude.messages import (
    Finished,
    ImagePart,
    Message,
    StreamEvent,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    text_message,
)
from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.abilities import CountsTokens, Sees
from miniclaude.providers.base import (
    ChatRequest,
    CompletionRequest,
    ModelInfo,
    Provider,
    Settings,
    Structure,
)
from miniclaude.providers.registry import Factory
from tests.providers.stand_in import StandIn, running_stand_in

pytestmark = pytest.mark.anyio

CREATE: dict[str, Factory] = {"openai": openai_compatible.create, "anthropic": anthropic.create}
IMAGE = {"url": "data:image/png;base64,QUJD", "detail": "high"}
TOOL = Tool("add", "adds", {"type": "object", "properties": {}})


@dataclass
class Remote:
    """A provider and the service behind it."""

    provider: Provider
    service: StandIn

    async def ask(self, *messages: Message, **settings: Any) -> list[StreamEvent]:
        said = messages or (text_message("user", "hello there"),)
        request = ChatRequest("big", said, Settings(**settings))
        return [event async for event in self.provider.chat(request)]

    @property
    def body(self) -> dict[str, Any]:
        return self.service.asked[-1].body


async def connect(stack: AsyncExitStack, style: str) -> Remote:
    service = await stack.enter_async_context(running_stand_in(style))
    options = {"base_url": service.url, "api_key": "sk-secret", "max_retries": 0}
    provider = CREATE[style](options)
    stack.push_async_callback(provider.aclose)
    return Remote(provider, service)


@pytest.fixture
async def openai() -> AsyncIterator[Remote]:
    async with AsyncExitStack() as stack:
        yield await connect(stack, "openai")


@pytest.fixture
async def claude() -> AsyncIterator[Remote]:
    async with AsyncExitStack() as stack:
        yield await connect(stack, "anthropic")


@pytest.fixture(params=["openai", "anthropic"])
async def remote(request: pytest.FixtureRequest) -> AsyncIterator[Remote]:
    async with AsyncExitStack() as stack:
        yield await connect(stack, request.param)


async def test_every_setting_reaches_an_openai_service(openai: Remote) -> None:
    """A field that is dropped on the way changes the answer without a word."""
    await openai.ask(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        min_p=0.1,
        repetition_penalty=1.2,
        frequency_penalty=0.3,
        presence_penalty=0.4,
        logit_bias={7: -2.0},
        seed=11,
        stop=("a", "b"),
        logprobs=3,
        n=2,
    )
    assert openai.body == {
        "model": "big",
        "messages": [{"role": "user", "content": "hello there"}],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "repetition_penalty": 1.2,
        "frequency_penalty": 0.3,
        "presence_penalty": 0.4,
        "logit_bias": {"7": -2.0},
        "seed": 11,
        "stop": ["a", "b"],
        "logprobs": True,
        "top_logprobs": 3,
        "n": 2,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_what_was_not_set_is_not_sent(remote: Remote) -> None:
    await remote.ask()
    expected = {"model", "messages", "stream"}
    expected |= {"max_tokens"} if "max_tokens" in remote.body else {"stream_options"}
    assert set(remote.body) == expected


@pytest.mark.parametrize("address", [{}, {"base_url": "https://api.openai.com/v1/"}])
async def test_openai_itself_has_its_own_name_for_the_limit(address: dict[str, object]) -> None:
    provider = openai_compatible.create({"api_key": "k", **address})
    assert provider._max_tokens_field == "max_completion_tokens"


async def test_messages_in_openai_form(openai: Remote) -> None:
    picture = Message("user", (TextPart("look"), ImagePart("image/png", "QUJD", "high")))
    call = Message("assistant", (), tool_calls=(ToolCall("c1", "add", '{"a": 1}'),))
    result = Message("tool", (TextPart("2"),), tool_call_id="c1")
    await openai.ask(text_message("system", "be brief"), picture, call, result)
    assert openai.body["messages"] == [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": IMAGE},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a": 1}'},
                }
            ],
        },
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
    ]


async def test_messages_in_anthropic_form(claude: Remote) -> None:
    """System messages are lifted out; empty ones, which the API refuses, are left out."""
    picture = Message("user", (TextPart("look"), ImagePart("image/png", "QUJD", "low")))
    call = Message("assistant", (), tool_calls=(ToolCall("c1", "add", '{"a": 1}'),))
    result = Message("tool", (TextPart("2"),), tool_call_id="c1")
    await claude.ask(
        text_message("system", "be brief"),
        text_message("user", "hi"),
        text_message("assistant", ""),
        text_message("system", "be kind"),
        picture,
        call,
        result,
        max_tokens=5,
        stop=("END",),
    )
    assert claude.body == {
        "model": "big",
        "max_tokens": 5,
        "stop_sequences": ["END"],
        "stream": True,
        "system": "be brief\n\nbe kind",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "2"}],
            },
        ],
    }


@pytest.mark.parametrize("arguments", ["{", "[1]", '{"a":1e999}', '{"a":"\\ud800"}'])
async def test_tool_arguments_that_are_no_object(claude: Remote, arguments: str) -> None:
    """What the SDK cannot write was told as the service's fault."""
    call = Message("assistant", (), tool_calls=(ToolCall("c1", "add", arguments),))
    with pytest.raises(InvalidRequestError, match="tool call 'c1' are not a JSON object"):
        await claude.ask(call)


@pytest.mark.parametrize(
    ("levels", "refused"), [(64, False), (65, True), (940, True), (100_000, True)]
)
async def test_tool_arguments_that_are_too_deep(claude: Remote, levels: int, refused: bool) -> None:
    """What Python's parser still took, the SDK's writer did not: a fault of the server's."""
    arguments = '{"a": ' * levels + "1" + "}" * levels
    call = Message("assistant", (), tool_calls=(ToolCall("c1", "add", arguments),))
    if not refused:
        await claude.ask(call)
        return
    with pytest.raises(InvalidRequestError, match="nested deeper than 64 levels"):
        await claude.ask(call)


@pytest.mark.parametrize(
    ("choice", "openai_form", "anthropic_form"),
    [
        ("auto", "auto", {"type": "auto"}),
        ("none", "none", {"type": "none"}),
        ("required", "required", {"type": "any"}),
        ("add", {"type": "function", "function": {"name": "add"}}, {"type": "tool", "name": "add"}),
    ],
)
async def test_tools_travel_both_ways(
    remote: Remote, choice: str, openai_form: object, anthropic_form: object
) -> None:
    request = ChatRequest("big", (text_message("user", "1+1"),), tools=(TOOL,), tool_choice=choice)
    events = [event async for event in remote.provider.chat(request)]
    assert remote.body["tool_choice"] in (openai_form, anthropic_form)
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert (calls[0].id, calls[0].name) == ("c1", "add")
    assert "".join(call.arguments for call in calls) == '{"a": 1}'
    assert {call.call_index for call in calls} == {0}
    assert Finished(0, "tool_calls") in events


@pytest.mark.parametrize(
    "pieces",
    [
        [("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}')],
        [("a", "f", '{"x"'), (None, None, ": 1}"), ("b", "g", '{"y"'), (None, None, ": 2}")],
        [("a", "f", '{"x"'), ("a", None, ": 1}"), ("b", "g", '{"y": 2}')],
    ],
)
async def test_calls_without_a_number_keep_apart(
    openai: Remote, pieces: list[tuple[str | None, str | None, str]]
) -> None:
    """Some compatible services leave `index` out. Two calls became one then, of the second's name
    and with arguments that are no JSON."""
    chunks = []
    for id, name, arguments in pieces:
        call = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        chunks.append({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None})
    chunks.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    openai.service.raw = b"".join(
        b"data: " + json.dumps({"id": "1", "choices": [chunk]}).encode() + b"\n\n"
        for chunk in chunks
    )
    calls = [event for event in await openai.ask() if isinstance(event, ToolCallDelta)]
    said = {0: "", 1: ""}
    for event in calls:
        said[event.call_index] += event.arguments
    assert said == {0: '{"x": 1}', 1: '{"y": 2}'}
    assert [(c.call_index, c.name) for c in calls if c.name] == [(0, "f"), (1, "g")]


@pytest.mark.parametrize(
    ("structure", "field", "sent"),
    [
        (Structure("json_object"), "response_format", {"type": "json_object"}),
        (
            Structure("json_schema", schema={"type": "null"}, name="x", strict=True),
            "response_format",
            {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "null"}, "strict": True},
            },
        ),
        (Structure("regex", pattern="a+"), "structured_outputs", {"regex": "a+"}),
        (Structure("choice", choices=("a", "b")), "structured_outputs", {"choice": ["a", "b"]}),
    ],
)
async def test_the_form_of_the_answer_is_passed_on(
    openai: Remote, structure: Structure, field: str, sent: object
) -> None:
    """OpenAI's field where there is one, else vLLM's; beside other extensions."""
    settings = Settings(top_k=3)
    request = ChatRequest("m", (text_message("user", "hi"),), settings, structure=structure)
    async for _ in openai.provider.chat(request):
        pass
    assert openai.body[field] == sent
    assert openai.body["top_k"] == 3


@pytest.mark.parametrize(
    "setting",
    [
        {"temperature": 1.5},
        {"temperature": 0.5},
        {"top_p": 0.9},
        {"top_k": 4},
        {"min_p": 0.1},
        {"repetition_penalty": 1.1},
        {"frequency_penalty": 1.0},
        {"presence_penalty": 1.0},
        {"logit_bias": {1: 1.0}},
        {"seed": 0},
        {"logprobs": 0},
        {"n": 2},
    ],
)
async def test_anthropic_refuses_by_name_what_it_lacks(
    claude: Remote, setting: dict[str, Any]
) -> None:
    [field] = setting
    with pytest.raises(UnsupportedFieldError, match=f"^{field}: Anthropic's") as caught:
        await claude.ask(**setting)
    assert caught.value.param == field
    assert claude.service.asked == []


async def test_settings_that_change_nothing_are_no_reason_to_refuse(claude: Remote) -> None:
    await claude.ask(temperature=1.0, top_p=1.0, top_k=0, frequency_penalty=0.0, n=1)
    assert set(claude.body) == {"model", "messages", "max_tokens", "stream"}


async def test_anthropic_has_no_raw_completions(claude: Remote) -> None:
    with pytest.raises(InvalidRequestError, match="has no raw completions"):
        await anext(claude.provider.complete(CompletionRequest("big", "hi")))


async def test_raw_completions_through_openai(openai: Remote) -> None:
    request = CompletionRequest("big", "once upon", Settings(max_tokens=1))
    events = [event async for event in openai.provider.complete(request)]
    assert events[-2:] == [Finished(0, "length"), Usage(7, 1, cached_tokens=3)]
    assert openai.service.asked[-1].path == "/v1/completions"


async def test_models_are_listed(remote: Remote) -> None:
    [info] = await remote.provider.models()
    assert info in (
        ModelInfo("big", 5, "acme", 4096),
        ModelInfo("big", 5, "anthropic", 4096),
    )


@pytest.mark.parametrize(
    ("create", "options", "seeing"),
    [
        (anthropic.create, {}, True),
        (anthropic.create, {"base_url": "https://api.anthropic.com/"}, True),
        (anthropic.create, {"base_url": "http://192.0.2.1"}, False),
        (anthropic.create, {"base_url": "http://192.0.2.1", "vision": True}, True),
        (openai_compatible.create, {}, True),
        (openai_compatible.create, {"base_url": "https://api.openai.com/v1/"}, True),
        (openai_compatible.create, {"base_url": "http://192.0.2.1/v1"}, False),
        (openai_compatible.create, {"base_url": "http://192.0.2.1/v1", "vision": True}, True),
        (openai_compatible.create, {"vision": False}, False),
        (anthropic.create, {"vision": ["big"]}, True),
        (anthropic.create, {"vision": ("small",)}, False),
    ],
)
def test_who_sees_is_a_setting_with_a_default(
    create: Factory, options: dict[str, object], seeing: bool
) -> None:
    provider = create({"api_key": "k", **options})
    assert isinstance(provider, Sees)
    assert provider.sees("big") is seeing


@pytest.mark.parametrize("vision", ["yes", 1, [1]])
def test_a_setting_of_sight_that_means_nothing(vision: object) -> None:
    with pytest.raises(SettingsError, match="must be true, false or a list of models"):
        openai_compatible.create({"name": "mine", "vision": vision})


async def test_the_key_is_sent_and_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDKs would send OpenAI's organisation to any service, and take keys we did not give."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway-Key: from-the-environment")
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in("openai"))
        provider = openai_compatible.create({"base_url": service.url})
        stack.push_async_callback(provider.aclose)
        await Remote(provider, service).ask()
        assert "from-the-environment" not in json.dumps(service.asked[0].headers)


async def test_anthropic_gets_nothing_from_the_environment_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its SDK would send a token and headers that it finds there to whatever base_url names."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway-Key: from-the-environment")
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in("anthropic"))
        provider = anthropic.create({"base_url": service.url, "api_key": "ours"})
        stack.push_async_callback(provider.aclose)
        await Remote(provider, service).ask()
        headers = json.dumps(service.asked[0].headers)
        assert "ours" in headers
        assert "from-the-environment" not in headers


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, InvalidRequestError, "the moon is wrong"),
        (422, InvalidRequestError, "the moon is wrong"),
        (401, ProviderError, "the service refuses our key"),
        (403, ProviderError, "the service refuses our key"),
        (404, ModelNotFoundError, "has no model 'big': the moon is wrong"),
        (413, PayloadTooLargeError, "too large for it: the moon is wrong"),
        (429, RateLimitError, "quota is used up: the moon is wrong"),
        (500, ProviderError, "answers with status 500: the moon is wrong"),
        (503, OverloadedError, "answers with status 503: the moon is wrong"),
        (529, OverloadedError, "answers with status 529: the moon is wrong"),
        (302, ProviderError, "answers with status 302"),
    ],
)
async def test_statuses_become_our_errors(
    remote: Remote, status: int, kind: type[MiniClaudeError], message: str
) -> None:
    """A wrong key of ours must not look like a wrong key of the caller's."""
    remote.service.status = status
    remote.service.error = {"type": "error", "error": {"message": "the moon is wrong"}}
    remote.service.headers = {"retry-after": "17", "location": "http://127.0.0.1:9/"}
    with pytest.raises(kind, match=message) as caught:
        await remote.ask()
    assert type(caught.value) is kind
    assert remote.provider.name in str(caught.value)
    assert "secret" not in str(caught.value)
    if isinstance(caught.value, RateLimitError):
        assert caught.value.retry_after == 17
    if isinstance(caught.value, ProviderError):
        assert caught.value.status == status


@pytest.mark.parametrize("retry_after", ["soon", "nan", "-4", "1e99", ""])
async def test_any_retry_after_is_survived(remote: Remote, retry_after: str) -> None:
    remote.service.status, remote.service.error = 429, {}
    remote.service.headers = {"retry-after": retry_after}
    with pytest.raises(RateLimitError) as caught:
        await remote.ask()
    assert caught.value.retry_after is not None
    assert 1 <= caught.value.retry_after <= 120


async def test_a_context_that_is_too_long_keeps_its_code(openai: Remote) -> None:
    openai.service.status = 400
    openai.service.error = {
        "error": {"message": "too long", "code": "context_length_exceeded", "param": "messages"}
    }
    with pytest.raises(ContextLengthError, match="too long") as caught:
        await openai.ask()
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "closed the stream before the answer was complete"),
        (b"data: [DONE]\n\n", "closed the stream before the answer was complete"),
        (b"event: message_start\ndata: {broken\n\n", "is not JSON"),
        (b"event: message_start\ndata: [1, 2]\n\n", "an event of an unknown shape"),
        (b"event: message_start\ndata: null\n\n", "an event of an unknown shape"),
        (b'event: message_start\ndata: {"type": "message_start"}\n\n', "closed|unknown shape"),
        (b'event: error\ndata: {"error": {"message": "overheated."}}\n\n', r"overheated\. Try"),
        (b"\xff\xfe\xff\n\n", "closed the stream|is not JSON"),
    ],
)
async def test_streams_that_make_no_sense(remote: Remote, raw: bytes, message: str) -> None:
    """A `null` was taken for the end of the stream: what was wrong with it was not told."""
    remote.service.raw = raw
    with pytest.raises(ProviderError, match=message):
        await remote.ask()


DEEP = b"[" * 100_000


@pytest.mark.parametrize("raw", [DEEP, DEEP + b"]" * 100_000])
async def test_a_stream_that_is_nested_too_deeply(remote: Remote, raw: bytes) -> None:
    """Python's parser gives up on it with a RecursionError, which once was a 500 of ours."""
    remote.service.raw = b"event: message_start\ndata: " + raw + b"\n\n"
    with pytest.raises(ProviderError, match="nested too deeply"):
        await remote.ask()


@pytest.mark.parametrize(
    ("listing", "kind", "message"),
    [
        (b"<html>a page</html>", "text/html", "an answer of an unknown shape"),
        (b"it is running", "text/plain", "an answer of an unknown shape"),
        (b"null", "application/json", "an answer of an unknown shape|closed"),
        (b'[{"id": "a"}]', "application/json", "an answer of an unknown shape"),
        (b"{", "application/json", "not JSON"),
        (DEEP, "application/json", "nested too deeply"),
    ],
)
async def test_a_list_of_models_that_is_none(
    remote: Remote, listing: bytes, kind: str, message: str
) -> None:
    """An address without its `/v1` often answers with a page. The SDKs take any answer apart, and
    fail at it with whatever Python says: GET /models was a 500 for everybody then."""
    remote.service.listing, remote.service.listing_type = listing, kind
    with pytest.raises(ProviderError, match=message) as caught:
        await remote.provider.models()
    assert f"providers.{remote.provider.name}.base_url" in caught.value.hint


@pytest.mark.parametrize("style", ["openai", "anthropic"])
async def test_an_sdk_is_imported_off_the_event_loop(
    style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes seconds. Every stream and every health check stood still when the first one asked
    for the list of models."""
    importing = builtins.__import__
    on_the_loop: list[bool] = []

    def watched(name: str, *rest: Any, **named: Any) -> Any:
        if name == style:
            on_the_loop.append(threading.current_thread() is threading.main_thread())
        return importing(name, *rest, **named)

    async with AsyncExitStack() as stack:
        remote = await connect(stack, style)
        monkeypatch.setattr(builtins, "__import__", watched)
        await remote.provider.models()
    assert not on_the_loop[0]


async def test_a_service_that_is_not_there() -> None:
    for style in ("openai", "anthropic"):
        options = {"base_url": "http://127.0.0.1:9", "api_key": "k", "max_retries": 0}
        provider = CREATE[style](options)
        with pytest.raises(ProviderError, match=f"^{style}: it cannot be reached"):
            await Remote(provider, StandIn()).ask()
        with pytest.raises(ProviderError, match="cannot be reached"):
            await provider.models()
        await provider.aclose()
        await provider.aclose()


def test_options_are_checked() -> None:
    with pytest.raises(SettingsError, match=r"providers\.anthropic\.api_key is missing"):
        anthropic.create({})
    with pytest.raises(SettingsError, match=r"providers\.groq\.base_url is 5; it must be text"):
        openai_compatible.create({"name": "groq", "base_url": 5})
    with pytest.raises(SettingsError, match=r"providers\.openai\.max_retries is -1"):
        openai_compatible.create({"max_retries": -1})


async def test_not_to_reason_is_asked_in_the_service_s_own_words(remote: Remote) -> None:
    """Left out, some models reason, and the caller pays for it."""
    said = {"reasoning_effort": "none", "thinking": {"type": "disabled"}}
    await remote.ask()
    assert not said.keys() & remote.body.keys()
    request = ChatRequest("big", (text_message("user", "hello"),), reasoning_effort="none")
    assert [event async for event in remote.provider.chat(request)]
    [field] = said.keys() & remote.body.keys()
    assert remote.body[field] == said[field]
    assert (field == "thinking") == (remote.provider.name == "anthropic")
    if isinstance(remote.provider, CountsTokens):
        await remote.provider.count_tokens(request)
        assert remote.body[field] == said[field]
