"""Export and import: the whole tree, unchanged, and nothing else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from miniclaude.errors import InvalidRequestError, NotFoundError
from miniclaude.messages import Usage
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages, StoredMessage
from miniclaude.store.transfer import export_conversation, import_conversation
from miniclaude.store.turns import Ending, FinalStatus
from tests.store.saying import say

pytestmark = pytest.mark.anyio


def paths(tree: list[StoredMessage]) -> list[tuple[str, ...]]:
    """Every message as the texts on the way to it from the root: the tree without ids."""
    way: dict[str | None, tuple[str, ...]] = {None: ()}
    for message in tree:
        way[message.id] = (*way[message.parent_id], message.content)
    del way[None]
    return sorted(way.values())


@pytest.mark.parametrize("seed", range(6))
async def test_random_edits_and_regenerations_survive_a_round_trip(
    database: Database, seed: int
) -> None:
    """A tree of any shape: replies, edits (siblings of a question), answers given again, roots."""
    chance = random.Random(seed)
    conversations = Conversations(database)
    made = await conversations.create("ada", "Tree 🌳")
    questions: list[str] = []
    answers: list[str | None] = [None]
    for number in range(25):
        ending = Ending(
            chance.choice(["complete", "cancelled", "interrupted", "error"]),
            chance.choice([None, "stop", "length"]),
            chance.choice([None, Usage(2 * number, 3 * number, number)]),
            chance.choice([None, {"message": "it broke", "code": "x", "param": None}]),
        )
        again = questions and chance.random() < 0.3
        said = await say(
            database,
            "ada",
            made.id,
            None if again else f"question {number} \u2028 é",
            parent_id=chance.choice(questions) if again else chance.choice(answers),
            answer=f"answer {number}",
            ending=ending,
        )
        questions.append(said.user_id)
        answers.append(said.answer_id)
    await conversations.update("ada", made.id, pinned=True, head_id=chance.choice(answers))
    document = await export_conversation(database, "ada", made.id)
    copied = await import_conversation(database, "bob", json.loads(json.dumps(document)))
    assert await export_conversation(database, "bob", copied.id) == document
    messages = Messages(database)
    ours, theirs = await messages.tree("ada", made.id), await messages.tree("bob", copied.id)
    assert paths(ours) == paths(theirs)
    assert not {m.id for m in ours} & {m.id for m in theirs}
    assert await conversations.get("bob", copied.id) == copied
    shown = await messages.branch("bob", copied.id, copied.head_id) if copied.head_id else []
    head = (await conversations.get("ada", made.id)).head_id
    expected = await messages.branch("ada", made.id, head) if head else []
    assert [m.content for m in shown] == [m.content for m in expected]


async def test_a_document_of_an_older_version_is_imported(database: Database) -> None:
    """Documents did not always say how much of a prompt was cached."""
    made = await Conversations(database).create("ada")
    ending = Ending("complete", "stop", Usage(3, 5, 2))
    await say(database, "ada", made.id, "Hi", answer="Hello", ending=ending)
    document = await export_conversation(database, "ada", made.id)
    for message in document["messages"]:
        del message["cached_tokens"]
    copied = await import_conversation(database, "bob", document)
    _, answer = await Messages(database).tree("bob", copied.id)
    assert answer.usage == Usage(3, 5, 0)


async def test_instructions_and_settings_go_with_a_conversation(database: Database) -> None:
    """A conversation with instructions of its own came back without them."""
    conversations = Conversations(database)
    made = await conversations.create("ada")
    settings = {
        "system": "Answer in rhyme.",
        "temperature": 0.5,
        "seed": 2**63 - 1,
        "tools": ["calculator"],
        "stop": [],
        "logit_bias": {"7": -1.5},
        "ask_leave": True,
        "logprobs": None,
    }
    await conversations.update("ada", made.id, settings=settings)
    document = await export_conversation(database, "ada", made.id)
    copied = await import_conversation(database, "bob", json.loads(json.dumps(document)))
    assert copied == await conversations.get("bob", copied.id)
    assert copied.settings == settings
    del document["settings"]  # as older versions wrote it
    assert (await import_conversation(database, "bob", document)).settings is None


async def test_an_unfinished_answer_is_exported_as_interrupted(database: Database) -> None:
    """Imported as `streaming`, it would wait for ever for a turn that is elsewhere."""
    made = await Conversations(database).create("ada")
    await say(database, "ada", made.id, "Why?", answer="Bec", ending=None)
    document = await export_conversation(database, "ada", made.id)
    assert [m["status"] for m in document["messages"]] == ["complete", "interrupted"]
    await import_conversation(database, "ada", document)


async def test_only_the_owner_exports(database: Database) -> None:
    made = await Conversations(database).create("ada")
    for owner, conversation_id in (("eve", made.id), ("ada", new_id()), ("ada", "../etc")):
        with pytest.raises(NotFoundError):
            await export_conversation(database, owner, conversation_id)


@pytest.fixture
async def document(database: Database) -> dict[str, Any]:
    """An export of two exchanges."""
    made = await Conversations(database).create("ada", "Sample")
    for ending in ("complete", "cancelled"):
        status: FinalStatus = "complete" if ending == "complete" else "cancelled"
        await say(database, "ada", made.id, ending, ending=Ending(status, "stop", Usage(1, 2)))
    return await export_conversation(database, "ada", made.id)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(version=2), "version"),
        (lambda d: d.update(format="other"), "format"),
        (lambda d: d.update(extra=1), "extra: Extra inputs are not permitted"),
        (lambda d: d.pop("head"), "head: Field required"),
        (lambda d: d.update(head=4), "head: there is no message number 4"),
        (lambda d: d.update(head=-1), "head"),
        (lambda d: d.update(title="x" * 201), "title"),
        (lambda d: d.update(title="a\x00"), "NUL"),
        (lambda d: d.update(title="\ud800"), "surrogate"),
        (lambda d: d.update(created_at=float("nan")), "created_at"),
        (lambda d: d.update(updated_at=1e300), "updated_at"),
        (lambda d: d.update(messages={}), "messages"),
        (lambda d: d["messages"][1].update(parent=1), "messages.1.parent: a parent must come"),
        (lambda d: d["messages"][0].update(parent=3), "messages.0.parent: a parent must come"),
        (lambda d: d["messages"][0].update(role="robot"), "messages.0.role"),
        (lambda d: d["messages"][0].update(status="streaming"), "messages.0.status"),
        (lambda d: d["messages"][0].update(content=None), "messages.0.content"),
        (lambda d: d["messages"][0].update(content="\x00"), "NUL"),
        (lambda d: d["messages"][1].update(prompt_tokens=2**31), "prompt_tokens"),
        (lambda d: d["messages"][1].update(settings={"a": {"b": {}}}), "settings"),
        (lambda d: d.update(settings={"system": ["a", 1]}), "settings"),
        (lambda d: d.update(settings={"system": "\x00"}), "NUL"),
        (lambda d: d["messages"][1].update(error={"message": "\ud800"}), "surrogate"),
    ],
)
async def test_a_document_that_is_not_ours_is_refused_whole(
    database: Database, document: dict[str, Any], change: Any, said: str
) -> None:
    wrong = copy.deepcopy(document)
    change(wrong)
    with pytest.raises(InvalidRequestError, match=said):
        await import_conversation(database, "bob", wrong)
    assert not (await Conversations(database).list("bob")).conversations


@pytest.mark.parametrize("wrong", [None, [], "x", 1, {}])
async def test_what_is_no_document_at_all_is_refused(database: Database, wrong: object) -> None:
    with pytest.raises(InvalidRequestError, match="not a conversation that Mini-Claude exported"):
        await import_conversation(database, "bob", wrong)
