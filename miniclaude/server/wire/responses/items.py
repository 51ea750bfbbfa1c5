"""The input of a response: text, or items, read into our messages.

What an answer gave as several items (text, calls) is one message of ours when it comes back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, field_validator

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Detail, Message, Part, TextPart, ToolCall
from miniclaude.server.wire.messages import (
    MAX_PARTS,
    CallId,
    DataUrl,
    Name,
    image_part,
)
from miniclaude.server.wire.validation import NullIsAbsent

MAX_ITEMS = 2048

ItemId = Annotated[str, StringConstraints(max_length=128)]
Status = Literal["in_progress", "completed", "incomplete"]
Nothing = Annotated[list[Any], Field(max_length=0)]


class InputText(NullIsAbsent):
    """`{"type": "input_text", "text": …}`."""

    type: Literal["input_text"]
    text: str

    def part(self, place: str) -> Part:
        """As ours."""
        return TextPart(self.text)


class InputImage(NullIsAbsent):
    """`{"type": "input_image", "image_url": …}`; detail: told to services that know the word."""

    type: Literal["input_image"]
    image_url: DataUrl
    detail: Detail = "auto"

    def part(self, place: str) -> Part:
        """As ours."""
        return image_part(self.image_url, self.detail, place)


class OutputText(NullIsAbsent):
    """A part of an earlier answer, as it was given; its log probabilities say nothing new."""

    type: Literal["output_text"]
    text: str
    annotations: Nothing | None = None
    logprobs: list[Any] | None = None

    def part(self, place: str) -> Part:
        """As ours."""
        return TextPart(self.text)


PartField = Annotated[InputText | InputImage | OutputText, Field(discriminator="type")]


def _kind_of_content(value: object) -> str | None:
    if isinstance(value, str):
        return "text"
    return "parts" if isinstance(value, list) else None


def _choose() -> Discriminator:
    return Discriminator(
        _kind_of_content,
        custom_error_type="content_type",
        custom_error_message="must be a string or a list of parts",
    )


class MessageItem(NullIsAbsent):
    """What somebody said."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[
        Annotated[str, Tag("text")]
        | Annotated[list[PartField], Tag("parts"), Field(max_length=MAX_PARTS)],
        _choose(),
    ]
    id: ItemId | None = None
    status: Status | None = None
    phase: Literal["final_answer"] | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        role = "system" if self.role == "developer" else self.role
        if isinstance(self.content, str):
            return Message(role, (TextPart(self.content),))
        parts = tuple(part.part(f"{place}.content[{i}]") for i, part in enumerate(self.content))
        message = Message(role, parts)
        if role != "user" and message.images:
            where = message.images[0].param
            raise InvalidRequestError(
                f"{where}: only the user sends pictures, and this message is the {role}'s.",
                hint="Put the picture into a message of the role user.",
                param=where,
            )
        return message


class FunctionCallItem(NullIsAbsent):
    """A call the assistant asked for earlier. arguments: JSON text, as the model wrote it."""

    type: Literal["function_call"]
    call_id: CallId
    name: Name
    arguments: str
    id: ItemId | None = None
    status: Status | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        return Message("assistant", (), (ToolCall(self.call_id, self.name, self.arguments),))


class FunctionOutputItem(NullIsAbsent):
    """What a call gave."""

    type: Literal["function_call_output"]
    call_id: CallId
    output: Annotated[
        Annotated[str, Tag("text")]
        | Annotated[list[InputText], Tag("parts"), Field(max_length=MAX_PARTS)],
        _choose(),
    ]
    id: ItemId | None = None
    status: Status | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        output = self.output
        parts = (
            (TextPart(output),)
            if isinstance(output, str)
            else tuple(part.part(f"{place}.output[{i}]") for i, part in enumerate(output))
        )
        return Message("tool", parts, tool_call_id=self.call_id)


class ItemReference(NullIsAbsent):
    """An earlier item by its id, which is always refused: nothing is stored here. Vercel's AI SDK
    sends them by default."""

    type: Literal["item_reference"]
    id: ItemId

    @field_validator("id")
    @classmethod
    def _refuse(cls, id: str) -> str:
        raise ValueError(
            "refers to an earlier item, and none is stored here; send the item itself, the message"
            " or call with its content (with Vercel's AI SDK: store: false in"
            " providerOptions.openai, or openai.chat(model) instead of openai(model))"
        )

    def message(self, place: str) -> Message:
        """Never: no reference validates."""
        raise NotImplementedError


Item = Annotated[
    MessageItem | FunctionCallItem | FunctionOutputItem | ItemReference,
    Field(discriminator="type"),
]


def with_types(given: object) -> object:
    """The input with its items' types; one without is a message."""
    if not isinstance(given, list):
        return given
    return [
        {**item, "type": "message"} if isinstance(item, dict) and item.get("type") is None else item
        for item in given
    ]


def read_items(instructions: str | None, given: str | list[Item]) -> tuple[Message, ...]:
    """The conversation as ours. Raises InvalidRequestError for a picture that is not the user's,
    and for the output of a call that no item before it made."""
    messages = [] if instructions is None else [Message("system", (TextPart(instructions),))]
    if isinstance(given, str):
        return (*messages, Message("user", (TextPart(given),)))
    called: set[str] = set()
    for place, item in enumerate(given):
        if isinstance(item, FunctionCallItem):
            called.add(item.call_id)
        elif isinstance(item, FunctionOutputItem) and item.call_id not in called:
            raise InvalidRequestError(
                f"input[{place}].call_id: no item before it made the call {item.call_id!r}.",
                hint="Put the function_call with that call_id before it.",
                param=f"input[{place}].call_id",
            )
        message = item.message(f"input[{place}]")
        before = messages[-1] if messages else None
        if isinstance(item, FunctionCallItem) and before and before.role == "assistant":
            calls = (*before.tool_calls, *message.tool_calls)
            messages[-1] = replace(before, tool_calls=calls)
        else:
            messages.append(message)
    return tuple(messages)
