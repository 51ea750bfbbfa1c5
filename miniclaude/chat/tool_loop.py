"""Let a model call tools on its way to an answer: ask, run what it calls, tell it, ask again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from miniclaude.chat.history import showable
from miniclaude.messages import (
    Finished,
    Message,
    StreamEvent,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from miniclaude.store.messages import StoredMessage
from miniclaude.tools.builtin import RunnableTool

MOST_ROUNDS = 8
"""How often an answer may call tools; after that it has to do with what it was told."""
MOST_CALLS = 16
"""Calls of one round that are run."""
RUN_S = 30.0
"""Seconds that a tool may take."""
LONGEST_RESULT = 16_000
"""Characters of a result that the model is told."""

StepStatus = Literal["waiting", "running", "done", "failed", "refused"]
Approve = Callable[[ToolCall], Awaitable[bool]]
AskWith = Callable[[Sequence[Message], Sequence[Tool]], AsyncGenerator[StreamEvent, None]]


@dataclass(frozen=True, slots=True)
class ToolStep:
    """A call of a tool within an answer, as it stands.

    number: its place among the answer's calls. offset: code points of the answer that come before
    it. status: `waiting` for the person's leave, `running`, `done`, `failed` (there is no such
    tool, or it did not end) or `refused` by the person. result: what the model was told.
    """

    number: int
    call: ToolCall
    status: StepStatus
    result: str = ""
    offset: int = 0


@dataclass(slots=True)
class _Round:
    """What the model wrote in one go."""

    text: list[str] = field(default_factory=list)
    calls: dict[int, ToolCall] = field(default_factory=dict)
    finished: Finished | None = None

    def take(self, event: ToolCallDelta) -> None:
        old = self.calls.get(event.call_index)
        if old is None:
            old = ToolCall(event.id or f"call_{secrets.token_hex(8)}", event.name or "", "")
        self.calls[event.call_index] = replace(
            old, name=event.name or old.name, arguments=old.arguments + event.arguments
        )


def suiting(tools: Mapping[str, RunnableTool], branch: Sequence[StoredMessage]) -> list[str]:
    """The names of those that may help with the question at the branch's end, or with the answer
    to it that is gone on with. After an answer that called one, all: a question such as "And five
    more?" is about its result, and a model that reads a call writes another, offered or not.
    Answers that failed before their first word are not read, so the questions around them are
    one."""
    said = [one for one in branch if one.content.strip() or one.steps]
    answers = [said.pop()] if said and said[-1].role == "assistant" else []  # one gone on with
    questions: list[str] = []
    while said and said[-1].role == "user":
        questions.append(said.pop().content)
    called = any(one.steps for one in [*answers, *said[-1:]])
    return [name for name, one in tools.items() if called or any(map(one.suits, questions))]


async def answer_with_tools(
    ask: AskWith,
    tools: Mapping[str, RunnableTool],
    approve: Approve | None = None,
    *,
    first_number: int = 0,
) -> AsyncGenerator[StreamEvent | ToolStep, None]:
    """The events of an answer, with a `ToolStep` whenever a call comes or changes; one `Finished`
    and one `Usage`, of everything that was read and written.

    ask: asks for the answer, given what was said since the question and the tools on offer.
    approve: whether a call may be run; None runs every one. first_number: of the first call; an
    answer that is gone on with has calls already. Raises what `ask` raises.
    """
    offered = [tool.tool for tool in tools.values()]
    said: list[Message] = []
    read = written = cached = 0
    number = first_number
    for rounds_left in range(MOST_ROUNDS, -1, -1):
        this = _Round()
        async with aclosing(ask(said, offered if rounds_left else [])) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        this.text.append(event.text)
                        yield event
                    case ToolCallDelta():
                        this.take(event)
                    case Finished():
                        this.finished = event
                    case Usage():
                        read += event.prompt_tokens
                        written += event.completion_tokens
                        cached += event.cached_tokens
                    case _:
                        yield event
        calls = [call for _, call in sorted(this.calls.items())]
        called = this.finished is not None and this.finished.reason == "tool_calls" and calls
        if not called or not rounds_left:
            break
        parts = (TextPart("".join(this.text)),) if this.text else ()
        shown = tuple(replace(call, arguments=showable(call.arguments)) for call in calls)
        said.append(Message("assistant", parts, tool_calls=shown))
        for place, call in enumerate(calls):
            step = ToolStep(number, call, "running")
            if place < MOST_CALLS:
                async for change in _steps(step, tools.get(call.name), approve):
                    step = change
                    yield step
            else:
                step = replace(step, status="failed", result=f"Error: {MOST_CALLS} calls at most.")
                yield step
            said.append(Message("tool", (TextPart(step.result),), tool_call_id=call.id))
            number += 1
    if this.finished is not None:
        yield this.finished
    yield Usage(read, written, cached)


async def _steps(
    step: ToolStep, tool: RunnableTool | None, approve: Approve | None
) -> AsyncGenerator[ToolStep, None]:
    """One call from its coming to its result; the last step has it."""
    if tool is None:
        name = step.call.name[:64]
        yield replace(step, status="failed", result=f"Error: there is no tool {name!r}.")
        return
    if approve is not None:
        yield replace(step, status="waiting")
        if not await approve(step.call):
            yield replace(step, status="refused", result="The user did not allow this call.")
            return
    yield step
    try:
        async with asyncio.timeout(RUN_S):
            result = await asyncio.to_thread(tool.run, step.call.arguments)
    except TimeoutError:
        yield replace(step, status="failed", result=f"Error: it took over {RUN_S:.0f} seconds.")
        return
    if len(result) > LONGEST_RESULT:
        result = result[:LONGEST_RESULT] + "…"
    yield replace(step, status="done", result=result)
