"""Answers that were cut off go on in their place; probabilities are told, and never stored."""

from __future__ import annotations

import asyncio
import math

import pytest

from miniclaude.chat import answer as answers
from miniclaude.chat.answer import GrowingAnswer
from miniclaude.chat.events import TokenChoice, TurnDelta, TurnDone, TurnLogprobs
from miniclaude.chat.turn import StartedTurn, Turns
from miniclaude.errors import ConflictError, InvalidRequestError, NotFoundError
from miniclaude.messages import ChosenLogprob, TokenLogprob, Usage
from miniclaude.providers.base import Settings
from miniclaude.providers.echo import Echo
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages
from miniclaude.store.turns import Ending
from tests.chat.scripted import ScriptedProvider

pytestmark = pytest.mark.anyio


def echoing(database: Database) -> Turns:
    echo = Echo()
    return Turns(database, lambda model: (echo, "echo"), save_every_s=0.01)


async def ended(turns: Turns, conversation_id: str, turn_id: str, offset: int = 0) -> TurnDone:
    events = [e async for e in turns.events("ada", conversation_id, turn_id, offset)]
    assert isinstance(events[-1], TurnDone)
    return events[-1]


async def test_an_answer_cut_at_its_limit_goes_on(database: Database) -> None:
    turns = echoing(database)
    conversation = await Conversations(database).create("ada")
    short = Settings(max_tokens=2)
    first = await turns.start(
        "ada", conversation.id, content="one two three", model="echo", settings=short
    )
    assert (await ended(turns, conversation.id, first.turn_id)).finish_reason == "length"
    again = await turns.start(
        "ada", conversation.id, continue_id=first.assistant_message_id, model="echo", settings=short
    )
    assert again.assistant_message_id == first.assistant_message_id
    assert again.user_message_id == first.user_message_id
    assert (again.turn_id != first.turn_id, again.offset) == (True, len("one two"))
    done = await ended(turns, conversation.id, again.turn_id)
    assert (done.finish_reason, done.usage) == ("stop", Usage(5, 3))  # all tokens of the answer
    answer = await Messages(database).get("ada", conversation.id, again.assistant_message_id)
    assert (answer.content, answer.status) == ("one two three", "complete")
    with pytest.raises(InvalidRequestError, match="There is nothing to go on with") as raised:
        await turns.start("ada", conversation.id, continue_id=answer.id, model="echo")
    assert raised.value.param == "continue_id"
    await turns.aclose()


async def test_an_answer_stopped_while_it_goes_on_keeps_its_tokens(database: Database) -> None:
    """The stop took the tokens of the part before it away: the line under the answer, once it was
    complete, counted its last part only."""
    gate = asyncio.Event()
    provider = ScriptedProvider(["one"], ["two", gate], ["three"], ["four", ValueError("no")])
    provider.reason = "length"
    provider.continues = lambda _model: True  # type: ignore[attr-defined]
    turns = Turns(database, provider.resolve, save_every_s=0.01)
    conversation = await Conversations(database).create("ada")
    turn = await turns.start("ada", conversation.id, content="Hi", model="m")

    async def go_on() -> StartedTurn:
        return await turns.start(
            "ada", conversation.id, continue_id=turn.assistant_message_id, model="m"
        )

    assert (await ended(turns, conversation.id, turn.turn_id)).usage == Usage(7, 3)
    stopped = await go_on()
    async for event in turns.events("ada", conversation.id, stopped.turn_id, offset=3):
        if isinstance(event, TurnDelta):
            await turns.cancel("ada", conversation.id, stopped.turn_id)
    assert event == TurnDone("cancelled", None, Usage(7, 3))
    stored = await Messages(database).get("ada", conversation.id, turn.assistant_message_id)
    assert (stored.content, stored.usage) == ("onetwo", Usage(7, 3))
    again = await go_on()
    assert (await ended(turns, conversation.id, again.turn_id)).usage == Usage(7, 6)
    failing = await go_on()
    assert [e async for e in turns.events("ada", conversation.id, failing.turn_id)]
    stored = await Messages(database).get("ada", conversation.id, turn.assistant_message_id)
    assert (stored.status, stored.usage) == ("error", Usage(7, 6))
    await turns.aclose()


async def test_what_cannot_go_on_is_refused_and_stays_as_it_is(database: Database) -> None:
    provider = ScriptedProvider(["half", ConflictError("It broke.", hint="Again.")])
    turns = Turns(database, provider.resolve, save_every_s=0.01)
    conversation = await Conversations(database).create("ada")
    turn = await turns.start("ada", conversation.id, content="Hi", model="m")
    async for _ in turns.events("ada", conversation.id, turn.turn_id):
        pass
    answer_id = turn.assistant_message_id
    with pytest.raises(InvalidRequestError, match="The model 'm' cannot go on with an answer"):
        await turns.start("ada", conversation.id, continue_id=answer_id, model="m")
    can = echoing(database)
    with pytest.raises(InvalidRequestError, match="goes with no `content`, `pictures` or"):
        await can.start("ada", conversation.id, continue_id=answer_id, content="and", model="echo")
    with pytest.raises(NotFoundError):
        await can.start("eve", conversation.id, continue_id=answer_id, model="echo")
    with pytest.raises(InvalidRequestError, match="There is nothing to go on with"):
        await can.start("ada", conversation.id, continue_id=turn.user_message_id, model="echo")
    stored = await Messages(database).get("ada", conversation.id, answer_id)
    assert (stored.content, stored.status) == ("half", "error")
    await turns.aclose()
    await can.aclose()


async def test_probabilities_are_told_a_while_and_not_stored(database: Database) -> None:
    """A short answer has often ended before a slow page comes to hear it."""
    turns = echoing(database)
    conversation = await Conversations(database).create("ada")
    turn = await turns.start(
        "ada", conversation.id, content="red fox", model="echo", settings=Settings(logprobs=2)
    )
    events = [e async for e in turns.events("ada", conversation.id, turn.turn_id)]
    told = [token for e in events if isinstance(e, TurnLogprobs) for token in e.tokens]
    half, quarter = round(math.log(0.5), 4), round(math.log(0.25), 4)
    assert told == [
        TokenChoice(0, "red", half, (("red", half), ("red!", quarter))),
        TokenChoice(3, " fox", half, ((" fox", half), (" fox!", quarter))),
    ]
    late = [e async for e in turns.events("ada", conversation.id, turn.turn_id)]
    assert [token for e in late if isinstance(e, TurnLogprobs) for token in e.tokens] == told
    assert (late[0], late[-1]) == (TurnDelta("red fox", 7), events[-1])
    await turns.aclose()
    turns = echoing(database)
    events = [e async for e in turns.events("ada", conversation.id, turn.turn_id)]
    assert [type(e) for e in events] == [TurnDelta, TurnDone]
    await turns.aclose()


def chosen(data: bytes, logprob: float = -0.5) -> ChosenLogprob:
    return ChosenLogprob(TokenLogprob(data.decode("utf-8", "replace"), data, logprob))


async def test_a_character_of_several_tokens_has_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte-level vocabularies cut characters; the tokens after one must not slip."""
    monkeypatch.setattr(answers, "MOST_LOGPROBS", 4)
    answer = GrowingAnswer()
    fox = "🦊".encode()
    answer.weigh([chosen(fox[:2]), chosen(fox[2:]), chosen(b"!", -math.inf)])
    answer.append("🦊!")
    answer.weigh([chosen(b"a"), chosen(b"b")])
    answer.append("ab")
    answer.end(Ending("complete", "stop"))
    assert [token.offset for token in answer.logprobs] == [0, 0, 1, 2]  # and no fifth
    assert answer.logprobs[2].logprob == answers.LEAST_LOGPROB
    events = [e async for e in answer.watch(3)]
    assert events[0] == TurnDelta("b", 4)
