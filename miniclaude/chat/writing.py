"""Write one answer: the provider's events into memory at once, into the store now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from miniclaude.chat.answer import GrowingAnswer
from miniclaude.chat.events import step_json, stored_steps
from miniclaude.chat.tool_loop import ToolStep
from miniclaude.errors import MiniClaudeError, ProviderError
from miniclaude.messages import (
    Finished,
    FinishReason,
    StreamEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from miniclaude.store.messages import StoredMessage
from miniclaude.store.text import MAX_TEXT, mend_text
from miniclaude.store.turns import Ending, FinalStatus, Steps, TurnStore

_log = logging.getLogger(__name__)

_LEAVE_S = 900.0
NOT_RUN = "Error: the answer was stopped before this call had ended."
"""The result of a call that an answer was cut off at, once the answer goes on."""
_CLOSING_S = 10.0
"""Seconds a provider has to let go of an answer that nobody wants any more."""


@dataclass(eq=False, slots=True)
class LiveTurn:
    """A turn that this process is writing. `stopped` is set once; the first reason counts. leave:
    calls of tools that wait for the person's word, by id. before: what the answer's earlier turns
    cost, where that is known."""

    owner: str
    conversation_id: str
    turn_id: str
    answer: GrowingAnswer = field(default_factory=GrowingAnswer)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    stop_status: FinalStatus = "cancelled"
    leave: dict[str, asyncio.Future[bool]] = field(default_factory=dict)
    before: Usage | None = None

    @property
    def steps(self) -> Steps:
        """The answer's calls of tools, as they are stored."""
        return [step_json(step) for step in self.answer.steps]

    def go_on(self, begun: StoredMessage) -> None:
        """Begin where an earlier turn left off. Calls that it did not see the end of are over:
        nobody waits for leave to run them any more."""
        steps = [
            replace(step, status="failed", result=NOT_RUN)
            if step.status in ("waiting", "running")
            else step
            for step in stored_steps(begun)
        ]
        self.answer.restore(begun.content, steps)
        self.before = begun.usage

    def whole(self, usage: Usage | None) -> Usage | None:
        """What the answer cost, with the tokens that earlier turns wrote. This turn's own cost is
        unknown where it was stopped; what was known before is kept then."""
        if usage is None or self.before is None:
            return usage or self.before
        written = self.before.completion_tokens + usage.completion_tokens
        return replace(usage, completion_tokens=written)

    async def approved(self, call: ToolCall) -> bool:
        """Wait for the person's word on a call, for a quarter of an hour at most."""
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.leave[call.id] = asked
        try:
            async with asyncio.timeout(_LEAVE_S):
                return await asked
        except TimeoutError:
            return False
        finally:
            del self.leave[call.id]

    def stop(self, status: FinalStatus) -> None:
        """Ask the writer to end the answer where it is."""
        if not self.stopped.is_set():
            self.stop_status = status
            self.stopped.set()


async def write_answer(
    turn: LiveTurn,
    store: TurnStore,
    events: AsyncGenerator[StreamEvent | ToolStep, None],
    save_every_s: float,
) -> Ending:
    """Listen until the provider ends, somebody stops the turn, or the store fails.

    Saves what there is on the way; the caller saves the end. A turn whose row has gone (the
    conversation was deleted) ends as cancelled. Raises nothing but cancellation.
    """
    listener = asyncio.create_task(_listen(turn.answer, events))
    stopped = asyncio.create_task(turn.stopped.wait())
    ending: Ending | None = None
    saved: tuple[int, Steps] = 0, []
    try:
        while not (listener.done() or stopped.done() or ending):
            await asyncio.wait(
                {listener, stopped}, timeout=save_every_s, return_when="FIRST_COMPLETED"
            )
            there = turn.answer.length, turn.steps
            if there != saved and not listener.done():
                saved = there
                if not await store.save(turn.owner, turn.turn_id, turn.answer.text, turn.steps):
                    ending = Ending("cancelled")
    except Exception as error:
        ending = failed(error)
    finally:
        stopped.cancel()
        if not listener.done():
            listener.cancel()
            await asyncio.wait({listener}, timeout=_CLOSING_S)
    if ending is None and listener.done() and not listener.cancelled():
        ending = listener.result()
    ending = ending or Ending(turn.stop_status)
    return replace(ending, usage=turn.whole(ending.usage))


def failed(error: Exception) -> Ending:
    """The ending for an error; one that is not ours is logged, and its text kept from people."""
    if isinstance(error, MiniClaudeError):
        described: dict[str, Any] = {
            "message": mend_text(error.message),
            "hint": mend_text(error.hint),
            "code": error.code,
            "param": error.param,
        }
    else:
        _log.error("A turn failed unexpectedly.", exc_info=error)
        described = {
            "message": "The answer failed for a reason that is not the request's fault.",
            "hint": "Try again; the server's log has the details.",
            "code": "internal_error",
            "param": None,
        }
    return Ending("error", error=described)


async def _listen(
    answer: GrowingAnswer, events: AsyncGenerator[StreamEvent | ToolStep, None]
) -> Ending:
    reason: FinishReason | None = None
    usage: Usage | None = None
    try:
        async with aclosing(events):
            async for event in events:
                match event:
                    case TextDelta(text=text):
                        answer.weigh(event.logprobs)
                        answer.append(text[: MAX_TEXT - answer.length])
                        if answer.length >= MAX_TEXT:
                            return Ending("complete", "length", usage)
                    case ToolStep():
                        answer.put(event)
                    case Finished():
                        reason = event.reason
                    case Usage():
                        usage = event
        if reason is None:
            raise ProviderError(
                "The answer broke off: the provider closed the stream without ending it.",
                hint="Answer again; what has arrived is kept.",
            )
    except Exception as error:
        return failed(error)
    return Ending("complete", reason, usage)
