"""What Anthropic's protocol answers, as shapes: for the OpenAPI document.

The routes write plain dicts; a test holds what is served to these.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from miniclaude.server.wire.page_answers import Answer

StopReason = Literal[
    "end_turn",
    "max_tokens",
    "tool_use",
    "refusal",
    "stop_sequence",
    "model_context_window_exceeded",
]


class AnthropicText(Answer):
    """Text of an answer."""

    type: Literal["text"]
    text: str


class AnthropicToolUse(Answer):
    """A call that the model asks for."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


AnthropicBlock = Annotated[AnthropicText | AnthropicToolUse, Field(discriminator="type")]


class AnthropicUsage(Answer):
    """Token counts; what came from a cache is no input token in this protocol."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


class AnthropicMessage(Answer):
    """A whole answer. stop_sequence: the one that ended it. stop_reason: null only where a stream
    starts."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnthropicBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: AnthropicUsage


class TokenCount(Answer):
    """What a prompt would cost."""

    input_tokens: int


class AnthropicModel(Answer):
    """A model. max_input_tokens, max_tokens: null when unknown. created_at: RFC 3339."""

    type: Literal["model"]
    id: str
    display_name: str
    created_at: str
    lifecycle: Literal["active"]
    line: None
    capabilities: None
    max_input_tokens: int | None
    max_tokens: int | None
    deprecated_at: None
    retires_at: None


class AnthropicModelPage(Answer):
    """A page of models. first_id, last_id: null where it is empty."""

    data: list[AnthropicModel]
    has_more: bool
    first_id: str | None
    last_id: str | None


class MessageStart(Answer):
    """The answer begins."""

    type: Literal["message_start"]
    message: AnthropicMessage


class BlockStart(Answer):
    """A block begins, empty. index: its place."""

    type: Literal["content_block_start"]
    index: int
    content_block: AnthropicBlock


class AnthropicTextDelta(Answer):
    """More text."""

    type: Literal["text_delta"]
    text: str


class AnthropicInputDelta(Answer):
    """More of a call's input, as JSON text."""

    type: Literal["input_json_delta"]
    partial_json: str


class BlockDelta(Answer):
    """More of a block."""

    type: Literal["content_block_delta"]
    index: int
    delta: Annotated[AnthropicTextDelta | AnthropicInputDelta, Field(discriminator="type")]


class BlockStop(Answer):
    """A block is whole."""

    type: Literal["content_block_stop"]
    index: int


class AnthropicStop(Answer):
    """Why the answer ended."""

    stop_reason: StopReason
    stop_sequence: str | None


class MessageDelta(Answer):
    """The answer's end, and what it cost."""

    type: Literal["message_delta"]
    delta: AnthropicStop
    usage: AnthropicUsage


class MessageStop(Answer):
    """The last event."""

    type: Literal["message_stop"]


class AnthropicErrorDetails(Answer):
    """What is wrong, and what to do."""

    type: str
    message: str


class AnthropicFailure(Answer):
    """The last event of a stream that failed on its way."""

    type: Literal["error"]
    error: AnthropicErrorDetails
    request_id: str


class AnthropicEvent(
    RootModel[
        Annotated[
            MessageStart
            | BlockStart
            | BlockDelta
            | BlockStop
            | MessageDelta
            | MessageStop
            | AnthropicFailure,
            Field(discriminator="type"),
        ]
    ]
):
    """What each `data:` line of a streamed answer holds."""
