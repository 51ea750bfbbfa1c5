"""A provider that calls tools, for the protocols that carry them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from miniclaude.errors import ProviderError
from miniclaude.messages import Finished, StreamEvent, TextDelta, ToolCallDelta, Usage
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo


class Calling:
    """Calls the first tool twice, sees images, and breaks when it is told to. `asked` keeps what
    it was asked."""

    name = "calling"

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("calling", created=0, owned_by="tests", sees=True)]

    def sees(self, model: str) -> bool:
        return True

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        self.asked.append(request)
        yield TextDelta(0, "Let me ")
        yield TextDelta(0, "see.")
        if "break" in request.messages[-1].text:
            raise ProviderError("The wire was cut.", hint="Mend it.")
        reason = "stop"
        for number, tool in enumerate(request.tools * 2):
            reason = "tool_calls"
            yield ToolCallDelta(0, number, f"call_{number}", tool.name, "")
            yield ToolCallDelta(0, number, None, None, '{"a"')
            yield ToolCallDelta(0, number, None, None, f": {number}}}")
        yield Finished(0, reason)  # type: ignore[arg-type]
        yield Usage(9, 4, 3)

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        raise NotImplementedError
        yield

    async def aclose(self) -> None:
        pass
