"""Opening a database: what can be wrong with it, said so that a person can mend it."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import DiskFullError, NotFoundError, StoreError
from miniclaude.store.conversations import Conversations, fetch_conversation
from miniclaude.store.database import Database
from miniclaude.store.messages import fetch_tree
from miniclaude.store.whole import read_whole
from tests.store.saying import say

pytestmark = pytest.mark.anyio

OPEN = """
import asyncio, sys
from miniclaude.store.database import Database
async def main():
    await (await Database.open(sys.argv[1])).close()
asyncio.run(main())
"""


async def sql(database: Database, statement: str) -> CursorResult[Any]:
    return await database.write(lambda connection: connection.exec_driver_sql(statement))


async def test_what_was_committed_is_there_after_reopening(database_url: str) -> None:
    first = await Database.open(database_url)
    made = await Conversations(first).create("ada", "Kept")
    await first.close()
    await first.close()
    second = await Database.open(database_url)
    assert await Conversations(second).get("ada", made.id) == made
    await second.close()


async def test_processes_that_open_a_new_database_at_once_take_turns(database_url: str) -> None:
    """Without a lock each would run the first migration, and all but one would fail."""
    opened = [
        subprocess.Popen([sys.executable, "-c", OPEN, database_url], stderr=subprocess.PIPE)  # noqa: ASYNC220
        for _ in range(3)
    ]
    for process in opened:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()


async def test_sqlite_is_set_up_for_durability_and_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    database = await Database.open(f"sqlite:///{path}")
    names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    found = [(await sql(database, f"PRAGMA {name}")).scalar() for name in names]
    assert found == ["wal", 1, 1, 20_000]
    with pytest.raises(StoreError, match="May not write"):
        await database.read(lambda c: c.exec_driver_sql("DELETE FROM conversations"))
    await database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_read_is_of_one_moment(database: Database) -> None:
    """On PostgreSQL each statement saw what had been committed by then: a conversation deleted
    while it was exported was a fault of the server's, one that was opened had no messages."""
    conversations = Conversations(database)
    made = await conversations.create("ada")
    said = await say(database, "ada", made.id, "Hello")

    async def read(connection: AsyncConnection) -> list[str]:
        await fetch_conversation(connection, "ada", made.id)
        await conversations.delete("ada", made.id)
        return [row.id for row in await fetch_tree(connection, "ada", made.id)]

    assert said.answer_id in await database.read(read)
    with pytest.raises(NotFoundError):
        await read_whole(database, "ada", made.id)


async def test_many_writers_wait_for_each_other(database: Database) -> None:
    """With a connection each, SQLite answers `database is locked`."""
    conversations = Conversations(database)
    made = await asyncio.gather(*(conversations.create("ada", str(n)) for n in range(50)))
    assert len({conversation.id for conversation in made}) == 50
    assert len((await conversations.list("ada", limit=200)).conversations) == 50


async def test_a_caller_who_hangs_up_leaves_the_database_usable(database: Database) -> None:
    """A request that is cancelled mid-query must give its connection, and its lock, back."""
    conversations = Conversations(database)
    chance = random.Random(1)
    tasks = [asyncio.create_task(conversations.create("ada", str(n))) for n in range(60)]
    for task in tasks:
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        if chance.random() < 0.6:
            task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    kept = {c.id for c in done if not isinstance(c, BaseException)}
    assert {type(c) for c in done if isinstance(c, BaseException)} <= {asyncio.CancelledError}
    await conversations.create("ada", "after")
    listed = {c.id for c in (await conversations.list("ada", limit=200)).conversations}
    assert kept < listed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://user:hunter2@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://user:hunter2@host:port/db",
        "postgresql://user:hunter2@[::1/db",
    ],
)
async def test_a_url_we_cannot_open_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match="not one that Mini-Claude can open") as raised:
        await Database.open(url)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_a_server_out_of_reach_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match="Cannot reach the database") as raised:
        await Database.open("postgres://ada:hunter2@127.0.0.1:1/chat?password=hunter3")
    said = str(raised.value)
    assert "postgresql://ada@127.0.0.1:1/chat" in said
    assert "hunter" not in said
    assert "Check that the server runs" in said


@pytest.mark.postgres
async def test_a_database_that_a_server_does_not_have_is_named(postgresql_url: str) -> None:
    with pytest.raises(StoreError, match=r'Cannot reach .*database "nowhere" does not exist'):
        await Database.open(re.sub(r"/test_\d+", "/nowhere", postgresql_url))


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one " * 50])
async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chat.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a database: .*chat\.db.*put a backup"):
        await Database.open(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_a_corrupt_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    database = await Database.open(f"sqlite:///{path}")
    made = await Conversations(database).create("ada", "Lost")
    for number in range(20):
        await say(database, "ada", made.id, f"{number} " * 500)
    await database.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"corrupt: .*chat\.db.*put a backup"):
        await Database.open(f"sqlite:///{path}")


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Cannot open the database .*nowhere/chat\.db.*exists"):
        await Database.open(f"sqlite:///{tmp_path}/nowhere/chat.db")
    with pytest.raises(StoreError, match="Cannot open the database"):
        await Database.open(f"sqlite:///{tmp_path}")


async def test_a_database_held_by_another_program_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miniclaude.store.database._WAIT_S", 0)
    database = await Database.open(f"sqlite:///{tmp_path}/chat.db")
    other = sqlite3.connect(tmp_path / "chat.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="Another program is holding"):
        await Conversations(database).create("ada")
    other.close()
    await Conversations(database).create("ada")
    await database.close()


async def test_a_full_disk_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/chat.db")
    conversations = Conversations(database)
    made = await conversations.create("ada", "Kept")
    await sql(database, "PRAGMA max_page_count = 1")  # what there is, no more
    with pytest.raises(DiskFullError, match=r"No space is left to write to .*chat\.db") as raised:
        await say(database, "ada", made.id, "much " * 20_000)
    assert "Free some space" in raised.value.hint
    assert await conversations.get("ada", made.id) == made
    await sql(database, "PRAGMA max_page_count = 1000000")
    await say(database, "ada", made.id, "much " * 20_000)
    await database.close()


@pytest.mark.postgres
async def test_a_full_disk_is_told_apart_on_postgresql(postgresql_url: str) -> None:
    database = await Database.open(postgresql_url)
    with pytest.raises(DiskFullError, match="No space is left to write to postgresql://"):
        await sql(database, "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$")
    await database.close()


@pytest.mark.postgres
async def test_a_connection_that_the_server_drops_is_replaced(postgresql_url: str) -> None:
    """A restart of PostgreSQL must not need one of Mini-Claude."""
    database = await Database.open(postgresql_url)
    with pytest.raises(StoreError, match="Cannot reach the database"):
        await sql(database, "SELECT pg_terminate_backend(pg_backend_pid())")
    made = await Conversations(database).create("ada", "After the restart")
    await Conversations(database).delete("ada", made.id)
    await database.close()
