"""What some providers can do beside answering. The server refuses in words where one cannot."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from miniclaude.providers.base import ChatRequest


@runtime_checkable
class CountsTokens(Protocol):
    """Counts what a conversation would cost before anybody answers it."""

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of the whole prompt: messages, tools and what the format adds. Raises what `chat`
        would raise for the same request."""
        ...
