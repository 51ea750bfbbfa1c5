"""Migrations make the tables that the code believes in, and stop where they know no further."""

from __future__ import annotations

import asyncio
import sqlite3
from operator import methodcaller
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from miniclaude.errors import StoreError
from miniclaude.messages import Usage
from miniclaude.store.conversations import Conversations, listing
from miniclaude.store.database import Database
from miniclaude.store.tables import conversations, metadata
from miniclaude.store.turns import Ending, TurnStore
from tests.store.saying import say

pytestmark = pytest.mark.anyio


def differences(connection: Connection) -> list[object]:
    """What autogenerate would change, apart from the full-text indexes' own tables."""

    def ours(_thing: object, name: str | None, *_rest: object) -> bool:
        return "_search" not in (name or "")

    context = MigrationContext.configure(
        connection, opts={"include_object": ours, "compare_type": True}
    )
    return list(compare_metadata(context, metadata))


async def test_the_migrated_schema_is_the_one_in_tables(database: Database) -> None:
    assert await database.read(lambda connection: connection.run_sync(differences)) == []


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    made = await Conversations(database).create("ada", "From the future")
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(newer))
    await database.close()
    with pytest.raises(StoreError, match=r"newer Mini-Claude .*9999.*knows up to 0007") as raised:
        await Database.open(database_url)
    assert "Upgrade Mini-Claude" in raised.value.hint
    assert made.title


async def test_answers_of_an_older_version_are_kept(database_url: str) -> None:
    """They do not say how much of their prompt was cached: of that, nothing."""
    database = await Database.open(database_url)
    made = await Conversations(database).create("ada")
    said = await say(
        database, "ada", made.id, "Hi", ending=Ending("complete", "stop", Usage(3, 5, 2))
    )
    for statement in (
        "ALTER TABLE messages DROP COLUMN cached_tokens",
        "DROP INDEX conversations_folders",
        "ALTER TABLE conversations DROP COLUMN folder",
        "DROP TABLE pictures",
        "DROP TABLE ratings",
        "ALTER TABLE conversations DROP COLUMN settings",
        "DROP TABLE presets",
        "UPDATE alembic_version SET version_num = '0003'",
    ):
        await database.write(methodcaller("execute", text(statement)))
    await database.close()
    database = await Database.open(database_url)
    stored = await TurnStore(database).get("ada", made.id, said.turn_id)
    assert stored.usage == Usage(3, 5, 0)
    await database.close()


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Half a schema could neither be used nor migrated again."""
    path = tmp_path / "chat.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE messages (x)")
    other.close()
    with pytest.raises(StoreError, match=r"refused an operation \(OperationalError\)"):
        await Database.open(f"sqlite:///{path}")
    other = sqlite3.connect(path)
    assert [row[0] for row in other.execute("SELECT name FROM sqlite_master")] == ["messages"]
    other.close()


async def test_one_process_may_open_several_databases_at_once(tmp_path: Path) -> None:
    """Alembic keeps the current migration in module globals."""
    opened = await asyncio.gather(
        *(Database.open(f"sqlite:///{tmp_path}/{number}%20.db") for number in range(4))
    )
    for database in opened:
        await Conversations(database).create("ada")
        await database.close()


@pytest.mark.parametrize("searched", [False, True])
async def test_listing_reads_an_index_not_the_table(tmp_path: Path, searched: bool) -> None:
    """10,000 conversations must list as fast as ten."""
    database = await Database.open(f"sqlite:///{tmp_path}/chat.db")
    table = conversations.c
    words = ["tea"] if searched else []
    wanted = listing(words, "ada", sqlite=True).where(
        table.owner == "ada", table.archived.is_(False)
    )
    wanted = wanted.order_by(table.pinned.desc(), table.updated_at.desc(), table.id.desc())

    def explain(connection: Connection) -> list[str]:
        statement = wanted.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
        return [str(row.detail) for row in rows]

    plan = await database.read(lambda connection: connection.run_sync(explain))
    await database.close()
    assert not [step for step in plan if step.startswith(("SCAN conversations ", "SCAN messages "))]
    assert searched or not [step for step in plan if "TEMP B-TREE" in step]
