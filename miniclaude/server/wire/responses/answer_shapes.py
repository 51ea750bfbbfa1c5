"""What the Responses protocol answers, as shapes: for the OpenAPI document.

The routes write plain dicts; a test holds what is served to these. Times are Unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from miniclaude.server.wire.page_answers import Answer
from miniclaude.server.wire.responses.items import Nothing, Status
from miniclaude.server.wire.shared_shapes import ProtocolError, TokenChoice


class OutputTextAnswer(Answer):
    """Text of an answer. logprobs: empty unless asked for."""

    type: Literal["output_text"]
    text: str
    annotations: Nothing
    logprobs: list[TokenChoice]


class MessageItemAnswer(Answer):
    """What the model said."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Status
    content: list[OutputTextAnswer]


class FunctionCallAnswer(Answer):
    """A call that the model asks for. arguments: JSON text, as the model wrote it."""

    id: str
    type: Literal["function_call"]
    status: Status
    call_id: str
    name: str
    arguments: str


ItemAnswer = Annotated[MessageItemAnswer | FunctionCallAnswer, Field(discriminator="type")]


class InputDetails(Answer):
    """cached_tokens: those that were already known."""

    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(Answer):
    """reasoning_tokens: always 0."""

    reasoning_tokens: int


class ResponseUsage(Answer):
    """Token counts."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class PlainFormat(Answer):
    """Any text, or any JSON object."""

    type: Literal["text", "json_object"]


class SchemaFormat(Answer):
    """JSON by a schema."""

    type: Literal["json_schema"]
    name: str
    description: str
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool


class TextAnswer(Answer):
    """How the answer had to look."""

    format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")]
    verbosity: Literal["medium"]


class ResponseTool(Answer):
    """A function that could be called."""

    type: Literal["function"]
    name: str
    description: str
    parameters: dict[str, Any]
    strict: bool


class ResponseNamedTool(Answer):
    """The function that had to be called."""

    type: Literal["function"]
    name: str


class IncompleteDetails(Answer):
    """Why the answer is not complete."""

    reason: Literal["max_output_tokens", "content_filter"]


class ResponseAnswer(Answer):
    """A response; beside what it holds, what was asked for. output, usage: empty and null until a
    stream's last event."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Status
    background: Literal[False]
    error: None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: list[ItemAnswer]
    parallel_tool_calls: bool
    previous_response_id: None
    store: Literal[False]
    temperature: float | None
    text: TextAnswer
    tool_choice: Literal["auto", "none", "required"] | ResponseNamedTool
    tools: list[ResponseTool]
    top_logprobs: int
    top_p: float | None
    truncation: Literal["disabled"]
    usage: ResponseUsage | None
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    metadata: dict[str, str]


class _Numbered(Answer):
    """What every event says. sequence_number: its place in the stream."""

    sequence_number: int


class _OfItem(_Numbered):
    """Which item an event speaks of. output_index: its place in the output."""

    item_id: str
    output_index: int


class _OfPart(_OfItem):
    """Which part of it."""

    content_index: int


class ResponseTold(_Numbered):
    """The response as it stands."""

    type: Literal[
        "response.created", "response.in_progress", "response.completed", "response.incomplete"
    ]
    response: ResponseAnswer


class ItemTold(_Numbered):
    """An item begins, or is whole."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: ItemAnswer


class PartTold(_OfPart):
    """A part begins, or is whole."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    part: OutputTextAnswer


class TextMore(_OfPart):
    """More text."""

    type: Literal["response.output_text.delta"]
    delta: str
    logprobs: list[TokenChoice]


class TextWhole(_OfPart):
    """The text is whole."""

    type: Literal["response.output_text.done"]
    text: str
    logprobs: list[TokenChoice]


class ArgumentsMore(_OfItem):
    """More of a call's arguments."""

    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsWhole(_OfItem):
    """A call's arguments are whole."""

    type: Literal["response.function_call_arguments.done"]
    name: str
    arguments: str


class ResponseFailed(_Numbered):
    """The last event of a stream that failed on its way. error: the same, whole."""

    type: Literal["error"]
    message: str
    code: str | None
    param: str | None
    error: ProtocolError


class ResponseEvent(
    RootModel[
        Annotated[
            ResponseTold
            | ItemTold
            | PartTold
            | TextMore
            | TextWhole
            | ArgumentsMore
            | ArgumentsWhole
            | ResponseFailed,
            Field(discriminator="type"),
        ]
    ]
):
    """What each `data:` line of a streamed response holds."""
