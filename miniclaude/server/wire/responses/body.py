"""The body of `POST /responses`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Tool
from miniclaude.providers.base import ChatRequest, Settings, Structure
from miniclaude.server.wire.chat import MAX_TOOLS, FunctionField, check_names, refuse_unimplemented
from miniclaude.server.wire.messages import Name
from miniclaude.server.wire.responses.items import MAX_ITEMS, Item, read_items, with_types
from miniclaude.server.wire.sampling import CallerFields, Count, Finite, ModelName, StreamOptions
from miniclaude.server.wire.structure import JsonObjectFormat, JsonSchemaField, TextFormat
from miniclaude.server.wire.validation import NullIsAbsent

LOGPROBS = "message.output_text.logprobs"

NOT_IMPLEMENTED: dict[str, tuple[object, ...]] = {
    "access_programs": (),
    "background": (False,),
    "background_options": (),
    "context_management": ([],),
    "conversation": (),
    "image": (),
    "max_tool_calls": (),
    "moderation": (),
    "previous_response_id": (),
    "prompt": (),
    "prompt_cache_options": ({},),
    "prompt_cache_retention": ("in_memory",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "truncation": ("disabled",),
}
"""Fields of the OpenAI API that we do not implement, and the values that ask for nothing. Nothing
is stored, so nothing can be gone on with: the caller keeps the conversation."""

PARTLY: dict[str, tuple[object, ...]] = {"reasoning": ({}, {"effort": "none"})}
"""As in the chat's."""


class Reasoning(NullIsAbsent):
    """How long to reason before the answer."""

    effort: Literal["none"] | None = None


class FunctionTool(FunctionField):
    """A function the model may call, without the wrapping that chat completions put around it."""

    type: Literal["function"]


class NamedTool(NullIsAbsent):
    """The function that must be called."""

    type: Literal["function"]
    name: Name


def _kind_of_choice(value: object) -> str | None:
    if isinstance(value, str):
        return "word"
    return "tool" if isinstance(value, dict) else None


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("word")] | Annotated[NamedTool, Tag("tool")],
    Discriminator(
        _kind_of_choice,
        custom_error_type="tool_choice_type",
        custom_error_message="must be auto, none, required or a function's name in an object",
    ),
]


class JsonSchemaFormat(JsonSchemaField):
    """JSON by a schema, without the wrapping that chat completions put around it."""

    type: Literal["json_schema"]


TextFormats = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")
]


class TextConfig(NullIsAbsent):
    """verbosity: only the middle, for we have no way to ask for another."""

    format: TextFormats = TextFormat(type="text")
    verbosity: Literal["medium"] = "medium"

    def structure(self) -> Structure | None:
        """As the providers know it."""
        match self.format:
            case JsonObjectFormat():
                return Structure("json_object", "text.format")
            case JsonSchemaFormat() as given:
                return given.structure("text.format.schema")
        return None


def _kind_of_input(value: object) -> str | None:
    if isinstance(value, str):
        return "text"
    return "items" if isinstance(value, list) else None


class ResponseBody(CallerFields):
    """A request for a response, every field checked."""

    model: ModelName
    input: Annotated[
        Annotated[str, Tag("text")]
        | Annotated[list[Item], Tag("items"), Field(min_length=1, max_length=MAX_ITEMS)],
        Discriminator(
            _kind_of_input,
            custom_error_type="input_type",
            custom_error_message="must be a string or a list of items",
        ),
    ]
    instructions: str | None = None
    max_output_tokens: Count | None = None
    temperature: Annotated[Finite, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Finite, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    include: Annotated[list[Literal["message.output_text.logprobs"]], Field(max_length=1)] = Field(
        default_factory=list
    )
    tools: list[FunctionTool] = Field(default_factory=list, max_length=MAX_TOOLS)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    reasoning: Reasoning = Reasoning()
    text: TextConfig = TextConfig()
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: dict[
        Annotated[str, StringConstraints(max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ] = Field(default_factory=dict, max_length=16)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unimplemented(cls, data: object) -> object:
        return refuse_unimplemented(data, NOT_IMPLEMENTED, PARTLY)

    @field_validator("input", mode="before")
    @classmethod
    def _with_types(cls, value: object) -> object:
        return with_types(value)

    def chat_request(self, model: str) -> ChatRequest:
        """This request as the providers know it; `model` is the bare name.

        Raises InvalidRequestError where two fields contradict each other.
        """
        if self.top_logprobs and not self.include:
            raise InvalidRequestError(
                f"top_logprobs: needs include to name {LOGPROBS!r}.",
                hint=f"Add include: [{LOGPROBS!r}], or leave top_logprobs out.",
                param="top_logprobs",
            )
        if self.tool_choice not in ("auto", "none") and not self.tools:
            raise InvalidRequestError(
                "tool_choice: there are no tools to choose from.",
                hint="Add tools, or leave tool_choice out.",
                param="tool_choice",
            )
        settings = Settings(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            logprobs=(self.top_logprobs or 0) if self.include else None,
        )
        choice = self.tool_choice
        named = None if isinstance(choice, str) else choice.name
        check_names([tool.name for tool in self.tools], named, "name", "tool_choice.name")
        return ChatRequest(
            model,
            read_items(self.instructions, self.input),
            settings,
            tuple(
                Tool(
                    tool.name,
                    tool.description,
                    tool.parameters,
                    tool.strict,
                    f"tools[{place}].parameters",
                )
                for place, tool in enumerate(self.tools)
            ),
            choice if isinstance(choice, str) else choice.name,
            parallel_tool_calls=self.parallel_tool_calls,
            structure=self.text.structure(),
            user=self.end_user,
            reasoning_effort=self.reasoning.effort,
        )
