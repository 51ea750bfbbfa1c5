"""The one protocol that everything able to answer a chat implements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from miniclaude.messages import Message, StreamEvent, Tool


@dataclass(frozen=True, slots=True)
class Settings:
    """How an answer is drawn. None means: the provider's own default.

    Meanings and ranges are those of the OpenAI API; `top_k`, `min_p` and `repetition_penalty` are
    the usual extensions. logprobs: None is off, else the number of alternatives, 0-20.
    as_far_as_fits: where the context leaves fewer than max_tokens, the answer may have only those;
    else such a request is refused.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[int, float] = field(default_factory=dict)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    n: int = 1
    as_far_as_fits: bool = False

    def longest(self, room: int, default: int) -> int:
        """How many tokens an answer may have where the context leaves `room`; `default` where the
        request does not say. More than `room` has to be refused."""
        if self.max_tokens is None:
            return min(default, room)
        return min(self.max_tokens, room) if self.as_far_as_fits else self.max_tokens


@dataclass(frozen=True, slots=True)
class Structure:
    """What an answer must look like.

    json_object: any JSON object. json_schema: `schema`, with OpenAI's `name`, `description` and
    `strict`. regex: `pattern` matches the whole answer. choice: one of `choices`. param: where the
    request says so, for errors.
    """

    kind: Literal["json_object", "json_schema", "regex", "choice"]
    param: str = "response_format"
    schema: dict[str, object] = field(default_factory=dict)
    name: str = "answer"
    description: str = ""
    strict: bool = False
    pattern: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to continue. `model` is the name without the provider's prefix.

    tool_choice: auto, none, required, or the name of the tool that must be called.
    parallel_tool_calls: whether an answer may hold several calls. user: whose it is; what a
    provider remembers of one user's texts is of no use to another. continues: the last message is
    the assistant's, and the answer goes on in it; only for providers that are `ContinuesAnswers`.
    reasoning_effort: `none` asks for an answer without reasoning before it; None: as the provider
    does unasked.
    """

    model: str
    messages: tuple[Message, ...]
    settings: Settings = field(default_factory=Settings)
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | str = "auto"
    parallel_tool_calls: bool = True
    structure: Structure | None = None
    user: str = ""
    continues: bool = False
    reasoning_effort: Literal["none"] | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A raw prompt to continue: text, or token ids of the model's own tokenizer. user: as above."""

    model: str
    prompt: str | tuple[int, ...]
    settings: Settings = field(default_factory=Settings)
    user: str = ""


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a model takes of this machine. bytes: its files; of an adapter its own, beside its
    base's. parameters: numbers in them, 0 when they do not tell. adapter: it stands on a base that
    other adapters share."""

    bytes: int
    parameters: int
    adapter: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model on offer. created: Unix seconds. context: tokens, 0 when the provider won't say.
    parent: the model it was tuned from. root: where that tuning began. Both are empty for what was
    not tuned, or when the provider won't say. cost: of a model on this machine.
    continues: its provider is `ContinuesAnswers`. sees: it takes pictures."""

    id: str
    created: int
    owned_by: str
    context: int = 0
    root: str = ""
    parent: str = ""
    cost: ModelCost | None = None
    continues: bool = False
    sees: bool = False


class Provider(Protocol):
    """Answers chats. One instance serves many requests at once.

    Closing an iterator early (`aclose`) cancels the work behind it. Errors are raised from the
    iterator as `miniclaude.errors` types: InvalidRequestError and its children for what the caller
    can mend, ModelNotFoundError, AuthenticationError, RateLimitError, OverloadedError,
    ProviderError. A stream that ends well has sent one `Finished` per choice, then `Usage`.
    """

    name: str

    async def models(self) -> list[ModelInfo]:
        """The models this provider offers now."""
        ...

    def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        """Continue a conversation."""
        ...

    def complete(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        """Continue a raw prompt. Raises InvalidRequestError where the service has no such call."""
        ...

    async def aclose(self) -> None:
        """Release processes and connections. Safe to call twice."""
        ...
