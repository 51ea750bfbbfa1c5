"""Ratings: kept beside the answer, one a person and message, gone with the conversation."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.errors import ConflictError, InvalidRequestError, NotFoundError
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages
from miniclaude.store.ratings import RatingCounts, Ratings
from miniclaude.store.transfer import export_conversation, import_conversation
from tests.store.saying import say

pytestmark = pytest.mark.anyio


async def test_a_rating_is_replaced_counted_and_taken_back(database: Database) -> None:
    made = await Conversations(database).create("ada")
    said = await say(database, "ada", made.id, "Why?", answer="Because.")
    ratings = Ratings(database)
    place = ("ada", made.id, said.answer_id)
    first = await ratings.put(*place, thumb="down", reason="unhelpful", note="No reason given.")
    second = await ratings.put(*place, thumb="down", correction="Because light is scattered.")
    assert second.created_at == first.created_at
    assert (second.reason, second.note) == (None, "")
    assert await ratings.of("ada", made.id) == {said.answer_id: second}
    assert await ratings.counts("ada") == RatingCounts(1, 0, 1, 1)
    assert await ratings.rated("ada") == [made.id]
    answer = (await Messages(database).tree("ada", made.id))[1]
    assert answer.content == "Because."  # a correction never takes the answer's place
    await ratings.remove(*place)
    assert await ratings.counts("ada") == RatingCounts(0, 0, 0, 0)
    await ratings.remove(*place)


async def test_ratings_go_with_their_conversation(database: Database) -> None:
    conversations, ratings = Conversations(database), Ratings(database)
    made = await conversations.create("ada")
    said = await say(database, "ada", made.id, "Why?")
    await ratings.put("ada", made.id, said.answer_id, thumb="up")
    await conversations.delete("ada", made.id)
    assert await ratings.counts("ada") == RatingCounts(0, 0, 0, 0)


async def test_only_ones_own_answers_that_have_ended_are_rated(database: Database) -> None:
    made = await Conversations(database).create("ada")
    said = await say(database, "ada", made.id, "Why?")
    writing = await say(database, "ada", made.id, "And?", ending=None)
    ratings = Ratings(database)
    with pytest.raises(NotFoundError):
        await ratings.put("eve", made.id, said.answer_id, thumb="up")
    with pytest.raises(InvalidRequestError, match="Only answers"):
        await ratings.put("ada", made.id, said.user_id, thumb="up")
    with pytest.raises(ConflictError, match="still being written"):
        await ratings.put("ada", made.id, writing.answer_id, thumb="up")


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, "says nothing"),
        ({"note": " "}, "says nothing"),
        ({"reason": "helpful"}, "says nothing"),
        ({"correction": " "}, "`correction` is empty"),
        ({"note": "\x00"}, "NUL"),
        ({"note": "x" * 10_001}, "10,001 characters"),
    ],
)
async def test_what_cannot_be_a_rating(database: Database, said: Any, wrong: str) -> None:
    made = await Conversations(database).create("ada")
    turn = await say(database, "ada", made.id, "Why?")
    with pytest.raises(InvalidRequestError, match=wrong):
        await Ratings(database).put("ada", made.id, turn.answer_id, **said)


async def test_ratings_and_folders_survive_export_and_import(database: Database) -> None:
    conversations = Conversations(database)
    made = await conversations.create("ada", "Sky")
    await conversations.update("ada", made.id, folder="Physics")
    said = await say(database, "ada", made.id, "Why?")
    await Ratings(database).put("ada", made.id, said.answer_id, thumb="up", note="Short.")
    document = await export_conversation(database, "ada", made.id)
    copied = await import_conversation(database, "bob", document)
    assert await export_conversation(database, "bob", copied.id) == document
    assert await conversations.folders("bob") == (("Physics", 1),)
    document["messages"][0]["rating"] = document["messages"][1]["rating"]
    with pytest.raises(InvalidRequestError, match=r"messages.0.rating: only answers are rated"):
        await import_conversation(database, "bob", document)


async def test_folders_hold_what_is_put_into_them(database: Database) -> None:
    conversations = Conversations(database)
    ids = [(await conversations.create("ada", str(number))).id for number in range(3)]
    for id in ids[:2]:
        await conversations.update("ada", id, folder="Work")
    page = await conversations.list("ada", folder="Work")
    assert [conversation.title for conversation in page.conversations] == ["1", "0"]
    assert await conversations.folders("ada") == (("Work", 2),)
    assert await conversations.folders("eve") == ()
    await conversations.update("ada", ids[0], folder="")
    assert await conversations.folders("ada") == (("Work", 1),)
    with pytest.raises(InvalidRequestError, match="61 characters"):
        await conversations.update("ada", ids[0], folder="x" * 61)
