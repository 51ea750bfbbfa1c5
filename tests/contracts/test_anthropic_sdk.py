"""The unmodified `anthropic` SDK against a live server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, ToolParam

from miniclaude.providers.echo import Echo
from tests.contracts.calling import Calling
from tests.contracts.conftest import Live, leave_at, running
from tests.picture_file import PNG, PNG_URL, encoded

pytestmark = pytest.mark.anyio

KEY = "correct horse battery"
SAID: list[MessageParam] = [{"role": "user", "content": "one two three"}]
TOOL: ToolParam = {
    "name": "add",
    "description": "Adds.",
    "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
}


@pytest.fixture(scope="module")
def calling() -> Calling:
    return Calling()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, calling: Calling) -> Iterator[Live]:
    """With a key, which this SDK sends as `x-api-key`."""
    home = tmp_path_factory.mktemp("messages")
    with running(home, {"echo": Echo(), "calling": calling}, "echo", api_key=KEY) as server:
        yield server


@pytest.fixture
def client(live: Live) -> Iterator[Anthropic]:
    with Anthropic(base_url=live.url, api_key=KEY, max_retries=0, timeout=180) as sdk:
        yield sdk


@pytest.fixture
async def async_client(live: Live) -> AsyncIterator[AsyncAnthropic]:
    url = live.url
    async with AsyncAnthropic(base_url=url, auth_token=KEY, max_retries=0, timeout=180) as sdk:
        yield sdk


def test_whole(client: Anthropic) -> None:
    answer = client.messages.create(
        model="echo", max_tokens=10, system="Be brief.", messages=SAID, metadata={"user_id": "u"}
    )
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "echo")
    assert answer.id.startswith("msg_")
    [block] = answer.content
    assert (block.type, getattr(block, "text", None)) == ("text", "one two three")
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 3)
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_an_answer_can_be_sent_back_and_blocks_are_read(client: Anthropic) -> None:
    """The SDK's own objects carry empty fields; they must not be refused."""
    first = client.messages.create(model="echo", max_tokens=10, messages=SAID)
    said: list[Any] = [block.to_dict() for block in first.content]
    answer = client.messages.create(
        model="echo",
        max_tokens=10,
        system=[{"type": "text", "text": "Be", "cache_control": {"type": "ephemeral"}}],
        messages=[
            *SAID,
            {"role": "assistant", "content": said},
            {"role": "user", "content": [{"type": "text", "text": "four"}]},
        ],
    )
    assert [getattr(block, "text", None) for block in answer.content] == ["four"]


def test_what_ended_it_is_told(client: Anthropic) -> None:
    stopped = client.messages.create(
        model="echo", max_tokens=10, messages=SAID, stop_sequences=["zero", "thr"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "thr")
    short = client.messages.create(model="echo", max_tokens=1, messages=SAID)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 1)


def test_the_streams_events_come_in_order(client: Anthropic) -> None:
    with client.messages.create(model="echo", max_tokens=10, messages=SAID, stream=True) as stream:
        events = list(stream)
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_the_sdks_own_accumulator_understands_the_stream(client: Anthropic) -> None:
    with client.messages.stream(
        model="echo", max_tokens=10, messages=SAID, stop_sequences=["three"]
    ) as stream:
        assert "".join(stream.text_stream) == "one two "
        final = stream.get_final_message()
    assert (final.stop_reason, final.stop_sequence) == ("stop_sequence", "three")
    assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 3)


@pytest.mark.parametrize("stream", [False, True])
def test_tools(client: Anthropic, calling: Calling, stream: bool) -> None:
    """Text, then two calls whose input is whole; their results go back."""
    fields: dict[str, Any] = {
        "model": "calling",
        "max_tokens": 10,
        "messages": SAID,
        "tools": [TOOL],
        "tool_choice": {"type": "tool", "name": "add"},
    }
    if stream:
        with client.messages.stream(**fields) as events:
            answer: Any = events.get_final_message()
    else:
        answer = client.messages.create(**fields)
    assert answer.stop_reason == "tool_use"
    assert [block.type for block in answer.content] == ["text", "tool_use", "tool_use"]
    assert answer.content[0].text == "Let me see."
    assert [block.input for block in answer.content[1:]] == [{"a": 0}, {"a": 1}]
    assert [block.id for block in answer.content[1:]] == ["call_0", "call_1"]
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (6, 3)
    assert calling.asked[-1].tool_choice == "add"
    assert calling.asked[-1].tools[0].parameters == TOOL["input_schema"]
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": "call_0", "content": "7"},
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [{"type": "text", "text": "no such number"}],
            "is_error": True,
        },
        {"type": "text", "text": "go on"},
    ]
    client.messages.create(
        model="calling",
        max_tokens=10,
        messages=[
            *SAID,
            {"role": "assistant", "content": [block.to_dict() for block in answer.content]},
            {"role": "user", "content": results},
        ],
    )
    told = calling.asked[-1].messages
    assert [message.role for message in told] == ["user", "assistant", "tool", "tool", "user"]
    assert [call.arguments for call in told[1].tool_calls] == ['{"a": 0}', '{"a": 1}']
    assert [message.text for message in told[2:]] == ["7", "Error: no such number", "go on"]
    assert [message.tool_call_id for message in told[2:4]] == ["call_0", "call_1"]


def test_images_go_to_who_sees_and_are_refused_by_who_does_not(
    client: Anthropic, calling: Calling
) -> None:
    said: list[Any] = [
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": encoded(PNG)},
                },
                {"type": "text", "text": "what is it?"},
            ],
        }
    ]
    client.messages.create(model="calling", max_tokens=10, messages=said)
    [image, _] = calling.asked[-1].messages[0].parts
    assert getattr(image, "url", None) == PNG_URL
    with pytest.raises(anthropic.BadRequestError, match="ask a model that sees: calling"):
        client.messages.create(model="echo", max_tokens=10, messages=said)


def test_count_tokens(client: Anthropic) -> None:
    counted = client.messages.count_tokens(model="echo", system="Be brief.", messages=SAID)
    assert counted.input_tokens == 5
    with pytest.raises(anthropic.BadRequestError, match="does not count tokens"):
        client.messages.count_tokens(model="calling", messages=SAID)


async def test_async_and_given_up(live: Live, async_client: AsyncAnthropic) -> None:
    """Closing a stream in the middle must free what makes it, at once."""
    async with async_client.messages.stream(model="echo", max_tokens=9, messages=SAID) as stream:
        assert await stream.get_final_text() == "one two three"
    endless = await async_client.messages.create(
        model="endless", max_tokens=9, messages=SAID, stream=True
    )
    await leave_at(endless, lambda event: event.type == "content_block_delta")
    await endless.close()
    await asyncio.to_thread(live.wait_until_idle)


def test_a_stream_that_breaks_says_so(client: Anthropic) -> None:
    said: list[MessageParam] = [{"role": "user", "content": "break"}]
    with (
        pytest.raises(anthropic.APIStatusError, match="The wire was cut") as broken,
        client.messages.create(model="calling", max_tokens=9, messages=said, stream=True) as stream,
    ):
        for _ in stream:
            pass
    body: Any = broken.value.body
    assert body["error"]["type"] == "api_error"
    with pytest.raises(anthropic.InternalServerError, match="The wire was cut"):
        client.messages.create(model="calling", max_tokens=9, messages=said)


def test_models_are_listed_in_their_shape(client: Anthropic) -> None:
    """In OpenAI's, the SDK made models whose name and date were None."""
    listed = list(client.models.list(limit=1))  # it asks for page after page
    assert len(listed) > 1
    assert {"echo", "calling"} <= {model.id for model in listed}
    assert [model.id for model in client.models.list()] == [model.id for model in listed]
    for model in listed:
        assert model.display_name == model.id
        assert model.created_at.tzinfo is not None
        assert model.lifecycle == "active"
        assert client.models.retrieve(model.id) == model
    backwards = client.models.list(before_id=listed[-1].id, limit=1)
    assert [model.id for model in backwards.data] == [listed[-2].id]
    with pytest.raises(anthropic.BadRequestError, match="after_id: there is no model 'none'"):
        client.models.list(after_id="none")


def test_errors_become_the_sdks_own(live: Live, client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="GET /models"):
        client.messages.create(model="claude-none", max_tokens=9, messages=SAID)
    with pytest.raises(anthropic.BadRequestError, match="max_tokens") as wrong:
        client.messages.create(model="echo", max_tokens=0, messages=SAID)
    body: Any = wrong.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert body["request_id"] == wrong.value.request_id
    with (
        Anthropic(base_url=live.url, api_key="wrong key", max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError, match="key is wrong") as locked,
    ):
        stranger.messages.create(model="echo", max_tokens=9, messages=SAID)
    assert getattr(locked.value, "type", None) == "authentication_error"
