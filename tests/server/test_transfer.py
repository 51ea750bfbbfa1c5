"""Conversations as files: out in every form, and in again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from miniclaude.store.imports import EXPECTED
from tests.server.conftest import Served
from tests.server.test_conversations import new, say, watch
from tests.store.test_imports import chatgpt, open_webui

pytestmark = pytest.mark.anyio

HOSTILE = (
    "<script>alert(1)</script> ![x](http://stranger.invalid/x.png) [l](javascript:alert(1))"
    ' [ok](https://example.org "<b>") <img src=x onerror=alert(1)>'
    "\n\n| a | b |\n|---|---|\n| 1 | 2 |"
)


async def spoken(served: Served, *questions: str, title: str = "") -> str:
    """A conversation in which the echo says everything back."""
    conversation = await new(served, title=title)
    for question in questions:
        await watch(served, conversation, await say(served, conversation, content=question))
    return conversation


async def exported(served: Served, conversation: str, **query: Any) -> Any:
    response = await served.client.get(f"{conversation}/export", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-disposition"].startswith("attachment; ")
    return response


async def test_one_conversation_in_every_form(served: Served) -> None:
    conversation = await spoken(served, "one", "two", title="Über Füchse / 1")
    whole = await exported(served, conversation)
    assert whole.json()["format"] == "mini-claude.conversation"
    name = "filename=\"_ber-F_chse-1.json\"; filename*=UTF-8''%C3%9Cber-F%C3%BCchse-1.json"
    assert whole.headers["content-disposition"] == f"attachment; {name}"
    text = (await exported(served, conversation, format="markdown")).text
    assert text == (
        "# Über Füchse / 1\n\n## You\n\none\n\n## echo\n\none\n\n## You\n\ntwo\n\n## echo\n\ntwo\n"
    )
    row = (await exported(served, conversation, format="openai")).json()
    assert [message["content"] for message in row["messages"]] == ["one", "one", "two", "two"]
    row = (await exported(served, conversation, format="sharegpt")).json()
    assert row["conversations"][0] == {"from": "human", "value": "one"}
    row = (await exported(served, conversation, format="alpaca")).json()
    assert (row["instruction"], row["output"], row["history"]) == ("two", "two", [["one", "one"]])


async def test_the_branch_that_is_exported_is_the_one_asked_for(served: Served) -> None:
    conversation = await spoken(served, "one")
    first = (await served.client.get(conversation)).json()["head_id"]
    turn = await say(served, conversation, content="other", parent_id=None)
    await watch(served, conversation, turn)
    assert "other" in (await exported(served, conversation, format="markdown")).text
    text = (await exported(served, conversation, format="markdown", leaf=first)).text
    assert "other" not in text
    missing = await served.client.get(f"{conversation}/export?format=html&leaf={'0' * 32}")
    assert missing.status_code == 404


async def test_a_shared_page_runs_and_fetches_nothing(served: Served) -> None:
    """It is opened from a disk, where no header of ours protects anybody."""
    conversation = await spoken(served, HOSTILE, title="<script>alert(2)</script>")
    response = await exported(served, conversation, format="html")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = response.text
    assert "<title>&lt;script&gt;alert(2)&lt;/script&gt;</title>" in page
    tags = set(re.findall(r"<(\w+)", page))
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "link", "base", "svg"}
    assert "table" in tags
    assert "src=" not in re.sub("&lt;.*?&gt;", "", page)
    links = set(re.findall(r'href="([^"]*)"', page))  # a picture is a link: nothing is fetched
    assert links == {"https://example.org", "http://stranger.invalid/x.png"}
    assert 'rel="noopener noreferrer nofollow"' in page
    assert "onerror=alert(1)&gt;" in page
    assert "default-src 'none'; style-src 'sha256-" in page


async def test_a_conversation_without_answers_is_no_training_row(served: Served) -> None:
    conversation = await new(served, title="Empty")
    response = await served.client.get(f"{conversation}/export?format=alpaca")
    assert response.status_code == 400
    assert "no answer has any text" in response.json()["error"]["message"]
    assert (await exported(served, conversation, format="html")).text.count("<article") == 0


async def test_everything_out_and_in_again(served: Served) -> None:
    for number in range(3):
        conversation = await spoken(served, f"fox {number}")
    await served.client.patch(conversation, json={"archived": True, "folder": "Foxes"})
    response = await served.client.get("/v1/conversations/export")
    assert response.headers["content-disposition"].startswith("attachment; ")
    file = response.json()
    assert [c["title"] for c in file["conversations"]] == ["fox 2", "fox 1", "fox 0"]
    back = await served.raw(response.content, "/v1/conversations/import")
    assert back.status_code == 201
    told = back.json()
    assert (told["source"], told["conversations"], told["messages"]) == ("Mini-Claude", 3, 6)
    again = (await served.client.get("/conversations/export")).json()
    assert sorted(map(json.dumps, again["conversations"])) == sorted(
        map(json.dumps, file["conversations"] * 2)
    )
    folders = (await served.client.get("/conversations/folders")).json()["data"]
    assert folders == [{"name": "Foxes", "conversations": 2}]
    listed = await served.client.get("/conversations?archived=true&folder=Foxes")
    assert len(listed.json()["data"]) == 2


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_files_of_others_are_taken_and_what_is_left_out_is_told(
    served: Served, prefix: str
) -> None:
    for file, source in (([chatgpt()], "ChatGPT"), ([open_webui()], "Open WebUI")):
        response = await served.raw(json.dumps(file), f"{prefix}/conversations/import")
        assert response.status_code == 201, response.text
        told = response.json()
        assert (told["source"], told["conversations"]) == (source, 1)
        assert {"what", "count"} == set(told["left_out"][0])
        made = (await served.client.get(f"/conversations/{told['first_id']}")).json()
        assert len(made["messages"]) == told["messages"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"PK\x03\x04", "not valid JSON"),
        (b'[{"mapping": {}', "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'"\\ud800"', "not valid JSON"),
        (b"[]", "it holds an empty list"),
        (b'{"rows": []}', "it holds an object with 'rows'"),
        (b"[" * 1010 + b"]" * 1010, "it holds a list of lists"),  # telling it must not recurse
    ],
)
async def test_a_file_that_is_none_is_refused_and_nothing_kept(
    served: Served, content: bytes, said: str
) -> None:
    response = await served.raw(content, "/conversations/import")
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]
    broken = json.dumps([chatgpt(), {"mapping": 5}])
    response = await served.raw(broken, "/conversations/import")
    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert "Conversation 2 of the file cannot be read" in message
    assert "Nothing was imported." in message
    assert EXPECTED in message
    assert (await served.client.get("/conversations")).json()["data"] == []


async def test_a_form_of_another_site_cannot_import(served: Served) -> None:
    response = await served.client.post(
        "/conversations/import", content=b"[]", headers={"content-type": "text/plain"}
    )
    assert response.status_code == 415


async def test_a_search_says_where(served: Served) -> None:
    conversation = await spoken(served, "the night train", title="Trains")
    page = (await served.client.get("/conversations?q=trai")).json()
    head = (await served.client.get(conversation)).json()["head_id"]
    assert page["data"][0]["match"] == {
        "title": [[0, 4]],
        "message_id": head,
        "text": "the night train",
        "places": [[10, 14]],
    }
    assert "match" not in (await served.client.get("/conversations")).json()["data"][0]
