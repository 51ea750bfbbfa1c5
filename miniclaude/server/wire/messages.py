"""The messages of a chat completion request, read into ours."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    field_validator,
)

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Detail, ImagePart, Message, Part, TextPart, ToolCall
from miniclaude.pictures import read_data_url
from miniclaude.server.wire.validation import NullIsAbsent

MAX_PARTS = 256
MAX_TOOL_CALLS = 128

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
CallId = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class TextPartField(NullIsAbsent):
    """`{"type": "text", "text": …}`."""

    type: Literal["text"]
    text: str

    def part(self, place: str) -> Part:
        """As ours."""
        return TextPart(self.text)


def check_data_url(url: str) -> str:
    """A `data:` address of a picture. Raises ValueError, for pydantic to tell where."""
    read_data_url(url)
    return url


DataUrl = Annotated[
    str,
    AfterValidator(check_data_url),
    WithJsonSchema({"type": "string", "pattern": "^data:image/(png|jpeg|webp|gif);base64,"}),
]
"""A picture, whole, as a `data:` address."""


def image_part(url: str, detail: Detail, place: str) -> ImagePart:
    """A checked `data:` address as ours. place: where the request has it."""
    head, _, data = url.partition(";base64,")
    return ImagePart(head.removeprefix("data:"), data, detail, place)


class ImageUrl(NullIsAbsent):
    """detail: told to services that know the word."""

    url: DataUrl
    detail: Detail = "auto"


class ImagePartField(NullIsAbsent):
    """`{"type": "image_url", "image_url": {"url": …}}`."""

    type: Literal["image_url"]
    image_url: ImageUrl

    def part(self, place: str) -> Part:
        """As ours."""
        return image_part(self.image_url.url, self.image_url.detail, place)


PartField = Annotated[TextPartField | ImagePartField, Field(discriminator="type")]


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


_Parts = Field(min_length=1, max_length=MAX_PARTS)
Texts = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[TextPartField], Tag("parts"), _Parts], _choose()
]
"""Text, or a list of text parts."""
Content = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[PartField], Tag("parts"), _Parts], _choose()
]
"""Text, or a list of parts, pictures among them."""


def _parts(content: Content | Texts | None, place: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(field.part(f"{place}.content[{i}]") for i, field in enumerate(content))


class _Typed(NullIsAbsent):
    """type: says nothing here. lm-eval sends `text` with each message, and messages of Responses
    have `message`."""

    type: Literal["text", "message"] | None = None


class SystemMessage(_Typed):
    """Instructions; `developer` is the newer word for the same."""

    role: Literal["system", "developer"]
    content: Texts
    name: Name | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        return Message("system", _parts(self.content, place), name=self.name)


class UserMessage(_Typed):
    """What the person said."""

    role: Literal["user"]
    content: Content
    name: Name | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        return Message("user", _parts(self.content, place), name=self.name)


class CalledFunction(NullIsAbsent):
    """arguments: JSON text, as the model wrote it. parsed_arguments: what OpenAI's SDKs made of
    that text; they send it back with the message, and it says nothing new."""

    name: Name
    arguments: str
    parsed_arguments: object = None


class ToolCallField(NullIsAbsent):
    """A call that the assistant asked for earlier. index: its place in the stream that it came in,
    which clients that put the stream together send back; the list says it already."""

    id: CallId
    type: Literal["function"] = "function"
    function: CalledFunction
    index: Annotated[int, Field(ge=0)] | None = None


class AssistantMessage(_Typed):
    """What the assistant said earlier: text, tool calls or both. parsed: what OpenAI's SDKs made of
    the content; they send it back with the message, and it says nothing new."""

    role: Literal["assistant"]
    content: Texts | None = None
    name: Name | None = None
    tool_calls: list[ToolCallField] = Field(default_factory=list, max_length=MAX_TOOL_CALLS)
    annotations: list[object] = Field(default_factory=list)
    audio: object = None
    function_call: object = None
    refusal: object = None
    parsed: object = None

    @field_validator("annotations", "audio", "function_call", "refusal")
    @classmethod
    def _only_empty(cls, value: object) -> object:
        """SDKs send back the message they got, with these fields empty."""
        if value:
            raise ValueError("is not supported in a message")
        return value

    def message(self, place: str) -> Message:
        """As ours."""
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in self.tool_calls
        )
        return Message("assistant", _parts(self.content, place), tool_calls=calls, name=self.name)


class ToolMessage(_Typed):
    """The result of a tool call. name: the function's; OpenAI's own type lacks it, but
    LangChain and others send it with each result, and some models' templates show it."""

    role: Literal["tool"]
    content: Texts
    tool_call_id: CallId
    name: Name | None = None

    def message(self, place: str) -> Message:
        """As ours."""
        return Message(
            "tool",
            _parts(self.content, place),
            tool_call_id=self.tool_call_id,
            name=self.name,
        )


MessageField = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


def read_messages(fields: list[MessageField]) -> tuple[Message, ...]:
    """The messages as ours.

    Raises InvalidRequestError for an assistant message that says nothing at all, and for the result
    of a call that no message before it asked for.
    """
    called: set[str] = set()
    for place, field in enumerate(fields):
        if isinstance(field, AssistantMessage) and field.content is None and not field.tool_calls:
            raise InvalidRequestError(
                f"messages[{place}].content: an assistant message needs content or tool_calls.",
                hint="Give it a string, even an empty one.",
                param=f"messages[{place}].content",
                code="missing_required_parameter",
            )
        if isinstance(field, AssistantMessage):
            called |= {call.id for call in field.tool_calls}
        if isinstance(field, ToolMessage) and field.tool_call_id not in called:
            raise InvalidRequestError(
                f"messages[{place}].tool_call_id: no message before it made the call"
                f" {field.tool_call_id!r}.",
                hint="Put the assistant's message with that call in its tool_calls before it.",
                param=f"messages[{place}].tool_call_id",
            )
    return tuple(field.message(f"messages[{place}]") for place, field in enumerate(fields))
