"""`client.responses` of the unmodified `openai` SDK against a live server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from miniclaude.providers.echo import Echo
from tests.contracts.calling import Calling
from tests.contracts.conftest import Live, leave_at, running

pytestmark = pytest.mark.anyio

TOOL: Any = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "strict": False,
}


@pytest.fixture(scope="module")
def calling() -> Calling:
    return Calling()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, calling: Calling) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("responses")
    with running(home, {"echo": Echo(), "calling": calling}, "echo") as server:
        yield server


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0, timeout=180) as sdk:
        yield sdk


def test_whole(client: OpenAI) -> None:
    answer = client.responses.create(
        model="echo", instructions="Be brief.", input="one two three", metadata={"a": "b"}
    )
    assert answer.id.startswith("resp_")
    assert answer.output_text == "one two three"
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 3)
    assert answer.metadata == {"a": "b"}
    assert answer.instructions == "Be brief."


def test_an_answer_can_be_sent_back(client: OpenAI) -> None:
    """The SDK's own objects carry ids and empty fields; they must not be refused."""
    first = client.responses.create(model="echo", input=[{"role": "user", "content": "one"}])
    said: list[Any] = [item.to_dict() for item in first.output]
    part = {"type": "input_text", "text": "two"}
    given: Any = [
        {"role": "user", "content": "one"},
        *said,
        {"type": "message", "role": "user", "content": [part]},
    ]
    answer = client.responses.create(model="echo", input=given)
    assert answer.output_text == "two"


def test_the_limit_makes_it_incomplete(client: OpenAI) -> None:
    answer = client.responses.create(model="echo", input="one two", max_output_tokens=1)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output_text == "one"


def test_the_streams_events_come_in_order_and_numbered(client: OpenAI) -> None:
    with client.responses.create(model="echo", input="one two", stream=True) as stream:
        events = list(stream)
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last: Any = events[-1]
    assert last.response.output_text == "one two"


def test_the_sdks_own_accumulator_understands_the_stream(client: OpenAI) -> None:
    with client.responses.stream(model="echo", input="one two three") as stream:
        deltas = [e.delta for e in stream if e.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == "one two three"
    with client.responses.stream(model="echo", input="one two", max_output_tokens=1) as stream:
        *_, ended = stream
    assert ended.type == "response.incomplete"


@pytest.mark.parametrize("stream", [False, True])
def test_tools(client: OpenAI, calling: Calling, stream: bool) -> None:
    """Text, then two calls; what they gave goes back."""
    fields: dict[str, Any] = {"model": "calling", "input": "add", "tools": [TOOL]}
    fields["tool_choice"] = {"type": "function", "name": "add"}
    if stream:
        with client.responses.stream(**fields) as events:
            answer: Any = events.get_final_response()
    else:
        answer = client.responses.create(**fields)
    assert calling.asked[-1].tool_choice == "add"
    text, *calls = answer.output
    assert answer.output_text == "Let me see."
    assert [call.arguments for call in calls] == ['{"a": 0}', '{"a": 1}']
    assert [call.call_id for call in calls] == ["call_0", "call_1"]
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "7"} for call in calls
    ]
    items: list[Any] = [
        {"role": "user", "content": "add"},
        *(item.to_dict() for item in (text, *calls)),
        *outputs,
    ]
    # What the SDK's parsing helpers add is theirs, not the protocol's.
    for item in items:
        item.pop("parsed_arguments", None)
    client.responses.create(model="calling", input=items)
    told = calling.asked[-1].messages
    assert [message.role for message in told] == ["user", "assistant", "tool", "tool"]
    assert told[1].text == "Let me see."
    assert [call.id for call in told[1].tool_calls] == ["call_0", "call_1"]
    assert [message.tool_call_id for message in told[2:]] == ["call_0", "call_1"]


def test_logprobs(client: OpenAI) -> None:
    answer: Any = client.responses.create(
        model="echo", input="one two", include=["message.output_text.logprobs"], top_logprobs=2
    )
    entries = answer.output[0].content[0].logprobs
    assert [entry.token for entry in entries] == ["one", " two"]
    assert all(len(entry.top_logprobs) == 2 for entry in entries)


async def test_async_and_given_up(live: Live) -> None:
    """Closing a stream in the middle must free what makes it, at once."""
    async with AsyncOpenAI(base_url=live.url, api_key="unused", max_retries=0, timeout=180) as sdk:
        whole = await sdk.responses.create(model="echo", input="one two")
        assert whole.output_text == "one two"
        endless = await sdk.responses.create(model="endless", input="go", stream=True)
        await leave_at(endless, lambda event: event.type == "response.output_text.delta")
        await endless.close()
    await asyncio.to_thread(live.wait_until_idle)


def test_a_stream_that_breaks_says_so(client: OpenAI) -> None:
    with (
        pytest.raises(openai.APIError, match="The wire was cut"),
        client.responses.create(model="calling", input="break", stream=True) as stream,
    ):
        for _ in stream:
            pass


def test_errors_become_the_sdks_own(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="gpt-none", input="a")
    with pytest.raises(openai.BadRequestError) as stored:
        client.responses.create(model="echo", input="a", store=True)
    assert (stored.value.code, stored.value.param) == ("unsupported_field", "store")
