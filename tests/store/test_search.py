"""Search: words in titles and messages, and nothing a person types is query syntax."""

from __future__ import annotations

from operator import methodcaller

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.turns import Ending, TurnStore
from tests.store.saying import say

pytestmark = pytest.mark.anyio


async def found(database: Database, query: str, owner: str = "ada") -> list[str]:
    page = await Conversations(database).list(owner, query=query)
    return [conversation.title for conversation in page.conversations]


@pytest.fixture
async def tea(database: Database) -> Database:
    """Two conversations about different things."""
    conversations = Conversations(database)
    made = await conversations.create("ada", "Tea ceremony")
    await say(database, "ada", made.id, "Where is foo.bar/baz_qux?", answer="In the café, señor.")
    other = await conversations.create("ada", "Trains")
    await say(database, "ada", other.id, "When does the night train leave?", answer="At nine.")
    return database


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("tea", ["Tea ceremony"]),
        ("CEREMONY tea", ["Tea ceremony"]),
        ("cerem", ["Tea ceremony"]),
        ("train", ["Trains"]),
        ("night train", ["Trains"]),
        ("nigh train", []),
        ("tea night", []),
        ("the", ["Trains", "Tea ceremony"]),
        ("nine", ["Trains"]),
        ("bar", ["Tea ceremony"]),
        ("foo.bar", ["Tea ceremony"]),
        ("qux", ["Tea ceremony"]),
        ("café", ["Tea ceremony"]),
        ("nothing", []),
        ("", ["Trains", "Tea ceremony"]),
        ("   ", ["Trains", "Tea ceremony"]),
    ],
)
async def test_all_words_must_occur_the_last_as_a_beginning(
    tea: Database, query: str, titles: list[str]
) -> None:
    assert await found(tea, query) == titles


@pytest.mark.parametrize(
    "query",
    ['"', '"tea', "*", "tea*", "NEAR(", "NEAR(tea night, 3)", "tea OR night", "title:tea", "-tea",
     "tea)", "'", "tea' | 'x", "\\", "tea:*", "!tea", "a" * 10_000, "w " * 10_000, "\x00", "\ud800",
     "%", "_", "🙂", "tea AND", "^tea", "{title}: tea", "$$", ":searcher"],
)  # fmt: skip
async def test_syntax_of_either_database_is_harmless(tea: Database, query: str) -> None:
    assert set(await found(tea, query)) <= {"Tea ceremony", "Trains"}


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(query=st.text(st.characters(categories=["L", "N", "P", "S", "Z", "C"]), max_size=20))
async def test_any_text_is_a_query(tea: Database, query: str) -> None:
    await found(tea, query)


async def test_the_index_follows_every_change(database: Database) -> None:
    """An index kept by triggers goes stale, or corrupt, when one of them is forgotten."""
    conversations = Conversations(database)
    made = await conversations.create("ada", "Apples")
    said = await say(database, "ada", made.id, "pears", answer="plums", ending=None)
    assert (await found(database, "pears"), await found(database, "plums")) == (["Apples"], [])
    await TurnStore(database).finish("ada", said.turn_id, "plums and figs", Ending("complete"))
    assert await found(database, "figs") == ["Apples"]
    await conversations.update("ada", made.id, title="Oranges")
    assert (await found(database, "apples"), await found(database, "oranges")) == ([], ["Oranges"])
    await conversations.delete("ada", made.id)
    for word in ("oranges", "pears", "figs"):
        assert await found(database, word) == []
    if database.is_sqlite:
        for check in (
            "INSERT INTO conversations_search(conversations_search) VALUES ('integrity-check')",
            "INSERT INTO messages_search(messages_search) VALUES ('integrity-check')",
        ):
            await database.write(methodcaller("exec_driver_sql", check))


async def test_a_very_long_message_is_searchable_from_its_start(database: Database) -> None:
    """A tsvector of more than 1 MB is an error in PostgreSQL: the message could not be sent."""
    made = await Conversations(database).create("ada", "Long")
    words = "beginning " + " ".join(f"w{number}" for number in range(130_000))
    await say(database, "ada", made.id, words[:1_000_000], answer="x" * 900_000)
    assert await found(database, "beginning") == ["Long"]
