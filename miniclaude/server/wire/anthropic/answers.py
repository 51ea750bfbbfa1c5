"""A provider's events in the shapes of Anthropic's `message` and its stream."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from miniclaude.errors import ProviderError
from miniclaude.messages import (
    Finished,
    FinishReason,
    PromptRead,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from miniclaude.server.disconnect import closing
from miniclaude.server.wire.answers import Json, incomplete

STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}

LARGEST = sys.float_info.max
"""The number farthest from 0 that JSON's readers can be relied on to have."""


def stop_json(finished: Finished, usage: Usage, max_tokens: int) -> Json:
    """Why the answer ended. One that was cut off short of its own limit had no more room in the
    model's context."""
    reason = STOP_REASONS[finished.reason]
    if finished.reason == "stop" and finished.stop_text is not None:
        reason = "stop_sequence"
    elif finished.reason == "length" and 0 < usage.completion_tokens < max_tokens:
        reason = "model_context_window_exceeded"
    return {"stop_reason": reason, "stop_sequence": finished.stop_text}


def usage_json(usage: Usage) -> Json:
    """Token counts; what came from a cache is no input token in this protocol."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }


def message_json(id: str, model: str, content: list[Json], stop: Json, usage: Usage) -> Json:
    """A whole message."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        **stop,
        "usage": usage_json(usage),
    }


@dataclass(slots=True)
class _Blocks:
    """The answer's blocks so far. current: the number of the call that the last one is; -1: text,
    None: there is none yet."""

    blocks: list[Json] = field(default_factory=list)
    current: int | None = None

    def open(self, event: TextDelta | ToolCallDelta) -> Json | None:
        """The block that begins with this event, if one does."""
        place = event.call_index if isinstance(event, ToolCallDelta) else -1
        if place == self.current:
            return None
        self.current = place
        if isinstance(event, TextDelta):
            block: Json = {"type": "text", "text": ""}
        else:
            block = {"type": "tool_use", "id": event.id, "name": event.name, "input": ""}
        self.blocks.append(block)
        return block

    def add(self, event: TextDelta | ToolCallDelta) -> None:
        """More of the block that is open."""
        if isinstance(event, TextDelta):
            self.blocks[-1]["text"] += event.text
        else:
            self.blocks[-1]["input"] += event.arguments

    def settled(self, finished: Finished) -> Finished:
        """The end as this protocol knows it. OpenAI's ends a call that was forced with `stop`; here
        clients run tools only where the reason says so. A call that is not whole was cut by a stop
        string, which not every service names."""
        if finished.reason != "stop" or finished.stop_text is not None or not self.blocks:
            return finished
        last = self.blocks[-1]
        called = (
            last["type"] == "tool_use" and _object(last["input"] or "{}", cut=False) is not None
        )
        return replace(finished, reason="tool_calls") if called else finished

    def whole(self, reason: FinishReason) -> list[Json]:
        """The blocks with their calls' input parsed. Of a call that was cut off, it is as much as
        was whole, as in the message that Anthropic's SDKs put together from the stream.

        Raises ProviderError for input that is no JSON object.
        """
        content = []
        for block in self.blocks:
            if block["type"] == "tool_use":
                cut = reason != "tool_calls" and block is self.blocks[-1]
                arguments = _object(block["input"] or "{}", cut=cut)
                if arguments is None:
                    raise ProviderError(
                        f"The model called {block['name']!r} with what is no JSON object.",
                        hint="Send the request again.",
                    )
                block = {**block, "input": arguments}
            content.append(block)
        return content


def _object(text: str, *, cut: bool) -> Json | None:
    """The input of a call; of one that was cut off what can be read, at the least nothing."""
    try:
        value = _sayable(json.loads(text, parse_constant=_no_number))
    except (ValueError, RecursionError):
        value = _sayable(_begun(text)) if cut else None
    if cut and not isinstance(value, dict):
        return {}
    return value if isinstance(value, dict) else None


def _sayable(value: Any) -> Any:
    """A value that was read from JSON, as it can be written again: `1e999` is read as infinity. The
    nearest number there is stands for it."""
    if isinstance(value, dict):
        return {key: _sayable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_sayable(inner) for inner in value]
    if isinstance(value, float):
        return min(max(value, -LARGEST), LARGEST)
    return value


def _no_number(word: str) -> object:
    """NaN and the infinities, which Python reads and JSON cannot say."""
    raise ValueError(word)


def _begun(text: str) -> object:
    try:
        return from_json(text, allow_partial=True, allow_inf_nan=False)
    except ValueError:
        return None


async def message(id: str, model: str, events: AsyncIterator[StreamEvent], max_tokens: int) -> Json:
    """The whole answer at once. max_tokens: what the request allowed.

    Raises what `events` raises, and ProviderError when it ends early.
    """
    blocks = _Blocks()
    finished: Finished | None = None
    usage: Usage | None = None
    async with closing(events):
        async for event in events:
            if isinstance(event, Usage):
                usage = event
            elif isinstance(event, Finished):
                finished = event
            elif isinstance(event, ToolCallDelta) or (isinstance(event, TextDelta) and event.text):
                blocks.open(event)
                blocks.add(event)
    if finished is None or usage is None:
        raise incomplete("a stop reason and a token count")
    finished = blocks.settled(finished)
    content = blocks.whole(finished.reason)
    return message_json(id, model, content, stop_json(finished, usage, max_tokens), usage)


async def message_events(
    id: str, model: str, events: AsyncIterator[StreamEvent], max_tokens: int
) -> AsyncGenerator[Json, None]:
    """The events of a stream. `message_start` says what the prompt cost where the provider can tell
    by then, else 0; `message_delta` says it in any case. max_tokens: what the request allowed.

    Raises what `events` raises, and ProviderError when it ends early.
    """
    blocks = _Blocks()
    finished: Finished | None = None
    usage: Usage | None = None
    begun = False
    async with closing(events):
        async for event in events:
            if not begun:
                begun = True
                nothing: Json = {"stop_reason": None, "stop_sequence": None}
                cost = Usage(0, 0)
                if isinstance(event, PromptRead):
                    cost = Usage(event.prompt_tokens, 0, event.cached_tokens)
                start = message_json(id, model, [], nothing, cost)
                yield {"type": "message_start", "message": start}
            if isinstance(event, Usage):
                usage = event
            elif isinstance(event, Finished):
                finished = event
            elif isinstance(event, ToolCallDelta) or (isinstance(event, TextDelta) and event.text):
                block = blocks.open(event)
                place = len(blocks.blocks) - 1
                if block is not None:
                    if place:
                        yield {"type": "content_block_stop", "index": place - 1}
                    shown = {**block, "input": {}} if "input" in block else {**block}
                    yield {"type": "content_block_start", "index": place, "content_block": shown}
                blocks.add(event)
                if delta := _delta_json(event):
                    yield {"type": "content_block_delta", "index": place, "delta": delta}
    if finished is None or usage is None:
        raise incomplete("a stop reason and a token count")
    if blocks.blocks:
        yield {"type": "content_block_stop", "index": len(blocks.blocks) - 1}
    stop = stop_json(blocks.settled(finished), usage, max_tokens)
    yield {"type": "message_delta", "delta": stop, "usage": usage_json(usage)}
    yield {"type": "message_stop"}


def _delta_json(event: TextDelta | ToolCallDelta) -> Json | None:
    if isinstance(event, TextDelta):
        return {"type": "text_delta", "text": event.text}
    if not event.arguments:
        return None
    return {"type": "input_json_delta", "partial_json": event.arguments}
