"""Messages and stream events: pure values, without identity.

Ids, parents and owners belong to the store; wire formats belong to the server and the
providers. Everything between them speaks these types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
"""The wire's `developer` role is read as `system`."""

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

Detail = Literal["auto", "low", "high", "original"]
"""How closely a model is to look at a picture, in OpenAI's words."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of text."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture; only models that see take one. media_type: `image/png` and its like. data: its
    bytes in base64. param: where the request has it, for errors; no part of the picture."""

    media_type: str
    data: str
    detail: Detail = "auto"
    param: str = field(default="messages", compare=False, repr=False)

    @property
    def url(self) -> str:
        """As a `data:` address."""
        return f"data:{self.media_type};base64,{self.data}"


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the assistant asked for. `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the assistant may call; `parameters` is a JSON schema. strict: the arguments must
    follow all of it. param: where the request has the schema, for errors; no part of the tool."""

    name: str
    description: str
    parameters: dict[str, object]
    strict: bool = False
    param: str = field(default="tools", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    parts: what was said, in order; may be empty when an assistant only calls tools.
    tool_calls: calls the assistant made (role `assistant` only).
    tool_call_id: the call this message answers (role `tool` only).
    name: an optional speaker name.
    """

    role: Role
    parts: tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The pictures among the parts."""
        return tuple(part for part in self.parts if isinstance(part, ImagePart))


def text_message(role: Role, text: str) -> Message:
    """A message of one text part."""
    return Message(role, (TextPart(text),))


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token, its bytes, and its natural-log probability under the model's own distribution
    (temperature 1, before any penalty or truncation)."""

    token: str
    token_bytes: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class ChosenLogprob:
    """The token that was sampled, and the likeliest alternatives at that place."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of choice `index`. `text` may be empty when only logprobs arrive."""

    index: int
    text: str
    logprobs: tuple[ChosenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of call number `call_index` of choice `index`; id and name come in its first delta."""

    index: int
    call_index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Choice `index` has ended. stop_text: the stop string that ended it, where the provider
    tells."""

    index: int
    reason: FinishReason
    stop_text: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the whole request; sent once, last."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PromptRead:
    """The prompt has been read, and what it cost is known. Sent at most once, first, by providers
    that can tell by then."""

    prompt_tokens: int
    cached_tokens: int = 0


StreamEvent = PromptRead | TextDelta | ToolCallDelta | Finished | Usage


@dataclass(frozen=True, slots=True)
class PromptEcho:
    """A raw prompt said back, before the answer that goes on from it as choice `index`.

    text: the prompt. first: its first token, whose probability nothing tells. logprobs: of its
    other tokens, where they were asked for.
    """

    index: int
    text: str
    first: str = ""
    logprobs: tuple[ChosenLogprob, ...] = ()


CompletionEvent = StreamEvent | PromptEcho
