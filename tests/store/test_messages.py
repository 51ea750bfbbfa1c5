"""The tree: branches from root to leaf, as deep as people talk."""

from __future__ import annotations

from functools import partial
from operator import methodcaller

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from miniclaude.errors import NotFoundError, StoreError
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages, StoredMessage, insert_messages
from miniclaude.store.tables import messages as messages_table
from miniclaude.store.transfer import export_conversation, import_conversation
from tests.store.saying import say

pytestmark = pytest.mark.anyio


def row(conversation_id: str, parent_id: str | None, content: str) -> StoredMessage:
    return StoredMessage(
        new_id(), conversation_id, parent_id, "user", content, "complete", None, 1.5
    )


async def test_a_branch_is_the_way_from_the_root_to_a_leaf(database: Database) -> None:
    messages = Messages(database)
    made = await Conversations(database).create("ada")
    first = await say(database, "ada", made.id, "one", answer="1")
    left = await say(database, "ada", made.id, "two", answer="2")
    right = await say(database, "ada", made.id, "zwei", parent_id=first.answer_id, answer="ii")
    again = await say(database, "ada", made.id, None, parent_id=right.user_id, answer="II")

    async def said(leaf: str) -> list[str]:
        return [m.content for m in await messages.branch("ada", made.id, leaf)]

    assert await said(left.answer_id) == ["one", "1", "two", "2"]
    assert await said(right.answer_id) == ["one", "1", "zwei", "ii"]
    assert await said(again.answer_id) == ["one", "1", "zwei", "II"]
    assert await said(first.user_id) == ["one"]
    tree = await messages.tree("ada", made.id)
    assert [m.content for m in tree] == ["one", "1", "two", "2", "zwei", "ii", "II"]
    assert await messages.get("ada", made.id, tree[3].id) == tree[3]


async def test_parents_come_first_also_after_the_clock_was_set_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids made after that sort before their parents'; an export in such an order cannot be
    imported again."""
    made = await Conversations(database).create("ada")
    first = await say(database, "ada", made.id, "one")
    earlier = (f"{number:032x}" for number in range(9))
    monkeypatch.setattr("miniclaude.store.turns.new_id", lambda: next(earlier))
    await say(database, "ada", made.id, "two")
    tree = await Messages(database).tree("ada", made.id)
    assert [message.content for message in tree] == ["one", "fine", "two", "fine"]
    assert tree[2].parent_id == first.answer_id
    document = await export_conversation(database, "ada", made.id)
    copy = await import_conversation(database, "ada", document)
    assert [m.content for m in await Messages(database).tree("ada", copy.id)] == [
        message.content for message in tree
    ]


async def test_a_branch_of_5000_messages_loads_and_goes(database: Database) -> None:
    """A walk that recurses, in Python or in a foreign key, stops at 1,000."""
    conversations, messages = Conversations(database), Messages(database)
    made = await conversations.create("ada")
    rows: list[StoredMessage] = []
    for number in range(5000):
        rows.append(row(made.id, rows[-1].id if rows else None, str(number)))
    await database.write(lambda connection: insert_messages(connection, "ada", rows))
    branch = await messages.branch("ada", made.id, rows[-1].id)
    assert [m.content for m in branch] == [str(number) for number in range(5000)]
    assert len(await messages.tree("ada", made.id)) == 5000
    await conversations.delete("ada", made.id)
    with pytest.raises(NotFoundError):
        await messages.tree("ada", made.id)


async def test_a_parent_is_of_the_same_conversation_and_owner(database: Database) -> None:
    """Held by the database itself, whatever the code above it does."""
    conversations = Conversations(database)
    mine, other = await conversations.create("ada"), await conversations.create("ada")
    root = row(mine.id, None, "root")
    await database.write(lambda connection: insert_messages(connection, "ada", [root]))
    for owner, wrong in (
        ("ada", row(other.id, root.id, "parent elsewhere")),
        ("eve", row(mine.id, None, "another owner's conversation")),
        ("ada", row(new_id(), None, "no conversation")),
    ):
        with pytest.raises(StoreError) as raised:
            await database.write(partial(insert_messages, owner=owner, rows=[wrong]))
        assert isinstance(raised.value.__cause__, IntegrityError)


async def test_role_and_status_are_of_the_known_ones(database: Database) -> None:
    made = await Conversations(database).create("ada")
    for column in ("role", "status"):
        values = {
            "id": new_id(),
            "conversation_id": made.id,
            "owner": "ada",
            "role": "user",
            "content": "",
            "status": "complete",
            "created_at": 0.0,
        } | {column: "robot"}
        statement = insert(messages_table).values(values)
        with pytest.raises(StoreError):
            await database.write(methodcaller("execute", statement))
