"""A turn: stored before it is asked, watched by anybody, ended in every way there is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from operator import methodcaller
from pathlib import Path

import pytest

from miniclaude.chat.events import TurnDelta, TurnDone, TurnEvent, TurnFailed
from miniclaude.chat.turn import StartedTurn, Turns
from miniclaude.errors import (
    ConflictError,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    OverloadedError,
    ProviderError,
    RateLimitError,
)
from miniclaude.messages import Usage
from miniclaude.providers.base import Provider, Settings
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages, StoredMessage
from tests.chat.scripted import ScriptedProvider

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = TurnDone("complete", "stop", Usage(7, 3))


class Room:
    """A conversation of `ada`'s, and everything around it."""

    def __init__(self, database: Database, conversation_id: str) -> None:
        self.database = database
        self.id = conversation_id
        self.provider = ScriptedProvider()
        self.turns = Turns(database, self.provider.resolve, save_every_s=0.01)

    def will_say(self, *steps: str | Exception | asyncio.Event) -> None:
        self.provider.scripts.append(steps)

    async def ask(self, content: str | None = "Hello?", **options: object) -> StartedTurn:
        arguments = {"model": "m", "content": content} | options
        return await self.turns.start("ada", self.id, **arguments)  # type: ignore[arg-type]

    async def watch(self, started: StartedTurn, offset: int = 0) -> list[TurnEvent]:
        """Every event, with neighbouring deltas joined: how text is cut is left to chance."""
        events: list[TurnEvent] = []
        async for event in self.turns.events("ada", self.id, started.turn_id, offset):
            last = events[-1] if events else None
            if isinstance(event, TurnDelta) and isinstance(last, TurnDelta):
                events[-1] = TurnDelta(last.text + event.text, event.offset)
            else:
                events.append(event)
        return events

    async def answer(self, started: StartedTurn) -> StoredMessage:
        messages = Messages(self.database)
        return await messages.get("ada", self.id, started.assistant_message_id)

    async def until_stored(self, started: StartedTurn, content: str) -> None:
        while (await self.answer(started)).content != content:
            pass  # each look lets the turn run on


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    made = Room(database, (await Conversations(database).create("ada")).id)
    yield made
    await made.turns.aclose()


async def test_question_and_empty_answer_are_stored_before_the_provider_speaks(room: Room) -> None:
    gate = asyncio.Event()
    room.will_say(gate, "Hi.")
    started = await room.ask("Hello?")
    question, answer = await Messages(room.database).tree("ada", room.id)
    assert (question.id, question.content) == (started.user_message_id, "Hello?")
    assert (answer.id, answer.status) == (started.assistant_message_id, "streaming")
    assert answer.turn_id == started.turn_id
    gate.set()
    assert await room.watch(started) == [TurnDelta("Hi.", 3), COMPLETE]
    stored = await room.answer(started)
    assert (stored.content, stored.status, stored.finish_reason) == ("Hi.", "complete", "stop")
    assert (stored.prompt_tokens, stored.completion_tokens) == (7, 3)


async def test_text_reaches_the_store_while_the_answer_goes_on(room: Room) -> None:
    gate = asyncio.Event()
    room.will_say("Once upon ", gate, "a time")
    started = await room.ask()
    await room.until_stored(started, "Once upon ")
    assert (await room.answer(started)).status == "streaming"
    gate.set()
    assert await room.watch(started) == [TurnDelta("Once upon a time", 16), COMPLETE]


async def test_watchers_come_and_go_and_the_turn_does_not_care(room: Room) -> None:
    gate = asyncio.Event()
    room.will_say("one ", "two ", gate, "thrée")
    started = await room.ask()
    watcher = room.turns.events("ada", room.id, started.turn_id)
    assert isinstance(await anext(watcher), TurnDelta)
    await watcher.aclose()
    late = [asyncio.create_task(room.watch(started, offset)) for offset in (0, 4, 8, 13, 99)]
    await asyncio.sleep(0)
    gate.set()
    heard = [await watch for watch in late]
    assert heard[0] == [TurnDelta("one two thrée", 13), COMPLETE]
    assert heard[1] == [TurnDelta("two thrée", 13), COMPLETE]
    assert heard[2] == [TurnDelta("thrée", 13), COMPLETE]
    assert heard[3] == heard[4] == [COMPLETE]


async def test_an_ended_turn_is_served_from_the_store_by_another_process(room: Room) -> None:
    room.will_say("one 👋 two")
    started = await room.ask()
    await room.watch(started)
    another = Room(room.database, room.id)
    assert await another.watch(started) == [TurnDelta("one 👋 two", 9), COMPLETE]
    assert await another.watch(started, 5) == [TurnDelta(" two", 9), COMPLETE]
    assert await another.watch(started, 9) == [COMPLETE]


async def test_a_turn_runs_on_without_watchers(room: Room) -> None:
    room.will_say("done")
    started = await room.ask()
    await room.until_stored(started, "done")


async def test_cancel_keeps_the_part_and_lets_the_provider_go(room: Room) -> None:
    room.will_say("some ", "words", asyncio.Event())
    started = await room.ask()
    watcher = asyncio.create_task(room.watch(started))
    await room.until_stored(started, "some words")
    await room.turns.cancel("ada", room.id, started.turn_id)
    assert (await room.answer(started)).status == "cancelled"
    assert await watcher == [TurnDelta("some words", 10), TurnDone("cancelled")]
    assert room.provider.closed == 1
    await room.turns.cancel("ada", room.id, started.turn_id)
    assert await room.watch(started, 5) == [TurnDelta("words", 10), TurnDone("cancelled")]


async def test_cancel_before_the_first_word(room: Room) -> None:
    room.will_say(asyncio.Event())
    started = await room.ask()
    await room.turns.cancel("ada", room.id, started.turn_id)
    assert await room.watch(started) == [TurnDone("cancelled")]
    assert (await room.answer(started)).content == ""


async def test_a_providers_error_ends_the_turn_and_keeps_the_part(room: Room) -> None:
    room.will_say("half a ", ProviderError("Upstream fell over.", hint="Try later.", status=529))
    started = await room.ask()
    error = {
        "message": "Upstream fell over.",
        "hint": "Try later.",
        "code": "provider_error",
        "param": None,
    }
    assert await room.watch(started) == [TurnDelta("half a ", 7), TurnFailed(error)]
    assert await room.watch(started, 7) == [TurnFailed(error)]
    stored = await room.answer(started)
    assert (stored.status, stored.content, stored.error) == ("error", "half a ", error)


async def test_a_fault_of_our_own_is_told_without_its_insides(room: Room) -> None:
    room.will_say(ValueError("secret /etc/shadow"))
    started = await room.ask()
    (event,) = await room.watch(started)
    assert isinstance(event, TurnFailed)
    assert event.error["code"] == "internal_error"
    assert "secret" not in str(event.error)


async def test_a_stream_that_breaks_off_is_an_error_not_a_short_answer(room: Room) -> None:
    room.provider.ends_well = False
    room.will_say("and then")
    started = await room.ask()
    *_, event = await room.watch(started)
    assert isinstance(event, TurnFailed)
    assert "broke off" in event.error["message"]


async def test_answering_again_makes_a_sibling(room: Room) -> None:
    room.will_say("first")
    room.will_say("second")
    started = await room.ask("Why?")
    await room.watch(started)
    again = await room.ask(None, parent_id=started.user_message_id)
    await room.watch(again)
    assert again.user_message_id == started.user_message_id
    tree = await Messages(room.database).tree("ada", room.id)
    assert [(m.content, m.parent_id) for m in tree[1:]] == [
        ("first", started.user_message_id),
        ("second", started.user_message_id),
    ]
    assert [m.text for m in room.provider.requests[1].messages] == ["Why?"]


async def test_only_the_branch_is_sent(room: Room) -> None:
    for answer in ("1", "2", "ii"):
        room.will_say(answer)
    first = await room.ask("one")
    await room.watch(first)
    await room.watch(await room.ask("two"))
    edited = await room.ask("zwei", parent_id=first.assistant_message_id, system="Be brief.")
    await room.watch(edited)
    assert [m.text for m in room.provider.requests[1].messages] == ["one", "1", "two"]
    assert {request.user for request in room.provider.requests} == {"ada"}
    assert [m.text for m in room.provider.requests[2].messages] == ["Be brief.", "one", "1", "zwei"]


async def test_two_branches_are_answered_at_once(room: Room) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    for number, gate in enumerate(gates):
        room.will_say(f"answer {number}", gate, "!")
    one = await room.ask("one")
    with pytest.raises(ConflictError, match="still being written"):
        await room.ask("under the unfinished answer")
    two = await room.ask("two", parent_id=None)
    await room.until_stored(one, "answer 0")
    await room.until_stored(two, "answer 1")
    for started, gate in ((two, gates[1]), (one, gates[0])):
        gate.set()
        assert (await room.watch(started))[-1] == COMPLETE


async def test_an_owner_has_so_many_turns_at_once(room: Room) -> None:
    room.turns = Turns(room.database, room.provider.resolve, most_live=2)
    for _ in range(2):
        room.will_say("well…", asyncio.Event())
        last = await room.ask(parent_id=None)
        await room.until_stored(last, "well…")
    with pytest.raises(RateLimitError, match="2 answers are being written already"):
        await room.ask(parent_id=None)
    await room.turns.cancel("ada", room.id, last.turn_id)
    room.will_say("ok")
    assert (await room.watch(await room.ask(parent_id=None)))[-1] == COMPLETE


async def test_the_oldest_history_goes_when_the_context_is_short(room: Room) -> None:
    room.provider.context = 120
    for number in range(6):
        room.will_say("x" * 60)
        await room.watch(await room.ask(f"question {number} " + "y" * 60))
    sent = room.provider.requests[-1].messages
    assert sent[-1].text.startswith("question 5")
    assert sent[0].role == "user"
    assert len(sent) < 11


async def test_history_is_cut_further_while_the_provider_says_it_is_too_long(room: Room) -> None:
    """The estimate of tokens may be wrong, and a remote model's context unknown."""
    too_long = ContextLengthError("Too long: 90 of 50 tokens.", hint="Shorten it.")
    for number in range(4):
        room.will_say("fine")
        await room.watch(await room.ask(f"question {number}"))
    room.will_say(too_long)
    room.will_say(too_long)
    room.will_say("phew")
    started = await room.ask("question 4")
    assert (await room.watch(started))[-1] == COMPLETE
    lengths = [len(request.messages) for request in room.provider.requests[4:]]
    assert lengths[0] == 9
    assert lengths == sorted(set(lengths), reverse=True)


async def test_one_message_too_long_for_the_model_is_the_turns_error(room: Room) -> None:
    room.will_say(ContextLengthError("Too long: 90 of 50 tokens.", hint="Shorten it."))
    (event,) = await room.watch(await room.ask())
    assert isinstance(event, TurnFailed)
    assert event.error["code"] == "context_length_exceeded"


async def test_what_cannot_be_asked_is_refused_and_nothing_is_stored(room: Room) -> None:
    def nobody(model: str) -> tuple[Provider, str]:
        raise ModelNotFoundError(f"No model `{model}`.", hint="See `mini-claude models`.")

    with pytest.raises(ModelNotFoundError):
        await Turns(room.database, nobody).start("ada", room.id, content="hi", model="nope")
    for settings, said in (
        (Settings(n=2), "one answer"),
        (Settings(temperature=float("nan")), "not a finite number"),
        (Settings(stop=("\ud800",)), "`stop` contains"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            await room.ask(settings=settings)
    with pytest.raises(InvalidRequestError, match="`system` contains"):
        await room.ask(system="\x00")
    with pytest.raises(InvalidRequestError, match="`content` is empty"):
        await room.ask("  ")
    with pytest.raises(NotFoundError):
        await room.turns.start("eve", room.id, content="hi", model="m")
    assert await Messages(room.database).tree("ada", room.id) == []


async def test_settings_are_sent_and_stored(room: Room) -> None:
    room.will_say("ok")
    chosen = Settings(temperature=0.0, max_tokens=5, logit_bias={7: -1.0})
    started = await room.ask(settings=chosen)
    await room.watch(started)
    assert room.provider.requests[0].settings == chosen
    stored = (await room.answer(started)).settings
    assert stored == {"temperature": 0.0, "max_tokens": 5, "logit_bias": {"7": -1.0}}


async def test_other_owners_and_conversations_do_not_see_a_turn(room: Room) -> None:
    gate = asyncio.Event()
    room.will_say("secret", gate)
    started = await room.ask()
    other = await Conversations(room.database).create("ada")
    for _ in range(2):  # once live, once ended
        for owner, conversation_id in (("eve", room.id), ("ada", other.id), ("ada", new_id())):
            with pytest.raises(NotFoundError):
                await anext(room.turns.events(owner, conversation_id, started.turn_id))
            with pytest.raises(NotFoundError):
                await room.turns.cancel(owner, conversation_id, started.turn_id)
            with pytest.raises(NotFoundError):
                await room.turns.length(owner, conversation_id, started.turn_id)
        assert await room.turns.length("ada", room.id, started.turn_id) <= len("secret")
        gate.set()
        await room.watch(started)
    with pytest.raises(InvalidRequestError, match="`offset` is -1"):
        await room.watch(started, -1)


async def test_deleting_the_conversation_stops_the_turn_quietly(room: Room) -> None:
    gate = asyncio.Event()
    room.will_say("one", gate, "two", asyncio.Event())
    started = await room.ask()
    await room.until_stored(started, "one")
    await Conversations(room.database).delete("ada", room.id)
    gate.set()
    assert (await room.watch(started))[-1] == TurnDone("cancelled")
    assert room.provider.closed == 1


async def test_a_caller_who_hangs_up_at_once_is_answered_all_the_same(room: Room) -> None:
    room.will_say("here it is")
    asking = asyncio.create_task(room.ask("Are you there?"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    messages = Messages(room.database)
    while not [m for m in await messages.tree("ada", room.id) if m.content == "here it is"]:
        pass  # each look lets the turn run on


async def test_closing_interrupts_and_saves(room: Room) -> None:
    room.will_say("as far as", asyncio.Event())
    started = await room.ask()
    watcher = room.turns.events("ada", room.id, started.turn_id)
    await anext(watcher)
    await room.turns.aclose()
    assert [event async for event in watcher] == [TurnDone("interrupted")]
    stored = await room.answer(started)
    assert (stored.status, stored.content) == ("interrupted", "as far as")
    with pytest.raises(OverloadedError, match="shutting down"):
        await room.ask(parent_id=None)
    await room.turns.aclose()


async def test_a_disk_that_fills_up_ends_the_turn_and_loses_nothing(tmp_path: Path) -> None:
    """The end is kept in memory and stored once there is room again."""
    database = await Database.open(f"sqlite:///{tmp_path}/chat.db")
    room = Room(database, (await Conversations(database).create("ada")).id)
    gate = asyncio.Event()
    room.will_say("short ", gate, "long " * 20_000, asyncio.Event())
    started = await room.ask()
    await room.until_stored(started, "short ")
    await database.write(methodcaller("exec_driver_sql", "PRAGMA max_page_count = 1"))
    gate.set()
    delta, failed = await room.watch(started)
    assert isinstance(delta, TurnDelta)
    assert delta.offset == 100_006
    assert isinstance(failed, TurnFailed)
    assert failed.error["code"] == "disk_full"
    assert (await room.answer(started)).content == "short "
    await database.write(methodcaller("exec_driver_sql", "PRAGMA max_page_count = 1000000"))
    room.will_say("fine again")
    assert (await room.watch(await room.ask()))[-1] == COMPLETE
    stored = await room.answer(started)
    assert (stored.status, len(stored.content)) == ("error", 100_006)
    await room.turns.aclose()
    await database.close()


def test_kill_9_in_the_middle_of_an_answer_loses_at_most_a_moment(database_url: str) -> None:
    """The user's message and the partial answer are there, marked interrupted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chat.killed_server", database_url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    ids = process.stdout.readline().split()
    process.kill()
    process.communicate()
    assert ids
    asyncio.run(look_at_what_is_left(database_url, *ids))


async def look_at_what_is_left(url: str, conversation_id: str, turn_id: str) -> None:
    database = await Database.open(url)
    turns = Turns(database, ScriptedProvider().resolve)
    assert await turns.recover() == 1
    question, answer = await Messages(database).tree("ada", conversation_id)
    assert (question.content, question.status) == ("Count, please.", "complete")
    assert answer.status == "interrupted"
    assert answer.content.startswith("0 1 2 ")
    events = [event async for event in turns.events("ada", conversation_id, turn_id, 2)]
    length = len(answer.content)
    assert events == [TurnDelta(answer.content[2:], length), TurnDone("interrupted")]
    await turns.aclose()
    await database.close()
