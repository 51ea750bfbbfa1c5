"""The bodies of `POST /messages` and `POST /messages/count_tokens`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Tool
from miniclaude.providers.base import ChatRequest, Settings, Structure
from miniclaude.server.wire.anthropic.blocks import (
    CacheControl,
    Hinted,
    MessageField,
    Texts,
    ToolName,
    read_conversation,
)
from miniclaude.server.wire.chat import (
    MAX_MESSAGES,
    MAX_TOOLS,
    check_names,
    refuse_unimplemented,
)
from miniclaude.server.wire.sampling import MAX_STOPS, Count, Finite, ModelName, StopText, end_user
from miniclaude.server.wire.validation import NullIsAbsent

NOT_IMPLEMENTED: dict[str, tuple[object, ...]] = {
    "container": (),
    "context_management": (),
    "diagnostics": (),
    "inference_geo": (),
    "mcp_servers": ([],),
    "output_format": (),
    "service_tier": ("auto", "standard_only"),
    "speed": ("standard",),
    "user_profile_id": (),
    "workspace_id": (),
}
"""Fields of Anthropic's API that we do not implement, and the values that ask for nothing."""

PARTLY: dict[str, tuple[object, ...]] = {"thinking": ({"type": "disabled"},)}
"""As in the chat's."""


class ToolField(Hinted):
    """A tool the model may call; `input_schema` is a JSON schema."""

    type: Literal["custom"] = "custom"
    name: ToolName
    description: Annotated[str, StringConstraints(max_length=16_384)] = ""
    input_schema: dict[str, Any]
    allowed_callers: Annotated[list[Literal["direct"]], Field(max_length=1)] | None = None
    defer_loading: Literal[False] = False
    eager_input_streaming: bool = False
    input_examples: list[Any] = Field(default_factory=list)
    strict: bool = False

    @field_validator("input_examples")
    @classmethod
    def _no_examples(cls, value: list[Any]) -> list[Any]:
        if value:
            raise ValueError("is not implemented here; write examples into the description")
        return value


class ToolChoice(NullIsAbsent):
    """Whether, and which, tool is called."""

    type: Literal["auto", "any", "none", "tool"]
    name: ToolName | None = None
    disable_parallel_tool_use: bool = False

    def word(self) -> str:
        """As the providers know it. Raises InvalidRequestError where type and name disagree."""
        if (self.type == "tool") != (self.name is not None):
            raise InvalidRequestError(
                'tool_choice.name: it goes with {"type": "tool"}, and with no other.',
                hint="Name the tool, or leave the name out.",
                param="tool_choice.name",
            )
        return self.name or {"any": "required"}.get(self.type, self.type)


class OutputFormat(NullIsAbsent):
    """JSON by a schema."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(NullIsAbsent):
    """What the answer must look like. effort: only Anthropic's default, for we have no way to ask
    for another."""

    format: OutputFormat | None = None
    effort: Literal["high"] = "high"


class Thinking(NullIsAbsent):
    """Whether to reason before the answer."""

    type: Literal["disabled"]


class Metadata(NullIsAbsent):
    """user_id: whose request it is."""

    user_id: Annotated[str, StringConstraints(max_length=512)] | None = None


class CountBody(NullIsAbsent):
    """What a token count needs: the prompt, and who would read it."""

    model: ModelName
    messages: Annotated[list[MessageField], Field(min_length=1, max_length=MAX_MESSAGES)]
    system: Texts | None = None
    tools: list[ToolField] = Field(default_factory=list, max_length=MAX_TOOLS)
    tool_choice: ToolChoice = ToolChoice(type="auto")
    cache_control: CacheControl | None = None
    output_config: OutputConfig = OutputConfig()
    thinking: Thinking | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unimplemented(cls, data: object) -> object:
        return refuse_unimplemented(data, NOT_IMPLEMENTED, PARTLY)

    def chat_request(
        self, model: str, settings: Settings | None = None, user: str | None = None
    ) -> ChatRequest:
        """This request as the providers know it; `model` is the bare name.

        Raises InvalidRequestError where two fields contradict each other.
        """
        choice, form = self.tool_choice.word(), self.output_config.format
        if choice not in ("auto", "none") and not self.tools:
            raise InvalidRequestError(
                "tool_choice: there are no tools to choose from.",
                hint="Add tools, or leave tool_choice out.",
                param="tool_choice",
            )
        names = [tool.name for tool in self.tools]
        check_names(names, self.tool_choice.name, "name", "tool_choice.name")
        return ChatRequest(
            model,
            read_conversation(self.system, self.messages),
            settings or Settings(),
            tuple(
                Tool(
                    tool.name,
                    tool.description,
                    tool.input_schema,
                    tool.strict,
                    f"tools[{place}].input_schema",
                )
                for place, tool in enumerate(self.tools)
            ),
            choice,
            parallel_tool_calls=not self.tool_choice.disable_parallel_tool_use,
            structure=None
            if form is None
            else Structure("json_schema", "output_config.format.schema", schema=form.schema_),
            user=end_user(user),
            reasoning_effort=None if self.thinking is None else "none",
        )


class MessagesBody(CountBody):
    """A request for an answer, every field checked."""

    max_tokens: Count
    stop_sequences: Annotated[tuple[StopText, ...], Field(max_length=MAX_STOPS)] = ()
    temperature: Annotated[Finite, Field(ge=0, le=1)] | None = None
    top_p: Annotated[Finite, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    metadata: Metadata | None = None
    stream: bool = False

    @field_validator("stop_sequences", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        """A list becomes the tuple that strict mode asks for."""
        if not isinstance(value, list):
            raise ValueError("must be a list of texts")
        return tuple(value)

    @property
    def user_id(self) -> str | None:
        """Whose request it is, where it says so."""
        return None if self.metadata is None else self.metadata.user_id

    def settings(self) -> Settings:
        """How to draw, as the providers know it. In this protocol `max_tokens` has to be given and
        is a bound only: clients send the same large one for every model and prompt."""
        return Settings(
            max_tokens=self.max_tokens,
            as_far_as_fits=True,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            stop=self.stop_sequences,
        )
