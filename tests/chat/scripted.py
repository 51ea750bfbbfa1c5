"""A provider that says what a test tells it to, when the test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from miniclaude.messages import Finished, FinishReason, StreamEvent, TextDelta, Usage
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo, Provider

Step = str | Exception | asyncio.Event
"""Say the text; raise the error; wait for the event."""


class ScriptedProvider:
    """Answers each request with the next script, and keeps the requests.

    `closed` counts the answers that were let go, finished or not.
    """

    name = "scripted"

    def __init__(self, *scripts: Sequence[Step], context: int = 0) -> None:
        self.scripts = list(scripts)
        self.requests: list[ChatRequest] = []
        self.closed = 0
        self.context = context
        self.ends_well = True
        self.reason: FinishReason = "stop"

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("m", 0, "tests", self.context)]

    async def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        self.requests.append(request)
        try:
            for step in self.scripts.pop(0):
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield TextDelta(0, step)
            if self.ends_well:
                yield Finished(0, self.reason)
                yield Usage(7, 3)
        finally:
            self.closed += 1

    async def complete(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        raise NotImplementedError
        yield

    async def aclose(self) -> None:
        return None

    def resolve(self, model: str) -> tuple[Provider, str]:
        """What `Turns` asks for: every name is this provider's."""
        return self, model
