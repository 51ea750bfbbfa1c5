"""`POST /messages`: what becomes of the calls that a model makes."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from miniclaude.messages import Finished, FinishReason, ToolCallDelta, Usage
from tests.server.conftest import Served
from tests.server.test_messages import USER, post, refused

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("half", "read"),
    [
        ("", {}),
        (" ", {}),
        ('{"a": ', {}),
        ('{"a": 1, "b": {"c": [true, "x', {"a": 1, "b": {"c": [True]}}),
        ('{"a": "\\u00', {}),
        ('{"a": "whole"}', {"a": "whole"}),
    ],
)
async def test_a_call_cut_off_by_the_limit_is_what_the_sdk_makes_of_the_stream(
    served: Served, half: str, read: dict[str, Any]
) -> None:
    """The whole answer used to leave out the call that the stream began: no content at all."""
    call = [ToolCallDelta(0, 0, "c", "f", ""), ToolCallDelta(0, 0, None, None, half)]
    served.scripted.script = [*call, Finished(0, "length"), Usage(1, 9)]
    answer = (await post(served)).json()
    assert answer["stop_reason"] == "max_tokens"
    assert answer["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": read}]
    client = AsyncAnthropic(api_key="k", base_url="http://127.0.0.1", http_client=served.client)
    ask: dict[str, Any] = {"model": "scripted/m", "max_tokens": 9, "messages": [USER]}
    if half != " ":  # the SDK itself fails at it
        async with client.messages.stream(**ask) as stream:
            [block] = (await stream.get_final_message()).content
        assert block.model_dump(exclude_none=True) == answer["content"][0]


async def test_the_input_of_a_call_that_ended_is_an_object(served: Served) -> None:
    """Half an input is none."""
    for input in ('{"a": ', '{"a": NaN}'):  # Python reads NaN, and no answer in JSON can say it
        call = ToolCallDelta(0, 0, "c", "f", input)
        served.scripted.script = [call, Finished(0, "tool_calls"), Usage(1, 1)]
        assert "no JSON object" in refused(await post(served), 502)["message"]
    served.scripted.script = [call, Finished(0, "length"), Usage(1, 1)]
    assert (await post(served)).json()["content"][0]["input"] == {}


@pytest.mark.parametrize(
    ("stop", "told"), [(None, "tool_use"), ("x", "stop_sequence")], ids=["ended", "cut"]
)
async def test_a_call_that_was_forced_ends_as_any_other(
    served: Served, stop: str | None, told: str
) -> None:
    """OpenAI ends it with `stop`. Told as `end_turn`, no client of this protocol runs the tool.
    One that a stop string cut ended with that, also where the service does not name it."""
    call = ToolCallDelta(0, 0, "c", "f", "{}")
    served.scripted.script = [call, Finished(0, "stop", stop), Usage(1, 1)]
    answer = (await post(served)).json()
    assert (answer["stop_reason"], answer["stop_sequence"]) == (told, stop)
    assert f'"stop_reason":"{told}"' in (await post(served, stream=True)).text
    half = ToolCallDelta(0, 0, "c", "f", '{"a": ')
    served.scripted.script = [half, Finished(0, "stop", stop), Usage(1, 1)]
    told = "stop_sequence" if stop else "end_turn"
    assert (await post(served)).json()["stop_reason"] == told
    # The stream used to forget what it had sent of a call, and took every half for a whole one.
    assert f'"stop_reason":"{told}"' in (await post(served, stream=True)).text


MOST, BAD = sys.float_info.max, "\ufffd"


@pytest.mark.parametrize(
    ("input", "reason", "read"),
    [
        (
            '{"\\udc00": 1e999, "b": [-1e999, "\\ud800", "\\u0000", 0.5]}',
            "tool_calls",
            {BAD: MOST, "b": [-MOST, BAD, BAD, 0.5]},
        ),
        ('{"a": 1e999, "b": "\\ud800"}', "length", {"a": MOST, "b": BAD}),
        ('{"a": 1e999, "b": "x', "length", {"a": MOST}),
        ('{"a": "\\ud800", "b": "x', "length", {"a": BAD}),
    ],
)
async def test_what_python_reads_and_cannot_write_in_a_calls_input(
    served: Served, input: str, reason: FinishReason, read: dict[str, Any]
) -> None:
    """All of it is JSON that a grammar lets a model write, whoever asks it to, and was a 500: the
    encoder knows no infinity, and UTF-8 no half of a surrogate pair."""
    call = ToolCallDelta(0, 0, "c", "f", input)
    served.scripted.script = [call, Finished(0, reason), Usage(1, 1)]
    response = await post(served)
    assert response.status_code == 200, response.text
    [block] = response.json()["content"]
    assert block["input"] == read
    sent_back = [USER, {"role": "assistant", "content": [block]}, USER]
    assert (await post(served, messages=sent_back)).status_code == 200
