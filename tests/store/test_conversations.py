"""Conversations: whose they are, their order, their pages."""

from __future__ import annotations

import pytest

from miniclaude.errors import InvalidRequestError, NotFoundError
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages
from tests.store.saying import say

pytestmark = pytest.mark.anyio


async def titles(conversations: Conversations, before: str | None = None) -> list[str]:
    return [c.title for c in (await conversations.list("ada", before=before)).conversations]


async def test_what_was_created_is_found_again(database: Database) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada", "Tea")
    assert await conversations.get("ada", made.id) == made
    assert (made.title, made.pinned, made.archived, made.head_id) == ("Tea", False, False, None)


async def test_another_owner_sees_nothing_and_changes_nothing(database: Database) -> None:
    conversations, messages = Conversations(database), Messages(database)
    made = await conversations.create("ada", "Secret")
    said = await say(database, "ada", made.id, "the password is swordfish")
    for attempt in (
        conversations.get("eve", made.id),
        conversations.update("eve", made.id, title="mine"),
        conversations.delete("eve", made.id),
        messages.tree("eve", made.id),
        messages.get("eve", made.id, said.user_id),
        messages.branch("eve", made.id, said.answer_id),
    ):
        with pytest.raises(NotFoundError, match="There is no such"):
            await attempt
    assert not (await conversations.list("eve")).conversations
    assert not (await conversations.list("eve", query="swordfish")).conversations
    assert (await conversations.get("ada", made.id)).title == "Secret"


@pytest.mark.parametrize("odd", ["", "x", "\x00", "\ud800", "A" * 32, "0" * 31, "0" * 33, "0" * 32])
async def test_an_id_of_any_shape_is_just_not_there(database: Database, odd: str) -> None:
    """NUL makes PostgreSQL refuse the query, a lone surrogate makes SQLite: both were 5xx."""
    conversations = Conversations(database)
    made = await conversations.create("ada")
    for attempt in (
        conversations.get("ada", odd),
        conversations.delete("ada", odd),
        conversations.list("ada", before=odd),
        conversations.update("ada", made.id, head_id=odd),
        Messages(database).branch("ada", odd, new_id()),
        Messages(database).branch("ada", made.id, odd),
    ):
        with pytest.raises(NotFoundError):
            await attempt


async def test_only_what_is_given_changes(database: Database) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada", "Old")
    changed = await conversations.update("ada", made.id, title="New", pinned=True)
    assert (changed.title, changed.pinned, changed.archived) == ("New", True, False)
    assert changed.updated_at == made.updated_at
    assert await conversations.update("ada", made.id) == changed


async def test_the_head_is_a_message_of_the_same_conversation(database: Database) -> None:
    conversations = Conversations(database)
    one, other = await conversations.create("ada"), await conversations.create("ada")
    said = await say(database, "ada", one.id, "hello")
    await conversations.update("ada", one.id, head_id=said.user_id)
    assert (await conversations.get("ada", one.id)).head_id == said.user_id
    with pytest.raises(NotFoundError, match="There is no such message"):
        await conversations.update("ada", other.id, head_id=said.user_id)
    assert (await conversations.update("ada", one.id, head_id=None)).head_id is None


async def test_delete_takes_a_deep_tree_along(database: Database) -> None:
    """Deleting by cascade along the parents stops at SQLite's 1,000 levels of recursion."""
    conversations = Conversations(database)
    made = await conversations.create("ada", "Doomed")
    for _ in range(3):
        await say(database, "ada", made.id, "again")
    await conversations.delete("ada", made.id)
    for attempt in (conversations.get("ada", made.id), Messages(database).tree("ada", made.id)):
        with pytest.raises(NotFoundError):
            await attempt
    assert not (await conversations.list("ada", query="again")).conversations


async def test_pinned_first_then_the_last_used(database: Database) -> None:
    conversations = Conversations(database)
    made = [await conversations.create("ada", title) for title in "abcd"]
    await say(database, "ada", made[0].id, "bump")
    await conversations.update("ada", made[1].id, pinned=True)
    await conversations.update("ada", made[2].id, archived=True)
    assert await titles(conversations) == ["b", "a", "d"]
    archived = await conversations.list("ada", archived=True)
    assert [c.title for c in archived.conversations] == ["c"]
    assert len((await conversations.list("ada", archived=None)).conversations) == 4


async def test_pages_neither_repeat_nor_skip_while_the_list_changes(database: Database) -> None:
    """With an offset for a cursor, a conversation that moves to the top shifts the next page."""
    conversations = Conversations(database)
    made = [await conversations.create("ada", str(number)) for number in range(10)]
    await conversations.update("ada", made[4].id, pinned=True)
    first = await conversations.list("ada", limit=4)
    assert [c.title for c in first.conversations] == ["4", "9", "8", "7"]
    assert first.has_more
    await say(database, "ada", made[7].id, "moves to the top")
    await conversations.delete("ada", made[8].id)
    second = await conversations.list("ada", limit=4, before=first.next_before)
    assert [c.title for c in second.conversations] == ["6", "5", "3", "2"]
    third = await conversations.list("ada", limit=4, before=second.next_before)
    assert [c.title for c in third.conversations] == ["1", "0"]
    assert (third.has_more, third.next_before) == (False, None)


async def test_a_page_may_also_go_on_from_an_id(database: Database) -> None:
    conversations = Conversations(database)
    made = [await conversations.create("ada", str(number)) for number in range(5)]
    assert await titles(conversations, before=made[2].id) == ["1", "0"]


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_a_size_within_bounds(database: Database, limit: int) -> None:
    with pytest.raises(InvalidRequestError, match="from 1 to 200"):
        await Conversations(database).list("ada", limit=limit)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("a\x00b", "`title` contains a NUL character at character 1"),
        ("ab\udfff", "`title` contains half of a surrogate pair at character 2"),
        ("a" * 201, "`title` has 201 characters; the most is 200"),
    ],
)
async def test_a_title_that_cannot_be_stored_is_refused(
    database: Database, title: str, said: str
) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada")
    for attempt in (
        conversations.create("ada", title),
        conversations.update("ada", made.id, title=title),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            await attempt
    assert await titles(conversations) == [""]
