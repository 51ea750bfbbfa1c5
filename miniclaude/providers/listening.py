"""How a remote service's stream is listened to: with patience that ends. What holds a place in this
server is neither silent for ever nor endless."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Generic, TypeVar

from miniclaude.messages import StreamEvent, TextDelta, ToolCallDelta
from miniclaude.providers.upstream import broken

EVENT_SECONDS = 600.0
"""From one event to the next. Comments and pings, which keep a connection open while a model thinks
for minutes, are none."""

MOST_CHARACTERS = 4 << 20
"""Of one choice; each event counts as one more. No model's longest answer comes near."""

Event = TypeVar("Event")


class Listening(Generic[Event]):
    """The stream of the service called `name`, which answers with so many choices."""

    def __init__(self, name: str, stream: AsyncIterable[Event], choices: int = 1) -> None:
        self._name = name
        self._events = aiter(stream)
        self._room = MOST_CHARACTERS * choices

    async def next(self) -> Event | None:
        """The next event; None at the end. Raises TimeoutError when none comes, and ProviderError
        for a JSON `null`, which the SDKs hand on as None."""
        async with asyncio.timeout(EVENT_SECONDS):
            try:
                event = await anext(self._events)
            except StopAsyncIteration:
                return None
        if event is None:
            raise broken(self._name, "it sent an event of an unknown shape (null)")
        return event

    def count(self, news: Iterable[StreamEvent]) -> None:
        """What an event said. Raises ProviderError when the answer is longer than any can be."""
        self._room -= 1 + sum(_length(event) for event in news)
        if self._room < 0:
            raise broken(self._name, f"its answer has more than {MOST_CHARACTERS:,} characters")


def _length(event: StreamEvent) -> int:
    if isinstance(event, TextDelta):
        return len(event.text)
    return len(event.arguments) if isinstance(event, ToolCallDelta) else 0
