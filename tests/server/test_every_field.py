"""No field of either protocol is dropped in silence: the tables of `docs/api.md`, the SDKs' own
lists of fields and the live server, held against each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import (
    Base64ImageSourceParam,
    CacheControlEphemeralParam,
    ImageBlockParam,
    JSONOutputFormatParam,
    MetadataParam,
    OutputConfigParam,
    TextBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from anthropic.types import message_count_tokens_params as counting
from anthropic.types import message_create_params as messages
from anthropic.types.assistant_message_param import AssistantMessageParam
from anthropic.types.user_message_param import UserMessageParam
from openai.types import completion_create_params as completions
from openai.types import embedding_create_params as embeddings
from openai.types import shared_params
from openai.types.chat import completion_create_params as chat
from openai.types.chat.chat_completion_assistant_message_param import (
    ChatCompletionAssistantMessageParam,
)
from openai.types.chat.chat_completion_content_part_image_param import (
    ChatCompletionContentPartImageParam,
    ImageURL,
)
from openai.types.chat.chat_completion_content_part_text_param import (
    ChatCompletionContentPartTextParam,
)
from openai.types.chat.chat_completion_function_tool_param import ChatCompletionFunctionToolParam
from openai.types.chat.chat_completion_message_function_tool_call_param import (
    ChatCompletionMessageFunctionToolCallParam,
    Function,
)
from openai.types.chat.chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from openai.types.chat.chat_completion_system_message_param import ChatCompletionSystemMessageParam
from openai.types.chat.chat_completion_tool_message_param import ChatCompletionToolMessageParam
from openai.types.chat.chat_completion_user_message_param import ChatCompletionUserMessageParam
from openai.types.responses import ResponseFormatTextJSONSchemaConfigParam
from openai.types.responses import response_create_params as responses
from openai.types.responses.easy_input_message_param import EasyInputMessageParam
from openai.types.responses.function_tool_param import FunctionToolParam
from openai.types.responses.response_function_tool_call_param import ResponseFunctionToolCallParam
from openai.types.responses.response_input_image_param import ResponseInputImageParam
from openai.types.responses.response_input_item_param import FunctionCallOutput
from openai.types.responses.response_input_text_param import ResponseInputTextParam
from openai.types.responses.response_output_text_param import ResponseOutputTextParam
from openai.types.responses.response_text_config_param import ResponseTextConfigParam

from miniclaude.providers.base import ChatRequest
from tests.picture_file import PNG, PNG_URL, encoded
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8").split("## Every field")[1]

NONSENSE = [[["nonsense"]]]
"""Of no type that any field has."""

PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
    "messages": "/messages",
    "count_tokens": "/messages/count_tokens",
}
USER = {"role": "user", "content": "a"}
BASES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [USER]},
    "completions": {"prompt": "a"},
    "responses": {"input": "a"},
    "embeddings": {"input": "a"},
    "messages": {"messages": [USER], "max_tokens": 9},
    "count_tokens": {"messages": [USER]},
}
SDK: dict[str, Any] = {
    "chat": chat.CompletionCreateParamsBase,
    "completions": completions.CompletionCreateParamsBase,
    "responses": responses.ResponseCreateParamsBase,
    "embeddings": embeddings.EmbeddingCreateParams,
    "messages": messages.MessageCreateParamsBase,
    "count_tokens": counting.MessageCountTokensParams,
}


def fields_of(typed: Any) -> set[str]:
    return set(typed.__required_keys__ | typed.__optional_keys__)


def rows(part: str) -> Iterator[list[str]]:
    """The cells of a table, without its head."""
    for line in part.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


TOP, INSIDE = PAGE.split("Inside of them")
INSIDE, TEACHING = INSIDE.split("Of uploads")
TABLE = {
    (name, cells[0].strip("`")): cell
    for cells in rows(TOP)
    for name, cell in zip(PATHS, cells[1:], strict=True)
    if cell
}


async def send(served: Served, name: str, fields: dict[str, Any]) -> Any:
    body = {"model": "scripted/m", **BASES[name], **fields}
    return await served.client.post(PATHS[name], json=body)


def names(response: Any, field: str) -> bool:
    """Whether the answer is a refusal that names the field."""
    if response.status_code != 400:
        return False
    error = response.json()["error"]
    return re.search(rf"(^|[.\]]){field}\b", error.get("param") or error["message"]) is not None


TOOL = {"type": "function", "name": "f", "parameters": {}}
CHAT_TOOL = {"type": "function", "function": {"name": "f"}}
CLAUDE_TOOL = {"name": "f", "input_schema": {}}
SAMPLES: dict[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 5},
    "max_completion_tokens": {"max_completion_tokens": 5},
    "max_output_tokens": {"max_output_tokens": 5},
    "logit_bias": {"logit_bias": {"5": 1}},
    "stop": {"stop": "x"},
    "stop_sequences": {"stop_sequences": ["x"]},
    "stream": {"stream": False},
    "stream_options": {"stream": True, "stream_options": {}},
    "user": {"user": "me"},
    "safety_identifier": {"safety_identifier": "me"},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "cache_control": {"cache_control": {"type": "ephemeral"}},
    "system": {"system": "be brief"},
    "instructions": {"instructions": "be brief"},
    "include": {"include": ["message.output_text.logprobs"]},
    "text": {"text": {}},
    "encoding_format": {"encoding_format": "base64"},
    "n": {"n": 1},
    "echo": {"echo": True, "model": "echo"},
    "seed": {"seed": 1},
    "dimensions": {"dimensions": 2},
}
"""What a field that is read takes, with what else it needs; others take the number 0.5 or 1."""

BY_NAME: dict[tuple[str, str], dict[str, Any]] = {
    ("chat", "logprobs"): {"logprobs": True},
    ("chat", "top_logprobs"): {"logprobs": True, "top_logprobs": 1},
    ("responses", "top_logprobs"): {"top_logprobs": 0},
    ("chat", "metadata"): {"metadata": {"a": "b"}},
    ("responses", "metadata"): {"metadata": {"a": "b"}},
    ("messages", "metadata"): {"metadata": {"user_id": "u"}},
    ("chat", "tools"): {"tools": [CHAT_TOOL]},
    ("chat", "tool_choice"): {"tools": [CHAT_TOOL], "tool_choice": "required"},
    ("responses", "tools"): {"tools": [TOOL]},
    ("responses", "tool_choice"): {"tools": [TOOL], "tool_choice": "required"},
    ("messages", "tools"): {"tools": [CLAUDE_TOOL]},
    ("messages", "tool_choice"): {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "any"}},
    ("count_tokens", "tools"): {"tools": [CLAUDE_TOOL]},
    ("count_tokens", "tool_choice"): {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "any"}},
    ("completions", "logprobs"): {"logprobs": 1},
    ("chat", "response_format"): {"response_format": {"type": "json_object"}},
    ("chat", "structured_outputs"): {"structured_outputs": {"choice": ["a"]}},
    ("chat", "guided_json"): {"guided_json": {}},
    ("chat", "guided_regex"): {"guided_regex": "a"},
    ("chat", "guided_choice"): {"guided_choice": ["a"]},
    ("chat", "parallel_tool_calls"): {"parallel_tool_calls": False, "tools": [CHAT_TOOL]},
    ("responses", "parallel_tool_calls"): {"parallel_tool_calls": False},
    ("messages", "output_config"): {"output_config": {}},
    ("count_tokens", "output_config"): {"output_config": {}},
    ("chat", "reasoning_effort"): {"reasoning_effort": "none"},
    ("responses", "reasoning"): {"reasoning": {"effort": "none"}},
    ("messages", "thinking"): {"thinking": {"type": "disabled"}},
    ("count_tokens", "thinking"): {"thinking": {"type": "disabled"}},
}
SMALL = {"temperature", "top_p", "min_p", "repetition_penalty"}
SMALL |= {"frequency_penalty", "presence_penalty"}


def sample(name: str, field: str) -> dict[str, Any]:
    if field in BASES[name] or field == "model":
        return {}
    if (name, field) in BY_NAME:
        return BY_NAME[name, field]
    return SAMPLES.get(field, {field: 0.5 if field in SMALL else 1})


@pytest.mark.parametrize("name", list(PATHS))
def test_the_table_has_every_field_that_the_sdk_can_send(name: str) -> None:
    """A field that a new version of an SDK brings shows up here."""
    told = {field for column, field in TABLE if column == name}
    assert fields_of(SDK[name]) <= told


@pytest.mark.parametrize("name", list(PATHS))
async def test_a_field_is_read_or_refused_as_the_table_says(shared: Served, name: str) -> None:
    for field in sorted(field for column, field in TABLE if column == name):
        refused = await send(shared, name, {field: NONSENSE})
        assert names(refused, field), refused.text
        how = TABLE[name, field]
        assert how in ("yes", "only", "no")
        if how != "no":
            response = await send(shared, name, sample(name, field))
            assert response.status_code == 200, (field, response.text)
        if how != "yes":
            assert "this is not implemented here" in refused.text
        if how == "only":
            asked = shared.scripted.asked[-1]
            assert isinstance(asked, ChatRequest)
            assert asked.reasoning_effort == "none", "it would be dropped in silence"


@pytest.mark.parametrize("name", list(PATHS))
async def test_a_field_of_another_protocol_is_refused_too(shared: Served, name: str) -> None:
    fields = {field for _, field in TABLE}
    for field in sorted(fields - {field for column, field in TABLE if column == name}):
        response = await send(shared, name, {field: NONSENSE})
        assert names(response, field), response.text
        assert "not known here" in response.text


IMAGE = {"type": "image_url", "image_url": {"url": PNG_URL}}
SOURCE = {"type": "base64", "media_type": "image/png", "data": encoded(PNG)}
CALLED = {"name": "f", "arguments": "{}"}
FUNCTION_CALL = {"type": "function_call", "call_id": "c", **CALLED}
CALL = {"id": "c", "type": "function", "function": CALLED}
Wrap = Callable[[Any], dict[str, Any]]


def said(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(parts)}]}


def after_call(result: Any) -> dict[str, Any]:
    use = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    return {"messages": [USER, *said(use, role="assistant")["messages"], *said(result)["messages"]]}


OBJECTS: dict[str, tuple[str, Any, dict[str, Any], Wrap]] = {
    "chat: system message": (
        "chat",
        ChatCompletionSystemMessageParam,
        {"role": "system", "content": "a"},
        lambda it: {"messages": [it, USER]},
    ),
    "chat: user message": (
        "chat",
        ChatCompletionUserMessageParam,
        USER,
        lambda it: {"messages": [it]},
    ),
    "chat: assistant message": (
        "chat",
        ChatCompletionAssistantMessageParam,
        {"role": "assistant", "content": "a"},
        lambda it: {"messages": [USER, it, USER]},
    ),
    "chat: tool message": (
        "chat",
        ChatCompletionToolMessageParam,
        {"role": "tool", "content": "a", "tool_call_id": "c"},
        lambda it: {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, it]},
    ),
    "chat: tool call": (
        "chat",
        ChatCompletionMessageFunctionToolCallParam,
        CALL,
        lambda it: {"messages": [USER, {"role": "assistant", "tool_calls": [it]}, USER]},
    ),
    "chat: called function": (
        "chat",
        Function,
        CALLED,
        lambda it: {
            "messages": [USER, {"role": "assistant", "tool_calls": [{**CALL, "function": it}]}]
        },
    ),
    "chat: text part": (
        "chat",
        ChatCompletionContentPartTextParam,
        {"type": "text", "text": "a"},
        said,
    ),
    "chat: image part": ("chat", ChatCompletionContentPartImageParam, IMAGE, said),
    "chat: image_url": (
        "chat",
        ImageURL,
        {"url": PNG_URL},
        lambda it: said({"type": "image_url", "image_url": it}),
    ),
    "chat: tool": (
        "chat",
        ChatCompletionFunctionToolParam,
        CHAT_TOOL,
        lambda it: {"tools": [it]},
    ),
    "chat: function": (
        "chat",
        shared_params.FunctionDefinition,
        {"name": "f"},
        lambda it: {"tools": [{"type": "function", "function": it}]},
    ),
    "chat: response_format": (
        "chat",
        shared_params.ResponseFormatJSONSchema,
        {"type": "json_schema", "json_schema": {"name": "n"}},
        lambda it: {"response_format": it},
    ),
    "chat: json_schema": (
        "chat",
        shared_params.response_format_json_schema.JSONSchema,
        {"name": "n"},
        lambda it: {"response_format": {"type": "json_schema", "json_schema": it}},
    ),
    "chat: structured_outputs": (
        "chat",
        None,
        {"choice": ["a"]},
        lambda it: {"structured_outputs": it},
    ),
    "chat: stream_options": (
        "chat",
        ChatCompletionStreamOptionsParam,
        {},
        lambda it: {"stream": True, "stream_options": it},
    ),
    "responses: message": (
        "responses",
        EasyInputMessageParam,
        {"role": "user", "content": "a", "type": "message"},
        lambda it: {"input": [it]},
    ),
    "responses: input_text": (
        "responses",
        ResponseInputTextParam,
        {"type": "input_text", "text": "a"},
        lambda it: {"input": [{"role": "user", "content": [it]}]},
    ),
    "responses: input_image": (
        "responses",
        ResponseInputImageParam,
        {"type": "input_image", "image_url": PNG_URL},
        lambda it: {"input": [{"role": "user", "content": [it]}]},
    ),
    "responses: output_text": (
        "responses",
        ResponseOutputTextParam,
        {"type": "output_text", "text": "a"},
        lambda it: {"input": [{"role": "assistant", "content": [it]}]},
    ),
    "responses: function_call": (
        "responses",
        ResponseFunctionToolCallParam,
        FUNCTION_CALL,
        lambda it: {"input": [it]},
    ),
    "responses: function_call_output": (
        "responses",
        FunctionCallOutput,
        {"type": "function_call_output", "call_id": "c", "output": "a"},
        lambda it: {"input": [FUNCTION_CALL, it]},
    ),
    "responses: tool": ("responses", FunctionToolParam, TOOL, lambda it: {"tools": [it]}),
    "responses: text": ("responses", ResponseTextConfigParam, {}, lambda it: {"text": it}),
    "responses: format": (
        "responses",
        ResponseFormatTextJSONSchemaConfigParam,
        {"type": "json_schema", "name": "n", "schema": {}},
        lambda it: {"text": {"format": it}},
    ),
    "messages: user message": ("messages", UserMessageParam, USER, lambda it: {"messages": [it]}),
    "messages: assistant message": (
        "messages",
        AssistantMessageParam,
        {"role": "assistant", "content": "a"},
        lambda it: {"messages": [USER, it, USER]},
    ),
    "messages: text": ("messages", TextBlockParam, {"type": "text", "text": "a"}, said),
    "messages: image": (
        "messages",
        ImageBlockParam,
        {"type": "image", "source": SOURCE},
        said,
    ),
    "messages: base64 source": (
        "messages",
        Base64ImageSourceParam,
        SOURCE,
        lambda it: said({"type": "image", "source": it}),
    ),
    "messages: tool_use": (
        "messages",
        ToolUseBlockParam,
        {"type": "tool_use", "id": "c", "name": "f", "input": {}},
        lambda it: {"messages": [USER, *said(it, role="assistant")["messages"], USER]},
    ),
    "messages: tool_result": (
        "messages",
        ToolResultBlockParam,
        {"type": "tool_result", "tool_use_id": "c"},
        after_call,
    ),
    "messages: tool": ("messages", ToolParam, CLAUDE_TOOL, lambda it: {"tools": [it]}),
    "messages: tool_choice": (
        "messages",
        None,
        {"type": "auto"},
        lambda it: {"tools": [CLAUDE_TOOL], "tool_choice": it},
    ),
    "messages: output_config": (
        "messages",
        OutputConfigParam,
        {},
        lambda it: {"output_config": it},
    ),
    "messages: format": (
        "messages",
        JSONOutputFormatParam,
        {"type": "json_schema", "schema": {}},
        lambda it: {"output_config": {"format": it}},
    ),
    "messages: metadata": ("messages", MetadataParam, {}, lambda it: {"metadata": it}),
    "messages: cache_control": (
        "messages",
        CacheControlEphemeralParam,
        {"type": "ephemeral"},
        lambda it: {"cache_control": it},
    ),
}
"""By the table's name: which address, the SDK's own type, the smallest one that is taken, and the
request that it stands in."""

EXEMPT = {
    "chat: assistant message": {"parsed"},
    "chat: called function": {"parsed_arguments"},
    "responses: output_text": {"logprobs"},
}
"""What comes back from us, or from what an SDK made of it, whatever is in it."""

READ = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) for cells in rows(INSIDE)}


def test_the_second_table_has_every_object() -> None:
    assert set(READ) == set(OBJECTS)


@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
async def test_inside_of_objects_nothing_is_dropped_either(shared: Served, name: str) -> None:
    """Whatever an SDK can put there: nonsense in it is refused by its name, so it is read or known
    to be refused; what the table does not have is refused as unknown."""
    for kind, (column, typed, least, wrap) in OBJECTS.items():
        if column != name:
            continue
        good = await send(shared, name, wrap(least))
        assert good.status_code == 200, (kind, good.text)
        assert set(least) <= READ[kind]
        sendable = set() if typed is None else fields_of(typed)
        for field in sorted((sendable | READ[kind] | {"no_such_field"}) - EXEMPT.get(kind, set())):
            response = await send(shared, name, wrap({**least, field: NONSENSE}))
            assert names(response, field), (kind, field, response.text)
            unknown = "this field is not known here" in response.text
            assert unknown == (field not in READ[kind]), (kind, field, response.text)
