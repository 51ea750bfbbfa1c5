"""Tools for models whose chat template has no place for them: as plain text in the messages.

The same text is used for serving and for training, so that a model taught on rows with tools is
asked in the form that it was taught in. It is part of what a tuned model has learnt: a change here
is a change of format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from miniclaude.messages import Message, TextPart, Tool
from miniclaude.tokenizer.tool_format import PLAIN

NO_PARAMETERS: dict[str, object] = {"type": "object", "properties": {}}
"""The schema of a function without arguments."""

OFFER = "You can call functions. Each line below describes one as JSON:\n<tools>\n"
HOW = f"""
</tools>
To call one, write its name and its arguments as JSON:
{PLAIN.before}NAME{PLAIN.between}{{"PARAMETER": "VALUE"}}{PLAIN.after}
What it returns is told between <tool_response> and </tool_response>."""


def write_plainly(
    messages: Sequence[Message], tools: Sequence[Tool]
) -> tuple[list[Message], list[int]]:
    """The conversation as text alone, and where in it each of the messages went.

    The tools are listed in a system message, the first one's where it begins with one. Calls
    become the text of their message. What tools return becomes a message of the user, results and
    a question that follows one another the same one, so that user and assistant take turns.
    """
    written: list[Message] = []
    places: list[int] = []
    if tools:
        listed = "\n".join(json.dumps(function_json(tool), ensure_ascii=False) for tool in tools)
        written.append(Message("system", (TextPart(OFFER + listed + HOW),)))
    answered = False
    for message in messages:
        if message.role == "system" and tools and not places:
            parts = (*message.parts, TextPart("\n\n"), *written[0].parts)
            written[0] = replace(message, parts=parts)
        elif message.role == "tool" or (answered and message.role == "user"):
            said: Any = message.parts
            if message.role == "tool":
                said = (TextPart(f"<tool_response>\n{message.text}\n</tool_response>"),)
            if answered:
                parts = (*written[-1].parts, TextPart("\n"), *said)
                written[-1] = replace(written[-1], parts=parts)
            else:
                written.append(Message("user", said))
        else:
            written.append(_with_calls(message))
        answered = message.role == "tool"
        places.append(len(written) - 1)
    return written, places


def function_json(tool: Tool) -> dict[str, object]:
    """A tool as models know it."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or NO_PARAMETERS,
    }


def _with_calls(message: Message) -> Message:
    if not message.tool_calls:
        return message
    calls = (PLAIN.middle or "").join(
        f"{call.name}{PLAIN.between}{_one_line(call.arguments)}" for call in message.tool_calls
    )
    text = f"{message.text}\n" if message.text else ""
    text += f"{PLAIN.before}{calls}{PLAIN.after}"
    return replace(message, parts=(TextPart(text),), tool_calls=())


def _one_line(arguments: str) -> str:
    """Arguments as a model is to write them; as they are when they are no JSON object."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else arguments
