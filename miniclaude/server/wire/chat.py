"""The body of `POST /chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.messages import Tool
from miniclaude.providers.base import ChatRequest
from miniclaude.server.wire.messages import MessageField, Name, read_messages
from miniclaude.server.wire.sampling import (
    CallerFields,
    Count,
    ModelName,
    SamplingFields,
    StreamOptions,
)
from miniclaude.server.wire.structure import StructureFields
from miniclaude.server.wire.validation import NullIsAbsent

MAX_MESSAGES = 2048
MAX_TOOLS = 128

NOT_IMPLEMENTED: dict[str, tuple[object, ...]] = {
    "audio": (),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "modalities": (["text"],),
    "moderation": (),
    "prediction": (),
    "prompt_cache_options": ({},),
    "prompt_cache_retention": ("in_memory",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
"""Fields of the OpenAI API that we do not implement, and the values that ask for nothing."""

PARTLY: dict[str, tuple[object, ...]] = {"reasoning_effort": ("none",)}
"""Fields of which only these values are implemented. They ask for something: a provider is told."""


def refuse_unimplemented(
    data: object,
    fields: dict[str, tuple[object, ...]],
    partly: Mapping[str, tuple[object, ...]] = MappingProxyType({}),
) -> object:
    """`data` without those `fields` that ask for nothing. partly: as in `PARTLY`; they are kept.

    Raises UnsupportedFieldError, naming the field, for any of the two with another value.
    """
    if not isinstance(data, dict):
        return data
    known = {**fields, **partly}
    for field in known.keys() & data.keys():
        if (value := _without_nulls(data[field])) is not None and value not in known[field]:
            raise UnsupportedFieldError(
                f"{field}: this is not implemented here.",
                hint="Leave the field out.",
                param=field,
            )
    return {key: value for key, value in data.items() if key not in fields}


def _without_nulls(value: object) -> object:
    """OpenAI's own response objects hold `"reasoning": {"effort": null, "summary": null}`."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None}
    return value


class FunctionField(NullIsAbsent):
    """A function the model may call; `parameters` is a JSON schema."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: Annotated[str, StringConstraints(max_length=16_384)] = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    strict: bool = False


class ToolField(NullIsAbsent):
    """`{"type": "function", "function": {…}}`."""

    type: Literal["function"]
    function: FunctionField


class NamedFunction(NullIsAbsent):
    """The function that must be called."""

    name: Name


class NamedTool(NullIsAbsent):
    """`{"type": "function", "function": {"name": …}}`."""

    type: Literal["function"]
    function: NamedFunction


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


def check_names(names: Sequence[str], choice: str | None, field: str, chosen: str) -> None:
    """Raise InvalidRequestError for two functions of one name, and for a choice that none has.

    choice: the function that must be called, by name. field, chosen: where the names and the choice
    stand, for errors.
    """
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidRequestError(
                f"tools[{place}].{field}: there is another {name!r}.",
                hint="Give every function a name of its own.",
                param=f"tools[{place}].{field}",
            )
    # The providers know a name and the words by one field.
    if choice is not None and (choice not in names or choice in ("auto", "none", "required")):
        raise InvalidRequestError(
            f"{chosen}: there is no function {choice!r} in tools that could be chosen.",
            hint="Name one of the functions.",
            param=chosen,
        )


class ChatBody(SamplingFields, StructureFields, CallerFields):
    """A chat completion request, every field checked."""

    model: ModelName
    messages: Annotated[list[MessageField], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: list[ToolField] = Field(default_factory=list, max_length=MAX_TOOLS)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    reasoning_effort: Literal["none"] | None = None
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

    @property
    def include_usage(self) -> bool:
        """Whether the stream ends with the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def own_fields(self) -> dict[str, str]:
        """What providers blame, by what this request calls it where that is another name."""
        if self.max_tokens is None and self.max_completion_tokens is not None:
            return {"max_tokens": "max_completion_tokens"}
        return {}

    def chat_request(self, model: str) -> ChatRequest:
        """This request as the providers know it; `model` is the bare name.

        Raises InvalidRequestError where two fields contradict each other.
        """
        if self.top_logprobs and not self.logprobs:
            raise InvalidRequestError(
                "top_logprobs: needs logprobs.", hint="Set logprobs to true.", param="top_logprobs"
            )
        if self.tool_choice not in ("auto", "none") and not self.tools:
            raise InvalidRequestError(
                "tool_choice: there are no tools to choose from.",
                hint="Add tools, or leave tool_choice out.",
                param="tool_choice",
            )
        choice = (
            self.tool_choice
            if isinstance(self.tool_choice, str)
            else self.tool_choice.function.name
        )
        check_names(
            [tool.function.name for tool in self.tools],
            None if isinstance(self.tool_choice, str) else choice,
            "function.name",
            "tool_choice.function.name",
        )
        return ChatRequest(
            model=model,
            messages=read_messages(self.messages),
            settings=self.settings(self._max_tokens(), self._alternatives()),
            tools=tuple(
                Tool(
                    tool.function.name,
                    tool.function.description,
                    tool.function.parameters,
                    tool.function.strict,
                    f"tools[{place}].function.parameters",
                )
                for place, tool in enumerate(self.tools)
            ),
            tool_choice=choice,
            parallel_tool_calls=self.parallel_tool_calls,
            structure=self.structure(),
            user=self.end_user,
            reasoning_effort=self.reasoning_effort,
        )

    def _max_tokens(self) -> int | None:
        old, new = self.max_tokens, self.max_completion_tokens
        if old is not None and new is not None and old != new:
            raise InvalidRequestError(
                "max_tokens: it differs from max_completion_tokens.",
                hint="Send one of the two.",
                param="max_tokens",
            )
        return new if new is not None else old

    def _alternatives(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None
