"""Search: words in titles and messages, and nothing a person types is query syntax."""

from __future__ import annotations

from operator import methodcaller

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.search import find_words, make_snippet
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
        ("c", []),
        ("tea c", []),
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


async def test_a_find_says_where_the_words_stand(database: Database) -> None:
    """The page marks them; what it is told are places and text, never markup."""
    conversations = Conversations(database)
    made = await conversations.create("ada", "Fox stories")
    await say(database, "ada", made.id, "A fox?", answer="No.")
    said = await say(database, "ada", made.id, "<b>Tell</b>\nof a fox", answer="x " * 200 + "foxes")
    page = await conversations.list("ada", query="FOX")
    match = page.matches[made.id]
    assert match.title == ((0, 3),)
    assert match.message_id == said.answer_id  # the newest that has them
    snippet = match.snippet
    assert snippet is not None
    assert snippet.text.startswith("…x x")
    assert [snippet.text[a:b] for a, b in snippet.places] == ["fox"]
    page = await conversations.list("ada", query="tell fox")
    snippet = page.matches[made.id].snippet
    assert snippet is not None
    assert snippet.text == "<b>Tell</b> of a fox"
    assert snippet.places == ((3, 7), (17, 20))
    page = await conversations.list("ada", query="stories")
    assert page.matches[made.id].message_id is None
    assert not (await conversations.list("ada")).matches


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("Café cafés", ["cafe"], ["Café", "café"]),
        ("Straße", ["strasse"], ["Straße"]),
        ("a tea", ["a"], ["a"]),
        ("😀 tea_pot", ["pot"], ["pot"]),
        ("one two", ["two", "on"], ["on", "two"]),
    ],
)
def test_words_are_found_whatever_their_case_and_accents(
    text: str, words: list[str], found: list[str]
) -> None:
    assert [text[a:b] for a, b in find_words(text, words)] == found


def test_a_snippet_of_a_text_without_the_words_is_its_beginning() -> None:
    assert make_snippet("a" * 200, ["b"]).text == "a" * 160 + "…"
    assert make_snippet("", ["b"]).text == ""
