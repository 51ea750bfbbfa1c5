"""A provider's events in the shapes of `chat.completion` and `chat.completion.chunk`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from miniclaude.errors import MiniClaudeError, ProviderError
from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    FinishReason,
    PromptRead,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from miniclaude.server.disconnect import closing
from miniclaude.server.wire import told

Json = dict[str, Any]

LEAST_LOGPROB = -9999.0
"""What the OpenAI API says for a token of (almost) no probability; JSON has no infinity."""


def new_id(prefix: str) -> str:
    """Such as `chatcmpl-9f86d081884c7d659a2feaa0`."""
    return f"{prefix}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Head:
    """What every chunk of one answer has in common. created: Unix seconds."""

    id: str
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    def json(self, object: str) -> Json:
        """The common fields."""
        return {"id": self.id, "object": object, "created": self.created, "model": self.model}


def usage_json(usage: Usage) -> Json:
    """Token counts."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def clamp_logprob(logprob: float) -> float:
    """`logprob` as JSON can say it."""
    return max(logprob, LEAST_LOGPROB)


def _token_json(token: TokenLogprob) -> Json:
    return {
        "token": token.token,
        "logprob": clamp_logprob(token.logprob),
        "bytes": list(token.token_bytes),
    }


def logprob_entries(entries: Sequence[ChosenLogprob]) -> list[Json]:
    """Each token with its alternatives."""
    return [
        {**_token_json(entry.chosen), "top_logprobs": [_token_json(top) for top in entry.top]}
        for entry in entries
    ]


def _logprobs_json(entries: Sequence[ChosenLogprob]) -> Json:
    return {"content": logprob_entries(entries), "refusal": None}


def incomplete(missing: str) -> ProviderError:
    """A provider's stream ended without what must end it."""
    return ProviderError(
        f"The model's answer ended without {missing}.", hint="Send the request again."
    )


@asynccontextmanager
async def own_fields(names: Mapping[str, str]) -> AsyncIterator[None]:
    """Errors from inside the block name the request's own fields. names: those, by what providers
    blame."""
    try:
        yield
    except MiniClaudeError as error:
        error.param = names.get(error.param or "", error.param)
        raise


async def with_own_fields(
    events: AsyncIterator[StreamEvent], names: Mapping[str, str]
) -> AsyncGenerator[StreamEvent, None]:
    """The events, whose errors name the request's own fields. Raises what `events` raises."""
    async with own_fields(names), closing(events):
        async for event in events:
            yield event


async def chat_chunks(
    head: Head, events: AsyncIterator[StreamEvent], *, choices: int, include_usage: bool
) -> AsyncGenerator[Json, None]:
    """The chunks of a stream.

    Each choice begins with its role, and has `finish_reason` null until its last chunk. With
    `include_usage` a chunk without choices comes last, and all others have `usage: null`.

    Raises what `events` raises, and ProviderError when it ends early.
    """

    def chunk(index: int, delta: Json, finish: FinishReason | None, logprobs: Json | None) -> Json:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        body = {**head.json("chat.completion.chunk"), "choices": [choice]}
        return {**body, "usage": None} if include_usage else body

    begun: set[int] = set()
    open_choices = set(range(choices))
    async with closing(events):
        async for event in events:
            if isinstance(event, Usage):
                if include_usage:
                    usage = usage_json(event)
                    yield {**head.json("chat.completion.chunk"), "choices": [], "usage": usage}
                continue
            if isinstance(event, PromptRead):
                continue
            if event.index not in begun:
                begun.add(event.index)
                opening = {"role": "assistant", "content": "", "refusal": None}
                yield chunk(event.index, opening, None, None)
            if isinstance(event, TextDelta):
                logprobs = _logprobs_json(event.logprobs) if event.logprobs else None
                yield chunk(event.index, {"content": event.text}, None, logprobs)
            elif isinstance(event, ToolCallDelta):
                yield chunk(event.index, {"tool_calls": [_call_delta(event)]}, None, None)
            else:
                open_choices.discard(event.index)
                yield chunk(event.index, {}, event.reason, None)
    if open_choices:
        raise incomplete("a finish reason")


def _call_delta(event: ToolCallDelta) -> Json:
    function = {"name": event.name, "arguments": event.arguments}
    call = {
        "index": event.call_index,
        "id": event.id,
        "type": "function" if event.id is not None else None,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in call.items() if value is not None}


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    logprobs: list[ChosenLogprob] = field(default_factory=list)
    calls: dict[int, Json] = field(default_factory=dict)
    finish: FinishReason | None = None

    def add(self, event: TextDelta | ToolCallDelta | Finished) -> None:
        if isinstance(event, TextDelta):
            self.text.append(event.text)
            self.logprobs.extend(event.logprobs)
        elif isinstance(event, ToolCallDelta):
            call = self.calls.setdefault(
                event.call_index,
                {"id": event.id, "type": "function", "function": {"name": "", "arguments": ""}},
            )
            call["function"]["name"] += event.name or ""
            call["function"]["arguments"] += event.arguments
        else:
            self.finish = event.reason

    def json(self, index: int, *, with_logprobs: bool) -> Json:
        text = "".join(self.text)
        message: Json = {
            "role": "assistant",
            "content": None if self.calls and not text else text,
            "refusal": None,
        }
        if self.calls:
            message["tool_calls"] = [self.calls[place] for place in sorted(self.calls)]
        return {
            "index": index,
            "message": message,
            "logprobs": _logprobs_json(self.logprobs) if with_logprobs else None,
            "finish_reason": self.finish,
        }


async def chat_completion(
    head: Head, events: AsyncIterator[StreamEvent], *, choices: int, with_logprobs: bool
) -> Json:
    """The whole answer at once.

    Raises what `events` raises, ProviderError when it ends early, and InvalidRequestError as soon
    as it holds too many log probabilities.
    """
    answers = [_Choice() for _ in range(choices)]
    usage: Usage | None = None
    many = 0
    async with closing(events):
        async for event in events:
            if isinstance(event, Usage):
                usage = event
            elif not isinstance(event, PromptRead):
                answers[event.index].add(event)
                if with_logprobs and isinstance(event, TextDelta):
                    many += told.count(event.logprobs)
                    told.require_few(many, "Stream the answer, or lower top_logprobs or n.")
    if usage is None or any(answer.finish is None for answer in answers):
        raise incomplete("a finish reason for every choice and a token count")

    def written() -> list[Json]:
        return [
            answer.json(index, with_logprobs=with_logprobs) for index, answer in enumerate(answers)
        ]

    return {
        **head.json("chat.completion"),
        "choices": await asyncio.to_thread(written) if many > told.MANY_TOLD else written(),
        "usage": usage_json(usage),
        "system_fingerprint": None,
    }
