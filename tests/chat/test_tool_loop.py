"""Calls of tools within an answer: run, refused, told to the model, stored, sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from miniclaude.chat.history import branch_messages, join_neighbours
from miniclaude.chat.tool_loop import MOST_ROUNDS, ToolStep, answer_with_tools, suiting
from miniclaude.chat.turn import Turns
from miniclaude.chat.writing import NOT_RUN
from miniclaude.errors import InvalidRequestError, NotFoundError
from miniclaude.messages import (
    Finished,
    Message,
    Role,
    StreamEvent,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import ChatRequest
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages, StoredMessage
from miniclaude.store.transfer import export_conversation, import_conversation
from miniclaude.tools.builtin import BUILTIN, RunnableTool
from tests.chat.scripted import ScriptedProvider

pytestmark = pytest.mark.anyio

SUM = '{"expression": "37 + 48"}'


def calling(name: str, arguments: str, *, before: str = "") -> list[StreamEvent]:
    """An answer that calls one tool, its arguments coming in two pieces."""
    events: list[StreamEvent] = [TextDelta(0, before)] if before else []
    return [
        *events,
        ToolCallDelta(0, 0, "call_1", name, arguments[:5]),
        ToolCallDelta(0, 0, None, None, arguments[5:]),
        Finished(0, "tool_calls"),
        Usage(10, 4),
    ]


def saying(text: str) -> list[StreamEvent]:
    return [TextDelta(0, text), Finished(0, "stop"), Usage(20, 2)]


class Asked:
    """Answers with one script after the other; keeps what it was told and offered."""

    def __init__(self, *scripts: list[StreamEvent]) -> None:
        self.scripts = list(scripts)
        self.said: list[list[Message]] = []
        self.offered: list[list[str]] = []

    async def __call__(
        self, said: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncGenerator[StreamEvent, None]:
        self.said.append(list(said))
        self.offered.append([tool.name for tool in tools])
        for event in self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]:
            yield event


async def events_of(
    asked: Asked, tools: dict[str, RunnableTool] | None = None
) -> list[StreamEvent | ToolStep]:
    return [event async for event in answer_with_tools(asked, tools or dict(BUILTIN))]


async def test_a_call_is_run_and_the_model_told() -> None:
    asked = Asked(calling("calculator", SUM, before="Let me see. "), saying("It is 85."))
    call = ToolCall("call_1", "calculator", SUM)
    assert await events_of(asked) == [
        TextDelta(0, "Let me see. "),
        ToolStep(0, call, "running"),
        ToolStep(0, call, "done", "85"),
        TextDelta(0, "It is 85."),
        Finished(0, "stop"),
        Usage(30, 6),  # of both rounds: a person pays for both
    ]
    wrote, told = asked.said[1]
    assert (wrote.role, wrote.text, wrote.tool_calls) == ("assistant", "Let me see. ", (call,))
    assert (told.role, told.text, told.tool_call_id) == ("tool", "85", "call_1")


async def test_a_tool_that_is_not_there_is_an_answer_for_the_model() -> None:
    """Small models invent tools; the turn must not fail for it."""
    asked = Asked(calling("weather", "{}"), saying("I can't look that up."))
    events = await events_of(asked)
    assert [event.status for event in events if isinstance(event, ToolStep)] == ["failed"]
    assert asked.said[1][1].text == "Error: there is no tool 'weather'."


@pytest.mark.parametrize(
    "arguments",
    [
        *("{bad", "[1]", '{"a":' * 5000, '{"a":1e999}', '{"a":NaN}', '{"a":"\\ud800"}'),
        '{"a":' * 65 + "1" + "}" * 65,
    ],
)
async def test_arguments_that_make_no_sense_do_not_end_the_conversation(arguments: str) -> None:
    """Anthropic's API takes objects alone: the answer failed, and each question after it."""
    asked = Asked(calling("calculator", arguments), saying("I cannot."))
    events = await events_of(asked)
    assert isinstance(events[-2], Finished)
    [step] = [e for e in events if isinstance(e, ToolStep) and e.status != "running"]
    assert (step.call.arguments, step.result[:6]) == (arguments, "Error:")
    assert asked.said[1][0].tool_calls[0].arguments == "{}"
    row = StoredMessage("0" * 32, "0" * 32, None, "assistant", "I cannot.", "complete", None, 0.0)
    told = {"id": "c", "name": "calculator", "result": "Error: no", "offset": 0, "status": "done"}
    [called, *_] = branch_messages([_with(row, [{**told, "arguments": arguments}])])
    assert called.tool_calls[0].arguments == "{}"


async def test_a_model_that_only_ever_calls_is_stopped() -> None:
    """The last round offers no tools; what it calls all the same is not run."""
    asked = Asked(calling("calculator", SUM))
    events = await events_of(asked)
    assert asked.offered[-1] == []
    assert len(asked.offered) == MOST_ROUNDS + 1
    assert len([e for e in events if isinstance(e, ToolStep) and e.status == "done"]) == MOST_ROUNDS
    assert isinstance(events[-2], Finished)


class Room:
    """A conversation of `ada`'s whose provider plays `scripts`."""

    def __init__(self, database: Database, conversation_id: str, *scripts: list[StreamEvent]):
        self.database, self.id = database, conversation_id
        self.asked = list(scripts)
        self.requests: list[ChatRequest] = []
        provider = ScriptedProvider()
        provider.chat = self.chat  # type: ignore[method-assign]
        provider.continues = lambda _model: True  # type: ignore[attr-defined]
        self.turns = Turns(database, provider.resolve, save_every_s=0.01)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        self.requests.append(request)
        for event in self.asked.pop(0):
            yield event

    async def steps(self, turn_id: str) -> list[str]:
        events = self.turns.events("ada", self.id, turn_id)
        return [event.status async for event in events if isinstance(event, ToolStep)]


async def room_for(database: Database, *scripts: list[StreamEvent]) -> Room:
    return Room(database, (await Conversations(database).create("ada")).id, *scripts)


async def test_calls_are_stored_and_sent_again_with_the_next_question(database: Database) -> None:
    """Else the model would read its own answer without what it was made of."""
    room = await room_for(
        database,
        calling("calculator", SUM, before="Let me see. "),
        saying("It is 85."),
        saying("Yes."),
    )
    turn = await room.turns.start("ada", room.id, content="37+48?", model="m", tools=["calculator"])
    assert (await room.steps(turn.turn_id))[-1] == "done"
    answer = await Messages(database).get("ada", room.id, turn.assistant_message_id)
    assert answer.content == "Let me see. It is 85."
    assert answer.steps == [
        {
            "id": "call_1",
            "name": "calculator",
            "arguments": SUM,
            "status": "done",
            "result": "85",
            "offset": 12,
        }
    ]
    assert await room.steps(turn.turn_id) == ["done"]  # from the store, too
    again = await room.turns.start("ada", room.id, content="Sure?", model="m", tools=[])
    await room.steps(again.turn_id)
    sent = room.requests[-1].messages
    assert [(m.role, m.text, len(m.tool_calls)) for m in sent] == [
        ("user", "37+48?", 0),
        ("assistant", "Let me see. ", 1),
        ("tool", "85", 0),
        ("assistant", "It is 85.", 0),
        ("user", "Sure?", 0),
    ]
    await room.turns.aclose()
    document = await export_conversation(database, "ada", room.id)
    copy = await import_conversation(database, "ada", document)
    assert await export_conversation(database, "ada", copy.id) == document


@pytest.mark.parametrize(("allow", "told"), [(True, "85"), (False, "The user did not allow")])
async def test_a_call_waits_for_leave(database: Database, allow: bool, told: str) -> None:
    room = await room_for(database, calling("calculator", SUM), saying("Done."))
    turn = await room.turns.start(
        "ada", room.id, content="37+48?", model="m", tools=["calculator"], ask_leave=True
    )
    statuses = []
    async for event in room.turns.events("ada", room.id, turn.turn_id):
        if isinstance(event, ToolStep):
            statuses.append(event.status)
            if event.status == "waiting":
                assert len(room.requests) == 1  # nothing was run, and nobody asked again
                await room.turns.decide("ada", room.id, turn.turn_id, "call_1", allow=allow)
    assert statuses[0] == "waiting"
    assert statuses[-1] == ("done" if allow else "refused")
    assert room.requests[1].messages[-1].text.startswith(told)
    with pytest.raises(NotFoundError, match="There is no such call that waits for leave"):
        await room.turns.decide("ada", room.id, turn.turn_id, "call_1", allow=True)
    await room.turns.aclose()


async def test_a_waiting_answer_can_be_stopped(database: Database) -> None:
    """Nobody may come to decide: the Stop button must still work."""
    room = await room_for(database, calling("calculator", SUM))
    turn = await room.turns.start(
        "ada", room.id, content="37+48?", model="m", tools=["calculator"], ask_leave=True
    )
    async for event in room.turns.events("ada", room.id, turn.turn_id):
        if isinstance(event, ToolStep):
            await room.turns.cancel("ada", room.id, turn.turn_id)
    answer = await Messages(database).get("ada", room.id, turn.assistant_message_id)
    assert answer.status == "cancelled"
    await room.turns.aclose()


async def test_calls_of_an_answer_that_goes_on_follow_those_it_made(database: Database) -> None:
    """Numbered from 0 again, a new call took the place of an earlier one, and the next question
    was sent a history in which it stood where nobody had made it."""
    room = await room_for(
        database,
        calling("calculator", SUM, before="One. "),
        [TextDelta(0, "Two. "), Finished(0, "length"), Usage(20, 2)],
        calling("calculator", '{"expression": "1 + 1"}', before="Three. "),
        saying("Four."),
    )
    turn = await room.turns.start("ada", room.id, content="?", model="m", tools=["calculator"])
    await room.steps(turn.turn_id)
    again = await room.turns.start(
        "ada",
        room.id,
        continue_id=turn.assistant_message_id,
        model="m",
        tools=["calculator"],
    )
    assert (await room.steps(again.turn_id))[-1] == "done"
    answer = await Messages(database).get("ada", room.id, turn.assistant_message_id)
    assert answer.content == "One. Two. Three. Four."
    steps = [(step["offset"], step["result"]) for step in answer.steps or []]
    assert steps == [(len("One. "), "85"), (len("One. Two. Three. "), "2")]
    await room.turns.aclose()


async def test_a_call_that_waited_is_over_when_the_answer_goes_on(database: Database) -> None:
    """The page offered to allow a call that nobody waited for any more."""
    room = await room_for(
        database, calling("calculator", SUM, before="Let me see. "), saying("It is 85.")
    )
    turn = await room.turns.start(
        "ada", room.id, content="37+48?", model="m", tools=["calculator"], ask_leave=True
    )
    async for event in room.turns.events("ada", room.id, turn.turn_id):
        if isinstance(event, ToolStep):
            await room.turns.cancel("ada", room.id, turn.turn_id)
    again = await room.turns.start(
        "ada", room.id, continue_id=turn.assistant_message_id, model="m", tools=["calculator"]
    )
    assert await room.steps(again.turn_id) == ["failed"]
    answer = await Messages(database).get("ada", room.id, turn.assistant_message_id)
    assert answer.content == "Let me see. It is 85."
    assert [(s["status"], s["result"]) for s in answer.steps or []] == [("failed", NOT_RUN)]
    await room.turns.aclose()


async def test_unknown_tools_are_refused_before_anything_is_stored(database: Database) -> None:
    room = await room_for(database)
    with pytest.raises(InvalidRequestError) as caught:
        await room.turns.start("ada", room.id, content="Hi", model="m", tools=["shell"])
    assert str(caught.value).startswith("There is no tool 'shell'.")
    assert "calculator" in caught.value.hint
    assert await Messages(database).tree("ada", room.id) == []


def test_calls_that_nobody_answered_are_left_out_of_what_is_sent() -> None:
    """A process killed while a tool ran leaves a call without a result; templates refuse those."""
    step = {"id": "c", "name": "calculator", "arguments": "{}", "result": "", "offset": 4}
    row = StoredMessage("0" * 32, "0" * 32, None, "assistant", "One.Two.", "interrupted", None, 0.0)
    for status in ("waiting", "running"):
        [message] = branch_messages([_with(row, [{**step, "status": status}])])
        assert (message.text, message.tool_calls) == ("One.Two.", ())
    failed = branch_messages([_with(row, [{**step, "status": "failed"}])])
    assert [m.role for m in failed] == ["assistant", "tool", "assistant"]


def test_neighbours_are_joined_around_calls_only() -> None:
    call = Message("assistant", (), tool_calls=(ToolCall("c", "calculator", "{}"),))
    tool = Message("tool", (), tool_call_id="c")
    plain = Message("assistant", ())
    assert [m.role for m in join_neighbours([plain, plain, call, tool, tool, plain])] == [
        "assistant",
        "assistant",
        "tool",
        "tool",
        "assistant",
    ]


def _with(row: StoredMessage, steps: list[dict[str, object]]) -> StoredMessage:
    return StoredMessage(
        **{name: getattr(row, name) for name in StoredMessage.__slots__ if name != "steps"},
        steps=steps,
    )


async def test_a_tool_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer must not hang for ever on a tool."""
    monkeypatch.setattr("miniclaude.chat.tool_loop.RUN_S", 0.0)
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def run(_arguments: str) -> str:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
        return "late"

    slow = RunnableTool(Tool("slow", "", {}), run)
    events = await events_of(Asked(calling("slow", "{}"), saying("Sorry.")), {"slow": slow})
    gate.set()
    [step] = [e for e in events if isinstance(e, ToolStep) and e.status == "failed"]
    assert step.result == "Error: it took over 0 seconds."


def said(role: Role, content: str, *steps: dict[str, Any]) -> StoredMessage:
    return StoredMessage(
        "0" * 32, "0" * 32, None, role, content, "complete", None, 0.0, steps=list(steps)
    )


def test_a_question_after_a_call_may_be_about_what_it_returned() -> None:
    """Not offered the calculator for "And half of that?", the bundled model wrote the call all the
    same, and people read its markup."""
    summed = [said("user", "What is 27 + 58?"), said("assistant", "It's 85.", {"id": "call_1"})]
    assert suiting(BUILTIN, summed[:1]) == ["calculator"]
    assert suiting(BUILTIN, summed) == ["calculator"]  # the answer is gone on with
    more = [*summed, said("user", "And half of that?")]
    assert suiting(BUILTIN, more) == ["calculator"]
    failed = [*more, said("assistant", ""), said("user", "Please answer.")]
    assert suiting(BUILTIN, failed) == ["calculator"]
    assert suiting(BUILTIN, [*summed[:1], *failed[-2:]]) == ["calculator"]
    later = [*more, said("assistant", "42.5."), said("user", "Who are you?")]
    assert suiting(BUILTIN, later) == []
    assert suiting(BUILTIN, []) == []
