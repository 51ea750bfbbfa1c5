"""The messages of Anthropic's protocol, read into ours.

One of their messages can be several of ours: a user message that brings tool results is one
message for each result, then one for what else the user says. And neighbours of one role are one.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import ImagePart, Message, Part, TextPart, ToolCall
from miniclaude.pictures import read_base64
from miniclaude.server.wire.messages import MAX_PARTS, CallId
from miniclaude.server.wire.validation import NullIsAbsent

ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""Twice as long as OpenAI's may be: `mcp__server__tool` takes that."""

ERROR_MARK = "Error: "
"""Begins the text of a tool result with `is_error`, for other protocols have no such flag."""

BETWEEN = TextPart("\n\n")
"""Between two messages that are joined, whose texts would else run into each other."""


class CacheControl(NullIsAbsent):
    """A hint that changes no answer: what is worth keeping we find out ourselves, and `usage` says
    what came from a cache."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Hinted(NullIsAbsent):
    """What every block may carry."""

    cache_control: CacheControl | None = None


class TextBlock(Hinted):
    """`{"type": "text", "text": …}`. citations: none, for we cannot follow them."""

    type: Literal["text"]
    text: str
    citations: Annotated[list[Any], Field(max_length=0)] | None = None

    def part(self, place: str = "") -> Part:
        """As ours."""
        return TextPart(self.text)


class Base64Source(NullIsAbsent):
    """A picture's bytes."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Annotated[str, WithJsonSchema({"type": "string", "contentEncoding": "base64"})]

    @field_validator("data")
    @classmethod
    def _is_what_it_says(cls, data: str, given: ValidationInfo) -> str:
        if kind := given.data.get("media_type"):
            read_base64(kind, data)
        return data


class UrlSource(NullIsAbsent):
    """A picture's address, which is always refused: nothing is fetched here."""

    type: Literal["url"]
    url: str

    @field_validator("url")
    @classmethod
    def _refuse(cls, url: str) -> str:
        raise ValueError(
            "is an address, and none is fetched here; send the picture itself, as a source of the"
            " type base64 with media_type and data"
        )


Source = Annotated[Base64Source | UrlSource, Field(discriminator="type")]


class ImageBlock(Hinted):
    """`{"type": "image", "source": …}`."""

    type: Literal["image"]
    source: Source

    def part(self, place: str) -> Part:
        """As ours."""
        assert isinstance(self.source, Base64Source)  # noqa: S101  # the other never validates
        return ImagePart(self.source.media_type, self.source.data, param=place)


class Caller(NullIsAbsent):
    """Who asked for a tool: only the model itself, for nothing else here can."""

    type: Literal["direct"]


class ToolUseBlock(Hinted):
    """A call the assistant asked for earlier."""

    type: Literal["tool_use"]
    id: CallId
    name: ToolName
    input: dict[str, Any]
    caller: Caller | None = None

    def call(self) -> ToolCall:
        """As ours."""
        return ToolCall(self.id, self.name, json.dumps(self.input, ensure_ascii=False))


def _kind_of_content(value: object) -> str | None:
    if isinstance(value, str):
        return "text"
    return "blocks" if isinstance(value, list) else None


def _choose() -> Discriminator:
    return Discriminator(
        _kind_of_content,
        custom_error_type="content_type",
        custom_error_message="must be a string or a list of blocks",
    )


Blocks = Field(max_length=MAX_PARTS)
Texts = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[TextBlock], Tag("blocks"), Blocks], _choose()
]
"""A string, or text blocks."""


def texts(content: Texts) -> tuple[Part, ...]:
    """As our parts."""
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(block.part() for block in content)


class ToolResultBlock(Hinted):
    """What a call gave. Its content is text: no other protocol takes pictures here."""

    type: Literal["tool_result"]
    tool_use_id: CallId
    content: Texts = ""
    is_error: bool = False

    def message(self) -> Message:
        """As ours."""
        parts = texts(self.content)
        if self.is_error and not "".join(
            part.text for part in parts if isinstance(part, TextPart)
        ).startswith(ERROR_MARK):
            parts = (TextPart(ERROR_MARK), *parts)
        return Message("tool", parts, tool_call_id=self.tool_use_id)


UserBlock = Annotated[TextBlock | ImageBlock | ToolResultBlock, Field(discriminator="type")]
AssistantBlock = Annotated[TextBlock | ToolUseBlock, Field(discriminator="type")]


class UserMessage(NullIsAbsent):
    """What the person said, after the results of the tools that were called."""

    role: Literal["user"]
    content: Annotated[
        Annotated[str, Tag("text")] | Annotated[list[UserBlock], Tag("blocks"), Blocks], _choose()
    ]

    @field_validator("content")
    @classmethod
    def _results_first(cls, content: Any) -> Any:
        if isinstance(content, list):
            results = [isinstance(block, ToolResultBlock) for block in content]
            if results != sorted(results, reverse=True):
                raise ValueError("must have its tool_result blocks before all others")
        return content

    def messages(self, place: str) -> list[Message]:
        """As ours."""
        if isinstance(self.content, str):
            return [Message("user", (TextPart(self.content),))]
        results = [b.message() for b in self.content if isinstance(b, ToolResultBlock)]
        said = tuple(
            b.part(f"{place}.content[{i}]")
            for i, b in enumerate(self.content)
            if not isinstance(b, ToolResultBlock)
        )
        return results if results and not said else [*results, Message("user", said)]


class AssistantMessage(NullIsAbsent):
    """What the assistant said earlier: text, calls or both."""

    role: Literal["assistant"]
    content: Annotated[
        Annotated[str, Tag("text")] | Annotated[list[AssistantBlock], Tag("blocks"), Blocks],
        _choose(),
    ]

    def messages(self, place: str) -> list[Message]:
        """As ours."""
        if isinstance(self.content, str):
            return [Message("assistant", (TextPart(self.content),))]
        said = tuple(block.part() for block in self.content if isinstance(block, TextBlock))
        calls = tuple(block.call() for block in self.content if isinstance(block, ToolUseBlock))
        return [Message("assistant", said, tool_calls=calls)]


class SystemMessage(NullIsAbsent):
    """Instructions in the middle of a conversation."""

    role: Literal["system"]
    content: Texts

    def messages(self, place: str) -> list[Message]:
        """As ours."""
        return [Message("system", texts(self.content))]


MessageField = Annotated[
    UserMessage | AssistantMessage | SystemMessage, Field(discriminator="role")
]


def read_conversation(system: Texts | None, fields: list[MessageField]) -> tuple[Message, ...]:
    """The whole conversation as ours.

    Raises InvalidRequestError when the assistant speaks last: we begin its answers, and cannot go
    on with one; and for the result of a call that no message before it made.
    """
    if isinstance(fields[-1], AssistantMessage):
        place = f"messages[{len(fields) - 1}]"
        raise InvalidRequestError(
            f"{place}.role: the assistant's beginning cannot be given here (prefill).",
            hint="End with a message of the user.",
            param=f"{place}.role",
        )
    _check_results(fields)
    first = [Message("system", texts(system))] if system else []
    said: list[Message] = []
    for role, run in groupby(enumerate(fields), key=lambda entry: entry[1].role):
        neighbours = [m for place, field in run for m in field.messages(f"messages[{place}]")]
        said += neighbours if role == "system" else _one_turn(neighbours)
    return (*first, *said)


def _one_turn(messages: list[Message]) -> list[Message]:
    """Neighbours of one role, joined as Anthropic's API joins them: clients count on it, and chat
    templates want user and assistant to take turns. Tool results come first."""
    results = [message for message in messages if message.role == "tool"]
    said = [message for message in messages if message.role != "tool"]
    if len(said) < 2:
        return [*results, *said]
    parts: list[Part] = []
    for message in said:
        ends = parts[-1:] + list(message.parts[:1])
        if len(ends) == 2 and all(isinstance(part, TextPart) for part in ends):
            parts.append(BETWEEN)
        parts += message.parts
    calls = tuple(call for message in said for call in message.tool_calls)
    return [*results, Message(said[0].role, tuple(parts), tool_calls=calls)]


def _check_results(fields: list[MessageField]) -> None:
    called: set[str] = set()
    for place, field in enumerate(fields):
        for number, block in enumerate(field.content if isinstance(field.content, list) else ()):
            if isinstance(block, ToolUseBlock):
                called.add(block.id)
            elif isinstance(block, ToolResultBlock) and block.tool_use_id not in called:
                param = f"messages[{place}].content[{number}].tool_use_id"
                raise InvalidRequestError(
                    f"{param}: no message before it made the call {block.tool_use_id!r}.",
                    hint="Put the assistant's message with that tool_use block before it.",
                    param=param,
                )
