"""`POST /responses`: what is refused, and what reaches the provider."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from starlette.responses import JSONResponse

from miniclaude.errors import ContextLengthError
from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import ChatRequest
from miniclaude.server import large_json, sse
from miniclaude.server.wire import told
from miniclaude.server.wire.responses.body import NOT_IMPLEMENTED, PARTLY
from tests.picture_file import PNG_URL
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

TOOL = {"type": "function", "name": "f", "parameters": {}}


async def post(served: Served, **fields: Any) -> Any:
    body = {"model": "scripted/m", "input": "once", **fields}
    return await served.client.post("/responses", json=body)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"type": "reasoning", "id": "r"}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "text"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        ({"input": [{"type": "function_call_output", "output": "a"}]}, "input[0].call_id"),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "a"}]},
            "input[0].call_id",
        ),
        ({"instructions": 5}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["reasoning.encrypted_content"]}, "include[0]"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"text": {"verbosity": "high"}}, "text.verbosity"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{**TOOL, "strict": 1}]}, "tools[0].strict"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "name": "none"}},
            "tool_choice.name",
        ),
        ({"stream_options": {}}, "stream_options"),
        ({"stop": ["a"]}, "stop"),
        ({"messages": []}, "messages"),
        *(({field: "something"}, field) for field in (*NOT_IMPLEMENTED, *PARTLY)),
    ],
)
async def test_what_is_wrong_is_named(shared: Served, fields: dict[str, Any], param: str) -> None:
    response = await post(shared, **fields)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param


async def test_a_reference_to_an_earlier_item_is_refused_with_what_to_send(
    shared: Served,
) -> None:
    """The AI SDK refers to what it believes to be stored from the second turn on, and "not known
    here" told nobody that its `store: false` mends that."""
    earlier = {"type": "item_reference", "id": "msg_1"}
    response = await post(shared, input=[{"role": "user", "content": "a"}, earlier])
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == "input[1].id"
    for words in ("none is stored here", "send the item itself", "store: false"):
        assert words in error["message"]


async def test_what_asks_for_nothing_is_accepted(shared: Served) -> None:
    nothing: Any = {field: values[0] for field, values in NOT_IMPLEMENTED.items() if values}
    response = await post(shared, **nothing, text={"format": {"type": "text"}}, include=[])
    assert response.status_code == 200, response.text
    # So OpenAI's own response objects have it, from which requests are made again.
    response = await post(shared, reasoning={"effort": None, "summary": None})
    assert response.status_code == 200, response.text
    for asks in ({"effort": "low"}, {"effort": "none", "summary": "auto"}):
        refused = await post(shared, reasoning=asks)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"].startswith("reasoning: this is not implemented")


async def test_what_is_asked_reaches_the_provider(served: Served) -> None:
    await post(
        served,
        instructions="be brief",
        input=[
            {"role": "developer", "content": "a"},
            {"role": "user", "content": [{"type": "input_image", "image_url": PNG_URL}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "d", "name": "f", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "c",
                "output": [{"type": "input_text", "text": "7"}],
            },
        ],
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=9,
        tools=[TOOL],
        tool_choice={"type": "function", "name": "f"},
    )
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert [(message.role, message.text) for message in asked.messages] == [
        ("system", "be brief"),
        ("system", "a"),
        ("user", ""),
        ("assistant", ""),
        ("tool", "7"),
    ]
    assert [call.id for call in asked.messages[3].tool_calls] == ["c", "d"]
    settings = asked.settings
    assert (settings.max_tokens, settings.temperature, settings.top_p) == (9, 0.5, 0.9)
    assert (asked.tools[0].name, asked.tool_choice) == ("f", "f")


async def test_the_call_that_the_limit_cut_is_incomplete(served: Served) -> None:
    served.scripted.script = [
        TextDelta(0, "a"),
        ToolCallDelta(0, 0, "c", "f", '{"a": '),
        Finished(0, "length"),
        Usage(1, 1),
    ]
    answer = (await post(served)).json()
    assert [item["status"] for item in answer["output"]] == ["completed", "incomplete"]
    assert answer["output"][1]["arguments"] == '{"a": '


async def test_an_answer_that_ends_early_is_a_failure(served: Served) -> None:
    served.scripted.script = [TextDelta(0, "a")]
    assert (await post(served)).status_code == 502
    last = (await post(served, stream=True)).text.strip().split("\n\n")[-1]
    assert last.startswith('event: error\ndata: {"type":"error","sequence_number":5,')


@pytest.mark.parametrize(
    ("param", "told"), [("max_tokens", "max_output_tokens"), ("messages", "input"), ("n", "n")]
)
async def test_what_a_provider_blames_is_named_as_it_was_sent(
    served: Served, param: str, told: str
) -> None:
    """Providers know no protocol; who sent `max_output_tokens` looks in vain for `max_tokens`."""
    served.scripted.script = [ContextLengthError("Too long.", hint="Shorten it.", param=param)]
    for stream in (False, True):
        sent = {"model": "scripted/m", "input": "hi", "stream": stream}
        response = await served.client.post("/v1/responses", json=sent)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == told


def many_told(count: int) -> list[StreamEvent]:
    entry = TokenLogprob("a", b"a", -1.0)
    deltas = [TextDelta(0, "a", (ChosenLogprob(entry, (entry,)),)) for _ in range(count)]
    return [*deltas, Finished(0, "stop"), Usage(1, count)]


LOGPROBS = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}


async def test_log_probabilities_are_counted(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept until the answer's end, and had no bound here. A stream repeats them there."""
    monkeypatch.setattr(told, "MAX_TOLD", 8)
    served.scripted.script = [*many_told(4)]
    assert (await post(served, **LOGPROBS)).status_code == 200
    served.scripted.script = [*many_told(5)]
    response = await post(served, **LOGPROBS)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert "about 10 log probabilities" in error["message"]
    assert error["param"] == "top_logprobs"
    last = (await post(served, **LOGPROBS, stream=True)).text.strip().split("\n\n")[-1]
    assert last.startswith("event: error\n")
    assert "about 10 log probabilities" in last


@pytest.mark.parametrize("stream", [False, True])
async def test_many_log_probabilities_are_written_beside_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """Nobody else's stream waits for them: neither for a whole answer, nor for the four events at
    a stream's end that repeat them all."""
    monkeypatch.setattr(told, "MANY_TOLD", 100)
    served.scripted.script = [*many_told(60)]
    sizes: list[int] = []
    pieces: list[threading.Thread] = []
    write = sse.to_json

    def written(data: Any) -> str:
        if threading.current_thread() is threading.main_thread():
            sizes.append(len(write(data)))
        return write(data)

    monkeypatch.setattr(sse, "to_json", written)

    def piece(data: Any) -> str:
        pieces.append(threading.current_thread())
        return write(data)

    # It has the name by import, and makes many small texts of a large one: none of them is ours.
    monkeypatch.setattr(large_json, "to_json", piece)
    monkeypatch.setattr(JSONResponse, "render", lambda _, content: written(content).encode())
    text = (await post(served, **LOGPROBS, stream=stream)).text
    assert max(sizes, default=0) < 2000
    assert pieces
    assert threading.main_thread() not in pieces
    assert text.count('"top_logprobs":[{') == (60 if not stream else 60 * 5)
    for frame in text.strip().split("\n\n") if stream else ():
        kind, data = frame.split("\n")
        assert kind == f"event: {json.loads(data.removeprefix('data: '))['type']}"


async def test_not_to_reason_is_told_to_the_provider(served: Served) -> None:
    """OpenAI's newer clients say so with every request; dropped on the way, a service whose models
    reason unasked would."""
    effort = "none"
    assert (await served.chat(model="scripted/m", reasoning_effort=effort)).status_code == 200
    assert (await served.chat(model="scripted/m", reasoning_effort=None)).status_code == 200
    assert (await post(served, reasoning={"effort": effort, "summary": None})).status_code == 200
    assert (await post(served, reasoning={"effort": None})).status_code == 200
    asked = [request for request in served.scripted.asked if isinstance(request, ChatRequest)]
    assert [request.reasoning_effort for request in asked] == [effort, None, effort, None]


async def test_who_asked_is_told_back_and_when_it_was_done(served: Served) -> None:
    """OpenAI's responses have these three; ours left them out."""
    whose = {"safety_identifier": "s", "prompt_cache_key": "k"}
    answer = (await post(served, **whose)).json()
    assert {name: answer[name] for name in whose} == whose
    assert answer["completed_at"] >= answer["created_at"]
    served.scripted.script = [TextDelta(0, "a"), Finished(0, "length"), Usage(1, 1)]
    cut = (await post(served)).json()
    assert [cut[name] for name in (*whose, "completed_at")] == [None] * 3
