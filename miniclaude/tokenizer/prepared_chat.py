"""A conversation in the variables of a chat template, with every special token hidden."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from miniclaude.errors import (
    ChatTemplateError,
    InvalidRequestError,
    PayloadTooLargeError,
)
from miniclaude.messages import Message, TextPart, Tool
from miniclaude.tokenizer.plain_tools import function_json, write_plainly
from miniclaude.tokenizer.tokenizer import MAX_TEXT, Tokenizer
from miniclaude.tokenizer.tool_format import PLAIN, short_id


class PreparedChat:
    """One conversation, prepared for one tokenizer's template.

    source: the template to use. messages: JSON, as templates know them. places: where in them each
    message of the conversation went. Where the template has no place for tools, they and their
    calls are written as plain text.
    Raises as `encode_chat`.
    """

    def __init__(
        self, tokenizer: Tokenizer, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> None:
        if tokenizer.template is None:
            raise ChatTemplateError(
                "The model has no chat template, and its tokenizer no token that ends a turn.",
                hint="Add a chat_template.jinja to the model folder, or use raw completion.",
            )
        if not messages:
            raise InvalidRequestError(
                "There are no messages.", hint="Send at least one.", param="messages"
            )
        special = tokenizer.special
        self.template = tokenizer.template
        self._names = tokenizer.special_names
        self.places = list(range(len(messages)))
        calling = any(message.tool_calls or message.role == "tool" for message in messages)
        if (tools or calling) and tokenizer.tool_format is PLAIN:
            messages, self.places = write_plainly(messages, tools)
            tools = ()
        self.source = tokenizer.template.source(tools=bool(tools))
        if messages[0].role == "system" and not tokenizer.template.shows_system(
            self.source, self._names
        ):
            count = len(messages)
            messages = fold_system(messages)
            self.places = [max(0, place - count + len(messages)) for place in self.places]
        try:
            self._tools = special.hide([tool_json(tool) for tool in tools]) or None
            if calling and tokenizer.tool_format.writes_ids:
                messages = [_with_short_ids(message) for message in messages]
            self.messages = special.hide([message_json(message) for message in messages])
            size = len(json.dumps([self.messages, self._tools], ensure_ascii=False))
        except RecursionError:
            raise InvalidRequestError(
                "A tool's parameters, or the arguments of a call, are nested too deeply.",
                hint="Use a flatter schema.",
                param="tools",
            ) from None
        if size > MAX_TEXT:
            raise PayloadTooLargeError(
                f"The conversation has {size:,} characters; at most {MAX_TEXT:,} are accepted.",
                hint="Send fewer or shorter messages.",
                param="messages",
            )

    def variables(self, messages: Sequence[dict[str, Any]], *, prompt: bool) -> dict[str, object]:
        """What a template is rendered with for these of the messages; `prompt`: up to where the
        assistant should begin to speak."""
        return {
            **self._names,
            "messages": messages,
            "tools": self._tools,
            "documents": None,
            "add_generation_prompt": prompt,
        }


def fold_system(messages: Sequence[Message]) -> list[Message]:
    """The leading system messages put before the first user's words, for templates that have
    no system role."""
    leading = list(takewhile(lambda message: message.role == "system", messages))
    rest = list(messages[len(leading) :])
    system = "\n\n".join(message.text for message in leading)
    if rest and rest[0].role == "user":
        parts = (TextPart(f"{system}\n\n"), *rest[0].parts)
        return [replace(rest[0], parts=parts), *rest[1:]]
    return [Message("user", (TextPart(system),)), *rest]


def message_json(message: Message) -> dict[str, Any]:
    """A message as chat templates know it; what is absent is left out."""
    if message.images:
        raise InvalidRequestError(
            "This model reads text only, and a message holds a picture.",
            hint="Leave the picture out, or choose a model that sees.",
            param=message.images[0].param,
        )
    value: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        value["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        value["name"] = message.name
    return value


def _with_short_ids(message: Message) -> Message:
    calls = tuple(replace(call, id=short_id(call.id)) for call in message.tool_calls)
    answered = message.tool_call_id
    return replace(
        message, tool_calls=calls, tool_call_id=None if answered is None else short_id(answered)
    )


def _arguments(text: str) -> object:
    """Arguments as an object, which templates expect; as text when they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def tool_json(tool: Tool) -> dict[str, Any]:
    """A tool as chat templates know it."""
    return {"type": "function", "function": function_json(tool)}
