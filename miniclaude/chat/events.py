"""What a watcher of a turn is told: text and calls of tools as they come, then how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from miniclaude.chat.tool_loop import ToolStep
from miniclaude.messages import FinishReason, ToolCall, Usage
from miniclaude.store.messages import StoredMessage
from miniclaude.store.turns import Ending


@dataclass(frozen=True, slots=True)
class TurnDelta:
    """More of the answer. offset: the answer's length in code points after this delta."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """A token of the answer, and what the model weighed. offset: where it begins, in code points of
    the answer. logprob: natural log, under the model's own distribution. top: the likeliest texts
    at that place, with theirs."""

    offset: int
    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TurnLogprobs:
    """More of the answer's tokens, where they were asked for. number: how many came before."""

    number: int
    tokens: tuple[TokenChoice, ...]


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The answer is as long as it will be; what was written is kept."""

    status: Literal["complete", "cancelled", "interrupted"]
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The answer ended in an error: {"message", "hint", "code", "param"}. Its part is kept."""

    error: dict[str, Any]


TurnEvent = TurnDelta | TurnLogprobs | ToolStep | TurnDone | TurnFailed


def last_event(ending: Ending) -> TurnDone | TurnFailed:
    """The event that ends a stream."""
    if ending.status == "error":
        return TurnFailed(ending.error or {})
    return TurnDone(ending.status, ending.finish_reason, ending.usage)


def stored_steps(message: StoredMessage) -> list[ToolStep]:
    """The calls of tools that a stored answer made."""
    return [
        ToolStep(
            number,
            ToolCall(step["id"], step["name"], step["arguments"]),
            step["status"],
            step["result"],
            step["offset"],
        )
        for number, step in enumerate(message.steps or [])
    ]


def step_json(step: ToolStep) -> dict[str, Any]:
    """A call as it is stored and sent; its place in the list is its number."""
    return {
        "id": step.call.id,
        "name": step.call.name,
        "arguments": step.call.arguments,
        "status": step.status,
        "result": step.result,
        "offset": step.offset,
    }


def stored_ending(message: StoredMessage) -> Ending:
    """How a stored answer ended. A `streaming` row that nobody writes counts as interrupted."""
    status = "interrupted" if message.status == "streaming" else message.status
    return Ending(status, message.finish_reason, message.usage, message.error)
