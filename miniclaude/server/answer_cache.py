"""Answers to requests that leave nothing to chance, kept for whoever asks the same again.

What is kept is the provider's events, so that one answer serves streamed and whole, piece by piece
as it came. Whose a request is, is part of what its answer is found by, so nobody is told anything
of another key's or another user's requests; and so is the version of the model that answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeVar, cast

from miniclaude.errors import MiniClaudeError
from miniclaude.messages import CompletionEvent, PromptEcho, TextDelta, ToolCallDelta, Usage
from miniclaude.providers.abilities import Repeats
from miniclaude.providers.base import ChatRequest, CompletionRequest, Provider
from miniclaude.server.disconnect import closing

HEADER = "x-mini-claude-cache"
MAX_ANSWERS = 4096
MAX_ANSWER_BYTES = 524_288
"""An answer larger than this is not kept."""

EVENT_BYTES, CHARACTER_BYTES, LOGPROB_BYTES = 200, 4, 300
"""About what Python needs for an event, a character of its text, and a token's log probability."""

State = Literal["hit", "miss", "off"]
Event = TypeVar("Event", bound=CompletionEvent)


class AnswerCache:
    """The answers used last, at most `MAX_ANSWERS` of about `max_bytes` together; 0 keeps none."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._answers: OrderedDict[bytes, tuple[tuple[CompletionEvent, ...], int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: bytes) -> tuple[CompletionEvent, ...] | None:
        """The answer under `key`."""
        if key not in self._answers:
            return None
        self._answers.move_to_end(key)
        return self._answers[key][0]

    def put(self, key: bytes, events: tuple[CompletionEvent, ...], size: int) -> None:
        """Keep an answer of about `size` bytes, at the cost of those unused for longest."""
        self._drop(key)
        self._answers[key] = (events, size)
        self.bytes += size
        while self.bytes > self.max_bytes or len(self._answers) > MAX_ANSWERS:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: bytes) -> None:
        if found := self._answers.pop(key, None):
            self.bytes -= found[1]


@dataclass(frozen=True, slots=True)
class CacheControl:
    """What a request's `Cache-Control` allows. no-cache: an answer is made, and kept. no-store:
    the cache has no part in it."""

    read: bool = True
    write: bool = True

    @classmethod
    def of(cls, header: str) -> CacheControl:
        """By the header's directives; those that say nothing to us are passed over."""
        said = {directive.strip().lower() for directive in header.split(",")}
        stores = "no-store" not in said
        return cls(stores and "no-cache" not in said, stores)


class CachedAnswers:
    """One request's way through the cache. caller: whose key it came with. state: what the answers
    asked for so far were; of several, a miss if any was."""

    def __init__(self, cache: AnswerCache, control: CacheControl, caller: str) -> None:
        self.state: State = "off"
        self._cache = cache
        self._control = control
        self._caller = caller

    def ask(
        self,
        provider: Provider,
        kind: str,
        request: ChatRequest | CompletionRequest,
        make: Callable[[], AsyncIterator[Event]],
    ) -> AsyncIterator[Event]:
        """The provider's events, from the cache where it has them. kind: which of its calls `make`
        is."""
        version = self._version(provider, request)
        if version is None:
            self.state = "off"
            return make()
        asked = repr((self._caller, provider.name, kind, version, request))
        key = sha256(asked.encode()).digest()
        found = self._cache.get(key) if self._control.read else None
        if found is None:
            self.state = "miss"
            return self._keep(key, make(), lambda: self._is_still(version, provider, request))
        if self.state == "off":
            self.state = "hit"
        return _replay(cast("tuple[Event, ...]", found))

    def _version(self, provider: Provider, request: ChatRequest | CompletionRequest) -> str | None:
        """The version of the model where its answer can be kept, else None."""
        settings = request.settings
        chance = settings.temperature != 0 and settings.seed is None
        if chance or not self._control.write or not self._cache.max_bytes:
            return None
        return provider.version(request.model) if isinstance(provider, Repeats) else None

    def _is_still(
        self, version: str, provider: Provider, request: ChatRequest | CompletionRequest
    ) -> bool:
        """Whether the model is what it was when it was asked."""
        try:
            return self._version(provider, request) == version
        except MiniClaudeError:  # it has been removed since
            return False

    async def _keep(
        self, key: bytes, events: AsyncIterator[Event], unchanged: Callable[[], bool]
    ) -> AsyncGenerator[Event, None]:
        """`events`, kept once they are complete and small enough."""
        seen: list[CompletionEvent] = []
        size = 0
        most = min(MAX_ANSWER_BYTES, self._cache.max_bytes)
        async with closing(events):
            async for event in events:
                size += _size(event)
                if size <= most:
                    seen.append(event)
                else:
                    seen.clear()
                yield event
        if seen and size <= most and isinstance(seen[-1], Usage) and unchanged():
            self._cache.put(key, tuple(seen), size)


async def _replay(events: tuple[Event, ...]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event


def _size(event: CompletionEvent) -> int:
    """About how many bytes of memory it needs."""
    characters = logprobs = 0
    if isinstance(event, TextDelta | PromptEcho):
        characters = len(event.text)
        logprobs = sum(1 + len(entry.top) for entry in event.logprobs)
    elif isinstance(event, ToolCallDelta):
        characters = len(event.arguments)
    return EVENT_BYTES + CHARACTER_BYTES * characters + LOGPROB_BYTES * logprobs
