"""Ask a provider to continue a branch, with as much of it as the model's context holds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol, cast

from miniclaude.chat.history import (
    NO_IMAGES,
    CountTokens,
    branch_messages,
    fit,
    go_on,
    join_neighbours,
    size,
)
from miniclaude.errors import ContextLengthError, MiniClaudeError
from miniclaude.messages import ImagePart, Message, StreamEvent, Tool
from miniclaude.providers.base import ChatRequest, Provider, Settings
from miniclaude.providers.registry import LISTING_SECONDS
from miniclaude.store.messages import StoredMessage

_log = logging.getLogger(__name__)

_CONTEXT_KNOWN_FOR_S = 60.0
_ANSWER_SHARE = 4
"""When nobody says how long the answer may be, 1/4 of the context is kept free for it."""


class Closable(Protocol):
    """An iterator over a provider's events that can be closed early."""

    def __aiter__(self) -> AsyncIterator[StreamEvent]: ...

    async def aclose(self) -> object: ...


class Contexts:
    """The models' context lengths, asked of their providers at most once a minute."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, dict[str, int]]] = {}

    async def of(self, provider: Provider, model: str) -> int:
        """Tokens; 0 when the provider does not say."""
        asked, lengths = self._known.get(provider.name, (-_CONTEXT_KNOWN_FOR_S, {}))
        if time.monotonic() - asked >= _CONTEXT_KNOWN_FOR_S:
            lengths = await _listed_lengths(provider)
            self._known[provider.name] = (time.monotonic(), lengths)
        return lengths.get(model) or lengths.get(f"{provider.name}/{model}", 0)


async def _listed_lengths(provider: Provider) -> dict[str, int]:
    """By model; none where the provider does not list them, or not soon: a turn can do without."""
    try:
        async with asyncio.timeout(LISTING_SECONDS):
            return {info.id: info.context for info in await provider.models()}
    except TimeoutError:
        _log.warning(
            "%s does not list its models within %.0f seconds", provider.name, LISTING_SECONDS
        )
    except MiniClaudeError as error:
        _log.warning("%s does not list its models: %s", provider.name, error)
    except Exception:
        _log.exception("%s does not list its models", provider.name)
    return {}


async def ask(
    provider: Provider,
    model: str,
    branch: list[StoredMessage],
    *,
    system: str | None,
    settings: Settings,
    context: int,
    count: CountTokens,
    user: str = "",
    said: Sequence[Message] = (),
    tools: Sequence[Tool] = (),
    images: Mapping[str, Sequence[ImagePart]] = NO_IMAGES,
) -> AsyncGenerator[StreamEvent, None]:
    """The provider's events for the branch, which is `user`'s; one that ends with an answer is gone
    on with. said: what came after it, calls of tools and what they returned. images: the
    pictures that are shown, by the id of their message.

    The branch is cut to an estimate first, and cut to half of that for as long as the provider
    says it is too long: an estimate is not a count. Raises what the provider raises;
    ContextLengthError only once nothing is left to drop.
    """
    messages = go_on(branch_messages(branch, system, images), said)
    continues = any(m.role == "assistant" and not m.tool_calls for m in messages[-1:])
    answer = settings.max_tokens or context // _ANSWER_SHARE
    sent = fit(messages, context - answer, count) if context else tuple(messages)
    while True:
        started = False
        request = ChatRequest(
            model,
            join_neighbours(sent),
            settings,
            tools=tuple(tools),
            user=user,
            continues=continues,
        )
        try:
            async with aclosing(cast("Closable", provider.chat(request))) as events:
                async for event in events:
                    started = True
                    yield event
            return
        except ContextLengthError:
            shorter = fit(messages, size(sent, count) // 2, count)
            if started or len(shorter) == len(sent):
                raise
            sent = shorter
