"""Messages to token ids, for serving (`encode_chat`) and for training
(`encode_training_example`), through the one template stored with the checkpoint.

What people write is text and stays text: the special tokens in a conversation are those that
the template wrote (see `special_tokens.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from miniclaude.errors import (
    ChatTemplateError,
    InvalidRequestError,
    PayloadTooLargeError,
    UnsupportedFieldError,
)
from miniclaude.messages import ImagePart, Message, TextPart, Tool
from miniclaude.tokenizer.content_marks import ContentMarks
from miniclaude.tokenizer.template import Rendering
from miniclaude.tokenizer.tokenizer import MAX_TEXT, Tokenizer

Span = tuple[int, int]
"""Half-open range of character positions."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A conversation as ids, and which of them the assistant said (its end of turn too)."""

    ids: list[int]
    mask: list[bool]


def encode_chat(
    tokenizer: Tokenizer, messages: Sequence[Message], tools: Sequence[Tool] = ()
) -> list[int]:
    """The conversation as ids, ending where the assistant should begin to speak.

    Raises InvalidRequestError for messages the template refuses or makes nothing of, images and
    lone surrogates; UnsupportedFieldError for tools the template knows nothing of;
    PayloadTooLargeError beyond 16 Mi characters; ChatTemplateError when there is no template, or
    it fails.
    """
    ids = tokenizer.activated_ids(_Chat(tokenizer, messages, tools).render_prompt())
    if not ids:
        raise InvalidRequestError(
            "The model's chat template makes nothing of these messages.",
            hint="Add a message of the user.",
            param="messages",
        )
    return ids


def encode_training_example(tokenizer: Tokenizer, messages: Sequence[Message]) -> TrainingExample:
    """The whole conversation as ids, and the mask of what the assistant said.

    ids: exactly those of the conversation rendered as a whole. mask: true for every token that
    holds some of an answer, from where `encode_chat` would have ended to the end-of-turn token.
    Answers that the template leaves out of a longer conversation are not in either.
    Raises as `encode_chat`, and InvalidRequestError when no assistant speaks.
    """
    if not any(message.role == "assistant" for message in messages):
        raise InvalidRequestError(
            "The conversation has no message of the assistant, so there is nothing to learn.",
            hint="Add at least one message with the role assistant.",
            param="messages",
        )
    text, spans = _Chat(tokenizer, messages, ()).render_training()
    encoded = tokenizer.encode_activated(text)
    mask = [
        any(start < span_end and span_start < end for span_start, span_end in spans)
        for start, end in encoded.offsets
    ]
    if not any(mask):
        raise ChatTemplateError(
            "The chat template shows nothing of what the assistant said.",
            hint="Use a template that writes the content of assistant messages.",
        )
    return TrainingExample(encoded.ids, mask)


class _Chat:
    """One conversation, prepared for one tokenizer's template."""

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
        self._special = tokenizer.special
        self._template = tokenizer.template
        self._source = self._template.source(tools=bool(tools))
        self._names = tokenizer.special_names
        if tools and "tools" not in self._source:
            raise UnsupportedFieldError(
                "This model's chat template has no place for tools.",
                hint="Leave out `tools`, or choose a model that was trained to call them.",
                param="tools",
            )
        if messages[0].role == "system" and not self._template.shows_system(
            self._source, self._names
        ):
            messages = _fold_system(messages)
        try:
            self._tools = self._special.hide([_tool_json(tool) for tool in tools]) or None
            self._messages = self._special.hide([_message_json(message) for message in messages])
            size = len(json.dumps([self._messages, self._tools], ensure_ascii=False))
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

    def render_prompt(self) -> str:
        """The activated text up to where the assistant begins."""
        [rendering] = self._render([(self._messages, True)])
        return self._special.activate(rendering.unwrap())

    def render_training(self) -> tuple[str, list[Span]]:
        """The activated text of the whole conversation, and where in it the assistant speaks.

        A turn is the difference of two renderings: the conversation up to it, ready for the
        answer, and the same with the answer. Where a template treats a turn otherwise once
        more turns follow, the content itself is marked and looked for.
        """
        turns = [n for n, message in enumerate(self._messages) if message["role"] == "assistant"]
        marks = ContentMarks()
        calls = [(self._messages, False)]
        for trimmed in (False, True):
            marked = [
                {**message, "content": marks.put(n, message["content"], trimmed)}
                if n in turns
                else message
                for n, message in enumerate(self._messages)
            ]
            calls.append((marked, False))
        for n in turns:
            calls += [(self._messages[:n], True), (self._messages[: n + 1], False)]
        renderings = self._render(calls)
        whole = self._special.activate(renderings[0].unwrap())
        # A part that cannot be rendered alone (an answer before any question) has no text.
        outside, inside, *parts = [
            self._special.activate(rendering.text or "") for rendering in renderings[1:]
        ]
        found = marks.find(outside, whole) or marks.find(inside, whole)
        spans: list[Span] = []
        for n, before, after in zip(turns, parts[::2], parts[1::2], strict=True):
            if before and after.startswith(before) and whole.startswith(after):
                end = self._special.end_of_last(after[len(before) :])
                spans.append((len(before), len(before) + end if end else len(after.rstrip())))
            elif n in found:
                start, end = found[n]
                if before and whole.startswith(before):
                    start = len(before)
                if start is not None:
                    spans.append((start, end + self._special.end_of_leading(whole[end:])))
        return whole, spans

    def _render(self, calls: Sequence[tuple[list[dict[str, Any]], bool]]) -> list[Rendering]:
        variables: list[dict[str, object]] = [
            {
                **self._names,
                "messages": messages,
                "tools": self._tools,
                "documents": None,
                "add_generation_prompt": prompt,
            }
            for messages, prompt in calls
        ]
        return self._template.render(self._source, variables)


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    """The leading system messages put before the first user's words, for templates that have
    no system role."""
    leading = list(takewhile(lambda message: message.role == "system", messages))
    rest = list(messages[len(leading) :])
    system = "\n\n".join(message.text for message in leading)
    if rest and rest[0].role == "user":
        parts = (TextPart(f"{system}\n\n"), *rest[0].parts)
        return [replace(rest[0], parts=parts), *rest[1:]]
    return [Message("user", (TextPart(system),)), *rest]


def _message_json(message: Message) -> dict[str, Any]:
    """A message as chat templates know it; what is absent is left out."""
    if any(isinstance(part, ImagePart) for part in message.parts):
        raise InvalidRequestError(
            "This model reads text only, and a message holds an image.",
            hint="Leave the image out, or choose a model that sees.",
            param="messages",
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


def _arguments(text: str) -> object:
    """Arguments as an object, which templates expect; as text when they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _tool_json(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }
