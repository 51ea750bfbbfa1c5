"""What a provider says out of order, or as it cannot be sent back, as each protocol tells it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    PromptEcho,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from miniclaude.server.wire.in_order import in_order, sayable
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

USER = {"role": "user", "content": "hi"}
BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [USER]},
    "responses": {"input": [USER]},
    "messages": {"messages": [USER], "max_tokens": 99},
}
PROTOCOLS = list(BODIES)
END: list[StreamEvent] = [Finished(0, "tool_calls"), Usage(1, 1)]
BAD = "\ufffd"


async def ask(served: Served, path: str, script: list[StreamEvent], **fields: Any) -> Any:
    """The response to a request that this script answers."""
    served.scripted.script = [*script]
    body = {"model": "scripted/m", **BODIES.get(path, {}), **fields}
    return await served.client.post(f"/v1/{path}", json=body)


def events(text: str) -> list[dict[str, Any]]:
    """Those of a stream."""
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def calls(path: str, answer: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Id, name and arguments of a whole answer's calls."""
    if path == "responses":
        items = [item for item in answer["output"] if item["type"] == "function_call"]
        return [(i["call_id"], i["name"], json.loads(i["arguments"])) for i in items]
    if path == "messages":
        blocks = [block for block in answer["content"] if block["type"] == "tool_use"]
        return [(block["id"], block["name"], block["input"]) for block in blocks]
    found = answer["choices"][0]["message"]["tool_calls"]
    functions = [(call["id"], call["function"]) for call in found]
    return [(id, f["name"], json.loads(f["arguments"])) for id, f in functions]


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_can_be_sent_back(served: Served, path: str, stream: bool) -> None:
    """A NUL, which a regular expression may ask of a local model, went out with 200 and came back
    as a 400: the conversation could not go on."""
    token = TokenLogprob("\0", b"\0", -1.0)
    said = TextDelta(0, "a\0b", (ChosenLogprob(token, (token,)),))
    script: list[StreamEvent] = [said, Finished(0, "stop"), Usage(1, 1)]
    response = await ask(served, path, script, stream=stream)
    assert response.status_code == 200
    assert "\\u0000" not in response.text
    assert f"a{BAD}b" in response.text
    if path == "responses" and not stream:
        back = await ask(served, path, script, input=[USER, *response.json()["output"], USER])
        assert back.status_code == 200, back.text


async def test_a_raw_completion_can_be_sent_back(served: Served) -> None:
    """Its tokens too; their bytes are not told in this shape."""
    token = TokenLogprob("\0", b"\0", -1.0)
    script: list[StreamEvent] = [
        TextDelta(0, "\0", (ChosenLogprob(token, (token,)),)),
        Finished(0, "stop"),
    ]
    for stream in (False, True):
        fields = {"prompt": "x", "logprobs": 1, "stream": stream}
        response = await ask(served, "completions", [*script, Usage(1, 1)], **fields)
        assert "\\u0000" not in response.text
        assert f'"{BAD}"' in response.text


PAIR = "\\ud83d\\ude00"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('{"a":"\\u0000"}', '{"a":"\\ufffd"}'),
        ('{"a":"\\\\u0000"}', '{"a":"\\\\u0000"}'),
        (f'{{"a":"{PAIR}"}}', f'{{"a":"{PAIR}"}}'),
        ('{"a":"\\ud83d\\ud83d\\ude00\\ude00"}', f'{{"a":"\\ufffd{PAIR}\\ufffd"}}'),
        ('{"a":"\\uD83Dx\\n\\u00e9"}', '{"a":"\\ufffdx\\n\\u00e9"}'),
        ('{"a":"\\ud83d\\u', '{"a":"\\ufffd\\u'),
        ('{"a":"\\u00', '{"a":"\\u00'),
        ('{"a":"\0', f'{{"a":"{BAD}'),
    ],
)
def test_escapes_say_what_a_text_can_hold_however_they_are_cut(written: str, told: str) -> None:
    """Those of halves of characters went out with 200, and a local model refused them."""
    for size in range(1, len(written) + 1):
        said = rest = ""
        for start in range(0, len(written), size):
            more, rest = sayable(rest + written[start : start + size], ended=False)
            said += more
        assert said + sayable(rest, ended=True)[0] == told


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
async def test_arguments_can_be_sent_back(served: Served, path: str, stream: bool) -> None:
    """The pieces of an escape too, in whatever pieces they come."""
    script: list[StreamEvent] = [ToolCallDelta(0, 0, "c\0", "f", "")]
    script += [ToolCallDelta(0, 0, None, None, piece) for piece in ('{"a":"\\', "ud8", '00\0"}')]
    response = await ask(served, path, [*script, *END], stream=stream)
    assert response.status_code == 200
    assert "ud800" not in response.text
    assert "u0000" not in response.text


@pytest.mark.parametrize("path", PROTOCOLS)
async def test_calls_by_turns_are_told_one_after_the_other(served: Served, path: str) -> None:
    """A service that opened two calls and went on with each by turns was a 502 in two of three
    protocols: "The model's tool calls came mixed up"."""
    script: list[StreamEvent] = [
        ToolCallDelta(0, 0, "c0", "f", ""),
        ToolCallDelta(0, 1, "c1", "g", ""),
    ]
    for piece in ('{"a"', ":", "1}"):
        script += [ToolCallDelta(0, number, None, None, piece) for number in (0, 1)]
    script.insert(4, TextDelta(0, "said"))
    told = [("c0", "f", {"a": 1}), ("c1", "g", {"a": 1})]
    whole = await ask(served, path, [*script, *END])
    assert whole.status_code == 200, whole.text
    assert calls(path, whole.json()) == told
    assert "said" in whole.text
    streamed = await ask(served, path, [*script, *END], stream=True)
    assert '"error":{' not in streamed.text
    assert streamed.text.index('"c0"') < streamed.text.index('"c1"')
    if path == "responses":
        assert calls(path, events(streamed.text)[-1]["response"]) == told


async def test_a_call_begins_as_soon_as_the_one_before_is_whole() -> None:
    """It does not wait for the answer's end."""
    told: list[StreamEvent] = []

    async def script() -> AsyncGenerator[CompletionEvent, None]:
        yield ToolCallDelta(0, 0, "c0", "f", '{"a":1}')
        assert told == [ToolCallDelta(0, 0, "c0", "f", '{"a":1}')]
        yield ToolCallDelta(0, 1, "c1", "g", '{"b"')
        assert told[1:] == [ToolCallDelta(0, 1, "c1", "g", '{"b"')]
        yield ToolCallDelta(0, 0, None, None, "\n")
        yield ToolCallDelta(0, 1, None, None, ":2}")
        yield TextDelta(0, "later")
        assert told[2:] == [ToolCallDelta(0, 1, None, None, ":2}"), TextDelta(0, "later")]

    async for event in in_order(script()):
        assert not isinstance(event, PromptEcho)
        told.append(event)
    assert len(told) == 4


async def test_what_waits_is_read_once() -> None:
    """Each piece copied all that waited, and was compared with all of it: a service could hold up
    the server for minutes. Here it would take more than the test's patience."""

    async def script() -> AsyncGenerator[CompletionEvent, None]:
        yield ToolCallDelta(0, 0, "c0", "f", "{")
        for _ in range(20_000):
            yield TextDelta(0, "x")
        yield ToolCallDelta(0, 1, "c1", "g", '{"a":"')
        for _ in range(200_000):
            yield ToolCallDelta(0, 1, None, None, "abcdefgh")
        yield ToolCallDelta(0, 1, None, None, '"}')
        yield Finished(0, "tool_calls")

    told = [event async for event in in_order(script())]
    assert sum(len(e.arguments) for e in told if isinstance(e, ToolCallDelta)) == 1_600_009


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("id", [None, ""])
async def test_a_call_without_an_id_gets_one(served: Served, path: str, id: str | None) -> None:
    """Chat completions said `"id": null`, and the other two protocols 502."""
    script: list[StreamEvent] = [
        ToolCallDelta(0, 0, id, "f", ""),
        ToolCallDelta(0, 0, id, None, "{}"),
    ]
    response = await ask(served, path, [*script, *END])
    [(made, name, arguments)] = calls(path, response.json())
    assert made.startswith("call_")
    assert (name, arguments) == ("f", {})
    streamed = await ask(served, path, [*script, *END], stream=True)
    assert '"call_' in streamed.text


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("name", [None, ""])
async def test_a_call_without_a_name_is_the_services_fault(
    served: Served, path: str, name: str | None
) -> None:
    """Chat completions handed it on with an empty name, which no client can call."""
    script: list[StreamEvent] = [ToolCallDelta(0, 0, "c", name, "{}"), *END]
    response = await ask(served, path, script)
    assert response.status_code == 502
    assert "without a name" in response.json()["error"]["message"]
    streamed = await ask(served, path, script, stream=True)
    assert "without a name" in streamed.text
