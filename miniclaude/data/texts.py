"""All texts of an example, to look at or to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from miniclaude.data.example import Example
from miniclaude.messages import Message, TextPart, ToolCall

SEPARATOR = "\x1e"
"""ASCII's record separator, between texts that are looked at as one."""


def text_of(message: Message) -> str:
    """A message's text; the usual single part without the detour of joining."""
    parts = message.parts
    if len(parts) == 1:
        part = parts[0]
        return part.text if type(part) is TextPart else ""
    return message.text


def texts_of(example: Example, *, arguments: bool = False) -> list[str]:
    """Every text, in order; with `arguments` those of tool calls, too."""
    texts = [example.text] if example.text else []
    messages = example.messages
    if example.chosen:
        messages = messages + example.chosen + example.rejected
    for message in messages:
        for part in message.parts:
            if type(part) is TextPart:
                texts.append(part.text)
        if arguments and message.tool_calls:
            texts.extend(call.arguments for call in message.tool_calls)
    return texts


def map_texts(
    example: Example, change: Callable[[str], str], *, data: Callable[[str], str]
) -> Example:
    """The example with every text changed by `change`, and by `data` what is data: a tool's answers
    and the arguments of calls. Where nothing changes, the very same example."""

    def call(one: ToolCall) -> ToolCall:
        arguments = data(one.arguments)
        return one if arguments == one.arguments else replace(one, arguments=arguments)

    def message(one: Message) -> Message:
        changer = data if one.role == "tool" else change
        parts = tuple(
            [TextPart(changer(part.text)) if type(part) is TextPart else part for part in one.parts]
        )
        calls = tuple([call(each) for each in one.tool_calls])
        if parts == one.parts and calls == one.tool_calls:
            return one
        return replace(one, parts=parts, tool_calls=calls)

    def messages(several: tuple[Message, ...]) -> tuple[Message, ...]:
        return tuple([message(one) for one in several])

    text = change(example.text) if example.text else ""
    mapped = messages(example.messages), messages(example.chosen), messages(example.rejected)
    if (text, *mapped) == (example.text, example.messages, example.chosen, example.rejected):
        return example
    return replace(example, text=text, messages=mapped[0], chosen=mapped[1], rejected=mapped[2])
