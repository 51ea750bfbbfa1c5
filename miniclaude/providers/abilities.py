"""What some providers can do beside answering. The server refuses in words where one cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import CompletionEvent
from miniclaude.providers.base import ChatRequest, CompletionRequest


@runtime_checkable
class CountsTokens(Protocol):
    """Counts what a conversation would cost before anybody answers it."""

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of the whole prompt: messages, tools and what the format adds. Raises what `chat`
        would raise for the same request."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to embed, each as text or as token ids of the model's own tokenizer. user: as in a
    `ChatRequest`. dimensions: how many numbers of each vector are wanted, where not all."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    user: str = ""
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """A vector of length 1 for each text, in order. prompt_tokens: of all texts."""

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


def check_dimensions(dimensions: int | None, width: int) -> None:
    """Raises InvalidRequestError for more numbers than a model's vectors have."""
    if dimensions is not None and dimensions > width:
        raise InvalidRequestError(
            f"dimensions: {dimensions} are more than the {width} that the model has.",
            hint="Ask for fewer, or leave dimensions out.",
            param="dimensions",
        )


@runtime_checkable
class Embeds(Protocol):
    """Turns texts into vectors whose directions tell how alike they are."""

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors whole. Raises what `chat` raises, and before any text is read what
        `check_dimensions` raises; InvalidRequestError and ContextLengthError name the input."""
        ...


@runtime_checkable
class KnowsTools(Protocol):
    """Tells whether a model was taught to call tools."""

    async def knows_tools(self, model: str) -> bool:
        """Whether tools may be offered to it unasked. Raises what `chat` raises."""
        ...


@runtime_checkable
class Sees(Protocol):
    """Tells which of its models take pictures."""

    def sees(self, model: str) -> bool:
        """Whether a conversation with pictures in it may be asked about."""
        ...


@runtime_checkable
class ContinuesAnswers(Protocol):
    """Goes on with an answer that was cut off, from its very last word."""

    def continues(self, model: str) -> bool:
        """Whether a conversation whose last message is the assistant's may be asked about with
        `ChatRequest.continues`."""
        ...


@runtime_checkable
class EchoesPrompts(Protocol):
    """Tells how likely a raw prompt was, token by token, which is how choices are compared."""

    def complete_with_prompt(self, request: CompletionRequest) -> AsyncIterator[CompletionEvent]:
        """As `complete`, with a `PromptEcho` for each choice first; `max_tokens` may be 0."""
        ...


@runtime_checkable
class Guesses(Protocol):
    """Guesses tokens ahead, and counts how many of them were right."""

    def guessed(self) -> Mapping[str, Mapping[str, int]]:
        """By model, then by `lookup_proposed`, `lookup_accepted`, `draft_proposed` and
        `draft_accepted`: how many tokens."""
        ...


@runtime_checkable
class Repeats(Protocol):
    """Gives the same answer to the same request whenever nothing in it is left to chance, so that
    an answer may be kept."""

    def version(self, model: str) -> str | None:
        """What the model is now: another one whenever its answers may be others. None where it is
        about to change. Raises ModelNotFoundError."""
        ...
