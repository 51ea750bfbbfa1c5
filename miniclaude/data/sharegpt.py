"""ShareGPT's conversations: `{"from": "human", "value": "…"}`, in LLaMA-Factory's dialect.

Tags and order are checked as its converter does (a side that asks and a side that answers, in
turn), whose errors are `Invalid role tag` and `Invalid message count`.
"""

from __future__ import annotations

import json

from miniclaude.data.conversation import read_messages
from miniclaude.data.fields import kind_of, not_text
from miniclaude.errors import RowError
from miniclaude.messages import Message, TextPart, ToolCall, text_message

ASKING = {
    "human": "user",
    "user": "user",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
}
ANSWERING = {
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function_call": "call",
}


def read_conversations(value: object, *, answered: bool) -> tuple[Message, ...]:
    """The messages of a `conversations` list; `answered`: whether it ends with the assistant
    (else, as the prompt of a comparison, with what it should answer). Raises RowError."""
    if not isinstance(value, list) or not value:
        raise RowError(
            f"conversations is {kind_of(value)}, not a list of turns.",
            hint='Write "conversations": [{"from": "human", "value": "…"}, {"from": "gpt",'
            ' "value": "…"}].',
            param="conversations",
            code="missing_messages_list",
        )
    if all(isinstance(turn, dict) and "role" in turn and "from" not in turn for turn in value):
        return read_messages(value, param="conversations")[0]
    messages: list[Message] = []
    waiting: list[str] = []
    turns = list(value)
    if isinstance(turns[0], dict) and turns[0].get("from") == "system":
        messages.append(text_message("system", _value(turns.pop(0), "conversations[0]")))
    offset = len(messages)
    for index, turn in enumerate(turns):
        where = f"conversations[{index + offset}]"
        messages.append(_turn(turn, where, index, waiting))
    if len(turns) % 2 != (0 if answered else 1):
        raise RowError(
            f"The conversation has {len(turns)} turns"
            + (", so the last is not answered." if answered else ", so it ends with an answer."),
            hint="Add the assistant's answer, or remove the last turn."
            if answered
            else "End it with what is to be answered; the answers stand in chosen and rejected.",
            param="conversations",
            code="invalid_message_count",
        )
    return tuple(messages)


def read_answer(value: object, name: str) -> tuple[Message, ...]:
    """One turn of the answering side, as `chosen` and `rejected` hold it. Raises RowError."""
    return (_turn(value, name, 1, []),)


def _turn(turn: object, where: str, index: int, waiting: list[str]) -> Message:
    """One turn. waiting: ids of the calls without an answer; kept up to date."""
    if not isinstance(turn, dict):
        raise RowError(
            f"{where} is {kind_of(turn)}, not an object.",
            hint='Write each turn as {"from": "…", "value": "…"}.',
            param=where,
            code="data_type",
        )
    if "from" not in turn:
        raise _missing(where, "from")
    tags, others = (ASKING, ANSWERING) if index % 2 == 0 else (ANSWERING, ASKING)
    tag = turn["from"]
    role = tags.get(tag) if isinstance(tag, str) else None
    if role is None:
        known = isinstance(tag, str) and tag in others
        raise RowError(
            f"{where} is from {tag!r}" + (", out of turn." if known else ", an unknown tag."),
            hint=f"Here one of {', '.join(tags)} speaks: first a system message, if any, then"
            " human (or observation) and gpt (or function_call) in turn.",
            param=f"{where}.from",
            code="invalid_role_tag",
        )
    text = _value(turn, where)
    if role == "call":
        calls = _calls(text, where)
        waiting[:] = [call.id for call in calls]
        return Message("assistant", (), calls)
    if role == "tool":
        if not waiting:
            raise RowError(
                f"{where} is an observation, and no function_call stands before it.",
                hint="Put the function_call that it answers in front of it.",
                param=where,
                code="tool_message_without_call",
            )
        return Message("tool", (TextPart(text),), (), waiting.pop(0))
    return Message("user" if role == "user" else "assistant", (TextPart(text),))


def _value(turn: dict[str, object], where: str) -> str:
    if "value" not in turn:
        raise _missing(where, "value")
    value = turn["value"]
    if value is None or value == "":
        raise RowError(
            f"{where} is empty.",
            hint="Write its value, or remove the turn and the one it belongs to.",
            param=f"{where}.value",
            code="missing_content",
        )
    if not isinstance(value, str):
        raise not_text(f"{where}.value", value)
    return value


def _missing(where: str, key: str) -> RowError:
    return RowError(
        f"{where} has no {key!r}.",
        hint='Write each turn as {"from": "…", "value": "…"}.',
        param=f"{where}.{key}",
        code="message_missing_key",
    )


def _calls(text: str, where: str) -> tuple[ToolCall, ...]:
    """The calls of a `function_call` turn: JSON of one call or a list of them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    listed = value if isinstance(value, list) else [value]
    calls: list[ToolCall] = []
    for index, call in enumerate(listed):
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise RowError(
                f"{where} is a function_call, and its value is not the JSON of one.",
                hint='Write it as {"name": "…", "arguments": {…}}, or a list of such.',
                param=f"{where}.value",
                code="invalid_tool_calls",
            )
        arguments = call.get("arguments", {})
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        calls.append(ToolCall(f"call_{index}", call["name"], arguments))
    return tuple(calls)
