"""Calls and their results, as Anthropic's API tells and wants them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from miniclaude.messages import Message, TextPart, ToolCall, ToolCallDelta, text_message
from miniclaude.providers.anthropic_wire import EventReader, conversation_json

ASKED = text_message("user", "add")
CALLS = Message("assistant", (), tool_calls=(ToolCall("c1", "add", ""), ToolCall("c2", "add", "")))
THANKS = text_message("user", "thanks")


def result(id: str) -> Message:
    return Message("tool", (TextPart(f"of {id}"),), tool_call_id=id)


def block(id: str) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": id, "content": f"of {id}"}


def turns(*messages: Message) -> list[tuple[str, Any]]:
    """Roles and contents."""
    said: Any = conversation_json(messages)["messages"]
    return [(entry["role"], entry["content"]) for entry in said]


@pytest.mark.parametrize(
    ("after", "texts"),
    [
        ((result("c1"), result("c2")), []),
        ((result("c1"), result("c2"), THANKS), ["thanks"]),
        ((result("c1"), text_message("system", "be kind"), result("c2")), []),
        ((result("c1"), THANKS, result("c2")), ["thanks"]),
        ((THANKS, result("c1"), result("c2")), ["thanks"]),
    ],
)
def test_results_of_parallel_calls_are_one_message(
    after: tuple[Message, ...], texts: list[str]
) -> None:
    """The API wants them together, results first, and a model that saw them apart learns to call
    one tool at a time."""
    told = [{"type": "text", "text": text} for text in texts]
    assert turns(ASKED, CALLS, *after)[2:] == [("user", [block("c1"), block("c2"), *told])]


def test_other_turns_stay_as_they_are() -> None:
    """Results of different answers are not mixed, nor are the user's messages joined."""
    again = Message("assistant", (), tool_calls=(ToolCall("c3", "add", ""),))
    said = turns(ASKED, THANKS, CALLS, result("c1"), result("c2"), again, result("c3"))
    assert [role for role, _ in said] == ["user", "user", "assistant", "user", "assistant", "user"]
    assert [said[3][1], said[5][1]] == [[block("c1"), block("c2")], [block("c3")]]


@pytest.mark.parametrize("begun", [{}, {"a": 1}])
@pytest.mark.parametrize("pieces", [[], [""], ['{"b":', "2}"]])
def test_a_call_without_arguments_is_whole(begun: dict[str, int], pieces: list[str]) -> None:
    """It held back what came behind it: nothing said that it was done. Imitations of the API put
    all arguments where the call begins."""
    block = SimpleNamespace(type="tool_use", id="c", name="f", input=begun)
    events = [SimpleNamespace(type="content_block_start", index=1, content_block=block)]
    for piece in pieces:
        delta = SimpleNamespace(type="input_json_delta", partial_json=piece)
        events.append(SimpleNamespace(type="content_block_delta", index=1, delta=delta))
    events.append(SimpleNamespace(type="content_block_stop", index=1))
    reader = EventReader()
    told = [news for event in events for news in reader.read(event)]
    said = "".join(news.arguments for news in told if isinstance(news, ToolCallDelta))
    assert json.loads(said) == ({"b": 2} if any(pieces) else begun)
