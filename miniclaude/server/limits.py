"""How many answers may be in the making at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from miniclaude.errors import InvalidRequestError, OverloadedError, UnsupportedFieldError
from miniclaude.messages import CompletionEvent, StreamEvent
from miniclaude.providers.abilities import (
    CountsTokens,
    EchoesPrompts,
    EmbeddingRequest,
    Embeddings,
    Embeds,
)
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo, Provider
from miniclaude.server.disconnect import closing

Event = TypeVar("Event")


class Admission:
    """Counts the answers in the making, over HTTP, WebSockets and conversations alike."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.active = 0

    def enter(self) -> None:
        """Raises OverloadedError when `limit` answers are being made."""
        if self.active >= self.limit:
            raise OverloadedError(
                f"The server is already making {self.limit} answers.",
                hint="Try again in a few seconds.",
                retry_after=2,
            )
        self.active += 1

    def leave(self) -> None:
        """An answer has ended."""
        self.active -= 1


class Admitted:
    """A provider whose answers are counted. A slot is held from an iterator's first step until it
    ends or is closed."""

    def __init__(self, provider: Provider, admission: Admission) -> None:
        self.name = provider.name
        self._provider = provider
        self._admission = admission

    async def models(self) -> list[ModelInfo]:
        """The provider's models."""
        return await self._provider.models()

    def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        """Continue a conversation. Raises OverloadedError at the first step when full."""
        return self._counted(self._provider.chat(request))

    def complete(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        """Continue a raw prompt. Raises OverloadedError at the first step when full."""
        return self._counted(self._provider.complete(request))

    def complete_with_prompt(self, request: CompletionRequest) -> AsyncIterator[CompletionEvent]:
        """Say a raw prompt back and continue it. Raises UnsupportedFieldError where the provider
        cannot, and OverloadedError at the first step when full."""
        if not isinstance(self._provider, EchoesPrompts):
            raise UnsupportedFieldError(
                f"echo: {self.name} does not say prompts back.",
                hint="Leave echo out, or choose a local model.",
                param="echo",
            )
        return self._counted(self._provider.complete_with_prompt(request))

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of a conversation. Raises InvalidRequestError where the provider cannot tell."""
        if not isinstance(self._provider, CountsTokens):
            raise self._cannot("count tokens", request.model)
        return await self._provider.count_tokens(request)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Texts as vectors. Raises InvalidRequestError where the provider gives none, and
        OverloadedError when full."""
        if not isinstance(self._provider, Embeds):
            raise self._cannot("give embeddings", request.model)
        self._admission.enter()
        try:
            return await self._provider.embed(request)
        finally:
            self._admission.leave()

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _cannot(self, what: str, model: str) -> InvalidRequestError:
        return InvalidRequestError(
            f"model: {self.name} does not {what}, so {model!r} cannot be asked to.",
            hint="Choose another model; local ones do.",
            param="model",
            code="unsupported_model",
        )

    async def _counted(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        self._admission.enter()
        try:
            async with closing(events):
                async for event in events:
                    yield event
        finally:
            self._admission.leave()
