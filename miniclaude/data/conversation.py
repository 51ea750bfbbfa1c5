"""Messages and tools in OpenAI's JSON, read from rows and written to them.

The names of the errors are those of OpenAI's guide to checking fine-tuning files
(`missing_messages_list`, `unrecognized_role`, …); where it has none, a name in their manner.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from miniclaude.data.fields import kind_of
from miniclaude.errors import RowError
from miniclaude.messages import Message, Role, TextPart, Tool, ToolCall

ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
PLAIN_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
"""Those whose messages may be nothing but text."""
MESSAGE_KEYS = frozenset(
    {
        *("role", "content", "name", "weight", "refusal", "annotations", "audio"),
        *("tool_calls", "tool_call_id", "function_call"),
    }
)
NO_WEIGHT: frozenset[int] = frozenset()


def read_messages(
    value: object, *, param: str = "messages"
) -> tuple[tuple[Message, ...], frozenset[int]]:
    """The messages of a list, and the indexes of those with weight 0. Raises RowError."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        raise RowError(
            f"{param} is {kind_of(value)}, not a list of messages.",
            hint=f'Give the row a list: "{param}": [{{"role": "user", "content": "…"}}, …].',
            param=param,
            code="missing_messages_list",
        )
    messages: list[Message] = []
    unlearned = NO_WEIGHT
    calls: list[str] = []
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            where = f"{param}[{index}]"
            raise RowError(
                f"{where} is {kind_of(item)}, not an object.",
                hint='Write each message as {"role": "…", "content": "…"}.',
                param=where,
                code="data_type",
            )
        said, by = item.get("content"), item.get("role")
        role = PLAIN_ROLES.get(by) if isinstance(by, str) else None
        if role and len(item) == 2 and isinstance(said, str) and said:  # as nearly all are
            messages.append(Message(role, (TextPart(said),)))
            continue
        where = f"{param}[{index}]"
        message = _read_message(item, where, calls)
        if item.get("weight") is not None and not _weight(item, where, message.role):
            unlearned |= {index}
        messages.append(message)
    return tuple(messages), unlearned


def _read_message(item: dict[str, object], where: str, calls: list[str]) -> Message:
    """One message. calls: ids of the calls that await their answer; kept up to date."""
    if not MESSAGE_KEYS.issuperset(item):
        unknown = [key for key in item if key not in MESSAGE_KEYS and item[key] is not None]
        if unknown:
            raise RowError(
                f"{where} has a key {unknown[0]!r} that no message has.",
                hint=f"Remove it; the keys are {', '.join(sorted(MESSAGE_KEYS))}.",
                param=f"{where}.{unknown[0]}",
                code="message_unrecognized_key",
            )
    name = item.get("role")
    if name is None:
        raise RowError(
            f"{where} has no role.",
            hint='Add "role": "system", "user", "assistant" or "tool".',
            param=f"{where}.role",
            code="message_missing_key",
        )
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise RowError(
            f"{where} has the role {name!r}.",
            hint=f"Use one of {', '.join(ROLES)}.",
            param=f"{where}.role",
            code="unrecognized_role",
        )
    made = _read_calls(item, where, role, calls) if len(item) > 2 or "content" not in item else ()
    content = item.get("content")
    if content is None and "content" not in item and not made:
        raise RowError(
            f"{where} has no content.",
            hint='Add "content" with the text of the message.',
            param=f"{where}.content",
            code="message_missing_key",
        )
    text = content if isinstance(content, str) else read_content(content, where, bool(made))
    if not text and not made and role != "tool":
        raise RowError(
            f"{where}, of the {role}, is empty.",
            hint="Write its content, or remove the message.",
            param=f"{where}.content",
            code="missing_content",
        )
    parts = (TextPart(text),) if text else ()
    if role == "tool":
        return Message(role, parts, (), _answered(item, where, calls))
    if made:
        calls[:] = [call.id for call in made]
    speaker = item.get("name")
    return Message(role, parts, made, None, speaker if isinstance(speaker, str) else None)


def read_content(content: object, where: str, may_be_empty: bool = False) -> str:
    """The text of a message's content: a string, or a list of text parts. Raises RowError."""
    if isinstance(content, str):
        return content
    if content is None and may_be_empty:
        return ""
    if not isinstance(content, list):
        raise RowError(
            f"{where} has content that is {kind_of(content)}, not text.",
            hint='Write the content as text: "content": "…".',
            param=f"{where}.content",
            code="missing_content",
        )
    texts: list[str] = []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else kind_of(part)
        text = part if isinstance(part, str) else None
        if isinstance(part, dict) and kind in ("text", "input_text", "output_text"):
            text = part.get("text")
        if not isinstance(text, str):
            raise RowError(
                f"{where}, part {index}, is {kind!r}; only text can be learnt from.",
                hint='Keep the parts of type "text", or leave the row out.',
                param=f"{where}.content[{index}]",
                code="unsupported_content_part",
            )
        texts.append(text)
    return "".join(texts)


def _weight(item: dict[str, object], where: str, role: Role) -> bool:
    weight = item["weight"]
    if isinstance(weight, bool) or weight not in (0, 1):
        raise RowError(
            f"{where} has the weight {weight!r}.",
            hint="A weight is 0 (shown, not learnt) or 1 (learnt).",
            param=f"{where}.weight",
            code="invalid_weight",
        )
    if role != "assistant":
        raise RowError(
            f"{where} has a weight, and is not of the assistant.",
            hint="Remove it: only what the assistant says is learnt.",
            param=f"{where}.weight",
            code="invalid_weight",
        )
    return bool(weight)


def _read_calls(
    item: dict[str, object], where: str, role: Role, waiting: Sequence[str]
) -> tuple[ToolCall, ...]:
    """The calls of an assistant message, in today's form or the older `function_call`."""
    given = item.get("tool_calls")
    old = item.get("function_call")
    if not given and not old:
        return ()
    if role != "assistant":
        raise RowError(
            f"{where} calls a tool, and is not of the assistant.",
            hint='Move tool_calls to a message with the role "assistant".',
            param=f"{where}.tool_calls",
            code="invalid_tool_calls",
        )
    listed = given if given else [{"function": old}]
    if not isinstance(listed, list):
        raise _bad_call(where, "tool_calls is not a list")
    return tuple(
        _read_call(call, f"{where}.tool_calls[{index}]", f"call_{len(waiting) + index}")
        for index, call in enumerate(listed)
    )


def _read_call(call: object, where: str, spare_id: str) -> ToolCall:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise _bad_call(where, "a call is not an object with a function")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not name:
        raise _bad_call(where, "the function has no name")
    if arguments is None:
        arguments = "{}"
    elif not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    else:
        try:
            json.loads(arguments)
        except (ValueError, RecursionError):
            raise _bad_call(where, "the arguments are not JSON") from None
    given = call.get("id")
    return ToolCall(given if isinstance(given, str) and given else spare_id, name, arguments)


def _bad_call(where: str, problem: str) -> RowError:
    return RowError(
        f"{where}: {problem}.",
        hint='Write a call as {"id": "…", "type": "function", "function": {"name": "…",'
        ' "arguments": "{…}"}}, the arguments as JSON text.',
        param=where,
        code="invalid_tool_calls",
    )


def _answered(item: dict[str, object], where: str, waiting: list[str]) -> str:
    """The id of the call that a tool's message answers; without one, the next that waits."""
    given = item.get("tool_call_id")
    if isinstance(given, str) and given in waiting:
        waiting.remove(given)
        return given
    if given is not None or not waiting:
        raise RowError(
            f"{where} answers no call that the assistant made before it.",
            hint="Put it after an assistant message with tool_calls, and name the call's id in"
            " tool_call_id.",
            param=f"{where}.tool_call_id",
            code="tool_message_without_call",
        )
    return waiting.pop(0)


def read_tools(value: object) -> tuple[Tool, ...]:
    """Tools as a list, or as JSON text of one (ShareGPT). Raises RowError."""
    if not value:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _bad_tools("tools is not valid JSON") from None
    if not isinstance(value, list):
        raise _bad_tools("tools is not a list")
    tools: list[Tool] = []
    for index, item in enumerate(value):
        function = item.get("function", item) if isinstance(item, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _bad_tools(f"tools[{index}] has no function with a name")
        description, parameters = function.get("description"), function.get("parameters")
        tools.append(
            Tool(
                function["name"],
                description if isinstance(description, str) else "",
                parameters if isinstance(parameters, dict) else {},
            )
        )
    return tuple(tools)


def _bad_tools(problem: str) -> RowError:
    return RowError(
        f"{problem}.",
        hint='Write tools as [{"type": "function", "function": {"name": "…", "description": "…",'
        ' "parameters": {…}}}], or as JSON text of that.',
        param="tools",
        code="invalid_tools",
    )


def require_answer(messages: Sequence[Message]) -> None:
    """Refuse a conversation that the assistant does not end. Raises RowError."""
    if messages[-1].role == "assistant":
        return
    if not any(message.role == "assistant" for message in messages):
        raise RowError(
            "The conversation has no message of the assistant, so there is nothing to learn.",
            hint="Add the assistant's answer at the end.",
            param="messages",
            code="example_missing_assistant_message",
        )
    raise RowError(
        f"The conversation ends with a message of the {messages[-1].role}, not the assistant.",
        hint="Add the assistant's answer, or remove what stands after its last one.",
        param="messages",
        code="last_message_not_assistant",
    )


def refuse_if_not_an_answer(messages: Sequence[Message], param: str) -> None:
    """Refuse an answer to compare that does not end with the assistant. Raises RowError."""
    if not messages or messages[-1].role != "assistant":
        raise RowError(
            f"{param} does not end with a message of the assistant.",
            hint=f'Write {param} as [{{"role": "assistant", "content": "…"}}].',
            param=param,
            code="invalid_role_tag",
        )


def write_messages(
    messages: Sequence[Message], unlearned: frozenset[int] = NO_WEIGHT
) -> list[dict[str, object]]:
    """Messages as OpenAI writes them."""
    return [_write(message, index in unlearned) for index, message in enumerate(messages)]


def _write(message: Message, unlearned: bool) -> dict[str, object]:
    text = message.text
    item: dict[str, object] = {"role": message.role, "content": text}
    if message.tool_calls:
        item["content"] = text or None
        item["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        item["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        item["name"] = message.name
    if unlearned:
        item["weight"] = 0
    return item


def write_tools(tools: Sequence[Tool]) -> list[dict[str, object]]:
    """Tools as OpenAI writes them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]
