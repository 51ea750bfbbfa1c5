"""What a turn writes, and when it may not."""

from __future__ import annotations

import asyncio

import pytest

from miniclaude.errors import ConflictError, InvalidRequestError, NotFoundError
from miniclaude.messages import Usage
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages
from miniclaude.store.turns import Ending, TurnStore, make_title
from tests.store.saying import say

pytestmark = pytest.mark.anyio


async def test_question_and_streaming_answer_are_committed_together(database: Database) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada")
    said = await say(database, "ada", made.id, "Why?", answer="Bec", ending=None)
    question, answer = await Messages(database).tree("ada", made.id)
    assert (question.content, question.role, question.status) == ("Why?", "user", "complete")
    assert (answer.content, answer.role, answer.status) == ("Bec", "assistant", "streaming")
    assert (answer.parent_id, answer.turn_id, answer.model) == (question.id, said.turn_id, "echo")
    now = await conversations.get("ada", made.id)
    assert (now.head_id, now.title) == (answer.id, "Why?")
    assert now.updated_at >= made.updated_at


async def test_the_end_is_stored_with_its_reason_and_counts(database: Database) -> None:
    made = await Conversations(database).create("ada")
    ending = Ending("complete", "length", Usage(3, 5, 2))
    said = await say(database, "ada", made.id, "Hi", answer="Hello\x00", ending=ending)
    stored = await TurnStore(database).get("ada", made.id, said.turn_id)
    assert (stored.content, stored.status) == ("Hello\ufffd", "complete")
    assert stored.finish_reason == "length"
    assert (stored.usage, stored.error) == (Usage(3, 5, 2), None)


async def test_an_ended_or_deleted_answer_takes_no_more_text(database: Database) -> None:
    """A late write must not bring back the status `streaming`, nor somebody else's row."""
    turns, conversations = TurnStore(database), Conversations(database)
    made = await conversations.create("ada")
    said = await say(database, "ada", made.id, "Hi", answer="Hello")
    assert not await turns.save("ada", said.turn_id, "late")
    assert not await turns.finish("ada", said.turn_id, "late", Ending("cancelled"))
    live = await say(database, "ada", made.id, "Hi", answer="Hello", ending=None)
    assert not await turns.save("eve", live.turn_id, "not yours")
    await conversations.delete("ada", made.id)
    assert not await turns.save("ada", live.turn_id, "gone")


async def test_a_message_cannot_follow_an_unfinished_answer(database: Database) -> None:
    made = await Conversations(database).create("ada")
    live = await say(database, "ada", made.id, "one", answer="1", ending=None)
    with pytest.raises(ConflictError, match="still being written"):
        await say(database, "ada", made.id, "two")
    await say(database, "ada", made.id, "another branch", parent_id=None)
    await say(database, "ada", made.id, None, parent_id=live.user_id)


async def test_only_a_users_message_can_be_answered_again(database: Database) -> None:
    made = await Conversations(database).create("ada")
    with pytest.raises(InvalidRequestError, match="nothing to answer"):
        await say(database, "ada", made.id, None)
    said = await say(database, "ada", made.id, "one")
    with pytest.raises(InvalidRequestError, match="not a user's message"):
        await say(database, "ada", made.id, None, parent_id=said.answer_id)
    with pytest.raises(NotFoundError, match="no such message"):
        await say(database, "ada", made.id, None, parent_id=new_id())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("a\x00", "NUL character at character 1"),
        ("\ud83d", "half of a surrogate pair"),
        ("x" * 1_000_001, "the most is 1,000,000"),
    ],
)
async def test_a_bad_question_leaves_nothing_behind(
    database: Database, content: str, said: str
) -> None:
    made = await Conversations(database).create("ada")
    with pytest.raises(InvalidRequestError, match=said):
        await say(database, "ada", made.id, content)
    assert await Messages(database).tree("ada", made.id) == []


async def test_interrupt_sweeps_up_what_a_dead_process_left(database: Database) -> None:
    turns = TurnStore(database)
    made = await Conversations(database).create("ada")
    done = await say(database, "ada", made.id, "one")
    left = await say(database, "ada", made.id, "two", answer="half an ans", ending=None)
    assert await turns.interrupt() == 1
    assert await turns.interrupt() == 0
    stored = await turns.get("ada", made.id, left.turn_id)
    assert (stored.status, stored.content) == ("interrupted", "half an ans")
    assert (await turns.get("ada", made.id, done.turn_id)).status == "complete"


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("\n\n  Fix   this:\n  code", "Fix this:"),
        ("word " * 30, " ".join(["word"] * 12) + "…"),
        ("x" * 200, "x" * 60 + "…"),
        ("short " + "x" * 200, "short " + "x" * 54 + "…"),
        ("日本語" * 40, "日本語" * 20 + "…"),
        ("a" * 60, "a" * 60),
    ],
)
def test_a_title_is_the_first_line_cut_between_words(content: str, title: str) -> None:
    assert make_title(content) == title


async def test_a_title_somebody_chose_is_kept(database: Database) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada", "Mine")
    await say(database, "ada", made.id, "Something else")
    assert (await conversations.get("ada", made.id)).title == "Mine"


async def test_two_questions_at_once_cannot_follow_one_answer(database: Database) -> None:
    """Both would read the same head; the second must see the first's unfinished answer, not
    become its silent sibling."""
    conversations, messages = Conversations(database), Messages(database)
    for _ in range(5):
        made = await conversations.create("ada")
        asked = await asyncio.gather(
            *(say(database, "ada", made.id, f"question {n}", ending=None) for n in range(4)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, ConflictError) for result in asked) == 3
        assert len(await messages.tree("ada", made.id)) == 2


async def test_a_question_to_a_conversation_that_is_being_deleted(database: Database) -> None:
    """It is asked before or refused as not found; never a failure of the database."""
    conversations = Conversations(database)
    for _ in range(5):
        made = await conversations.create("ada")
        asked, deleted = await asyncio.gather(
            TurnStore(database).begin(
                "ada",
                made.id,
                turn_id=new_id(),
                content="Hi",
                parent_id=None,
                model="echo",
                settings={},
            ),
            conversations.delete("ada", made.id),
            return_exceptions=True,
        )
        assert deleted is None
        assert not isinstance(asked, BaseException) or isinstance(asked, NotFoundError)
