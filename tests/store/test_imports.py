"""Files from elsewhere: what is read, what is left out and told, what is refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.errors import InvalidRequestError, StoreError
from miniclaude.store import transfer
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.imports import Imports, read_imports
from miniclaude.store.messages import Messages
from miniclaude.store.transfer import export_conversation, import_checked

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def node(
    id: str, parent: str | None, role: str, *parts: Any, kind: str = "text", **message: Any
) -> Json:
    return {
        "id": id,
        "parent": parent,
        "children": [],
        "message": {
            "author": {"role": role},
            "content": {"content_type": kind, "parts": list(parts)},
            "create_time": 1_700_000_100.5,
            "status": "finished_successfully",
            "metadata": {"model_slug": "gpt-4o"},
            **message,
        },
    }


def chatgpt() -> Json:
    """A question asked in two versions, with a picture, a hidden message and a tool between."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    nodes = [
        {"id": "root", "parent": None, "children": [], "message": None},
        node(
            "hidden", "root", "system", "secret",
            metadata={"is_visually_hidden_from_conversation": True},
        ),
        node("q1", "hidden", "user", "What is this?", picture, kind="multimodal_text"),
        node("t1", "q1", "tool", "looked it up"),
        node("a1", "t1", "assistant", "A fox."),
        node("q2", "hidden", "user", "What is that?"),
        node("a2", "q2", "assistant", "A hen.", status="in_progress"),
        node("th", "a2", "assistant", kind="thoughts"),
    ]  # fmt: skip
    return {
        "title": "Animals\n of the farm",
        "create_time": 1_700_000_000.0,
        "update_time": 1_700_000_200.0,
        "mapping": {entry["id"]: entry for entry in nodes},
        "current_node": "a1",
        "is_archived": True,
    }


def open_webui() -> Json:
    messages = {
        "a": {"id": "a", "parentId": None, "role": "user", "content": "Hello",
              "timestamp": 1_700_000_000, "files": [{"type": "image"}]},
        "b": {"id": "b", "parentId": "a", "role": "assistant", "content": "Hi!",
              "model": "llama3:8b", "timestamp": 1_700_000_001, "done": True},
        "c": {"id": "c", "parentId": "a", "role": "assistant", "content": "", "done": True},
        "d": {"id": "d", "parentId": "b", "role": "user", "content": "Go on"},
    }  # fmt: skip
    return {
        "id": "1",
        "title": "Greeting",
        "chat": {"title": "Greeting", "history": {"messages": messages, "currentId": "d"}},
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_009_000,
        "pinned": True,
        "archived": False,
    }


async def stored(database: Database, read: Imports) -> list[tuple[Any, ...]]:
    """Place of the parent, role, content, status and model of the first conversation's messages."""
    [made, *_] = await import_checked(database, "ada", read.documents)
    tree = await Messages(database).tree("ada", made.id)
    place = {message.id: number for number, message in enumerate(tree)}
    return [(place.get(m.parent_id or ""), m.role, m.content, m.status, m.model) for m in tree]


async def test_chatgpts_tree_is_kept_without_what_has_no_place_here(database: Database) -> None:
    read = read_imports([chatgpt()])
    assert (read.source, len(read.documents)) == ("ChatGPT", 1)
    assert dict(read.left_out) == {
        "hidden messages": 1,
        "parts of the type image_asset_pointer": 1,
        "messages of the role tool": 1,
        "messages of the type thoughts": 1,
    }
    assert await stored(database, read) == [
        (None, "user", "What is this?", "complete", None),
        (None, "user", "What is that?", "complete", None),
        (1, "assistant", "A hen.", "interrupted", "gpt-4o"),
        (0, "assistant", "A fox.", "complete", "gpt-4o"),
    ]
    [listed] = (await Conversations(database).list("ada", archived=True)).conversations
    assert (listed.title, listed.updated_at) == ("Animals of the farm", 1_700_000_200.0)
    shown = await Messages(database).branch("ada", listed.id, listed.head_id or "")
    assert [message.content for message in shown] == ["What is this?", "A fox."]


async def test_open_webuis_chats_are_read(database: Database) -> None:
    read = read_imports([open_webui()])
    assert (read.source, dict(read.left_out)) == (
        "Open WebUI",
        {"files": 1, "empty messages": 1},
    )
    assert await stored(database, read) == [
        (None, "user", "Hello", "complete", None),
        (0, "assistant", "Hi!", "complete", "llama3:8b"),
        (1, "user", "Go on", "complete", None),
    ]
    [listed] = (await Conversations(database).list("ada")).conversations
    assert (listed.title, listed.pinned) == ("Greeting", True)
    assert listed.updated_at == 1_700_000_009.0  # milliseconds, in newer versions


async def test_our_own_files_are_read_one_or_many(database: Database) -> None:
    made = await import_checked(database, "ada", read_imports([chatgpt()]).documents)
    document = await export_conversation(database, "ada", made[0].id)
    for file, count in (
        (document, 1),
        ([document], 1),
        (
            {
                "format": "mini-claude.conversations",
                "version": 1,
                "conversations": [document, document],
            },
            2,
        ),
    ):
        read = read_imports(file)
        assert (read.source, len(read.documents)) == ("Mini-Claude", count)


def broken_chatgpt(**changes: Any) -> list[Json]:
    return [chatgpt(), {**chatgpt(), **changes}]


CYCLE = {"a": node("a", "b", "user", "x"), "b": node("b", "a", "user", "y")}


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "it holds nothing"),
        ([], "it holds an empty list"),
        ({}, "it holds an empty object"),
        (5, "it holds the number 5"),
        ([{"role": "user", "content": "x"}], "a list of an object with 'role', 'content'"),
        ({"messages": [1]}, "an object with 'messages'"),
        ([[1]], "it holds a list of lists"),
        ({"format": "mini-claude.conversation"}, r"Conversation 1 of the file cannot be read: .*"),
        ({"format": "mini-claude.conversations"}, "conversations: it is nothing, not a list"),
        (broken_chatgpt(mapping=[]), r"Conversation 2 .*'Animals.*mapping is an empty list"),
        (broken_chatgpt(mapping={"a": 1}), "mapping.a is the number 1"),
        (broken_chatgpt(mapping={"a": {"message": {}}}), "no author with a role"),
        (broken_chatgpt(mapping=CYCLE), "is its own ancestor"),
        ([chatgpt(), 7], "Conversation 2 of the file cannot be read: it is the number 7"),
        ([{"chat": {}}], "history is nothing, not an object"),
        ([{"chat": {"history": {"messages": {"a": {"role": "user"}}}}}], "a.content is nothing"),
        (
            [{"chat": {"history": {"messages": {"a": {"role": "bot", "content": ""}}}}}],
            "a.role is the text 'bot'",
        ),
    ],
)
def test_a_foreign_or_broken_file_is_told_what_it_is(file: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said) as raised:
        read_imports(file)
    assert "Expected is" in raised.value.hint


def test_what_is_odd_in_a_file_is_no_reason_to_refuse_it() -> None:
    """Exports have null titles, missing times and parents that were deleted."""
    odd = chatgpt()
    odd |= {"title": None, "create_time": None, "update_time": "yesterday", "current_node": 5}
    odd["mapping"]["q1"]["parent"] = "deleted"
    odd["mapping"]["a1"]["message"]["content"]["parts"] = ["a\x00b"]
    [document] = read_imports([odd]).documents
    assert document.messages == 4
    assert "a\ufffdb" in [message.content for message in document.read.messages]
    empty = read_imports([{**chatgpt(), "mapping": {}}])
    assert (empty.documents, dict(empty.left_out)) == ([], {"conversations without a message": 1})


def test_a_conversation_may_be_thousands_deep() -> None:
    """Recursion would end here."""
    nodes = [node(str(n), str(n - 1), "user", "x") for n in range(5_000)]
    [document] = read_imports([{"mapping": {entry["id"]: entry for entry in nodes}}]).documents
    assert document.messages == 5_000


async def test_a_store_that_fails_on_the_way_keeps_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MESSAGES_AT_ONCE", 1)
    documents = read_imports([chatgpt(), open_webui_as_chatgpt()]).documents
    insert, calls = transfer._insert, iter(range(9))

    async def fail_later(*args: Any, **named: Any) -> None:
        await insert(*args, **named)
        if next(calls) == 1:
            raise StoreError("The disk is full.", hint="Make room.")

    monkeypatch.setattr(transfer, "_insert", fail_later)
    with pytest.raises(StoreError):
        await import_checked(database, "ada", documents)
    assert (await Conversations(database).list("ada", archived=None)).conversations == ()


def open_webui_as_chatgpt() -> Json:
    return {"title": "Second", "mapping": {"a": node("a", None, "user", "x")}}
