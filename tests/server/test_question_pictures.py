"""Pictures of a question over HTTP: in with it, out as what they are and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.messages import ImagePart
from miniclaude.providers.base import ChatRequest
from tests.picture_file import PNG, PNG_URL, data_url, encoded, make_gif
from tests.server.conftest import Served
from tests.server.test_conversations import new, say, watch

pytestmark = pytest.mark.anyio

MODEL = "scripted/org/model"
CAT = {"name": "cat.png", "url": PNG_URL}
POLYGLOT = make_gif() + b"<!doctype html><script>alert(1)</script>"


async def shown(served: Served, *pictures: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """A conversation with one answered question, and the question as it is told."""
    conversation = await new(served)
    turn = await say(served, conversation, content="look", model=MODEL, pictures=pictures)
    await watch(served, conversation, turn)
    question: dict[str, Any] = (await served.client.get(conversation)).json()["messages"][0]
    return conversation, question


async def test_a_picture_goes_in_and_comes_out(served: Served) -> None:
    conversation, question = await shown(served, CAT)
    asked = served.scripted.asked[-1]
    assert isinstance(asked, ChatRequest)
    assert asked.messages[-1].images == (ImagePart("image/png", encoded(PNG)),)
    assert question["pictures"] == [
        {
            "name": "cat.png",
            "media_type": "image/png",
            "width": 3,
            "height": 2,
            "bytes": len(PNG),
        }
    ]
    address = f"{conversation}/messages/{question['id']}/pictures"
    picture = await served.client.get(f"{address}/0")
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    for missing in (f"{address}/1", f"{conversation}/messages/{'0' * 32}/pictures/0"):
        assert (await served.client.get(missing)).status_code == 404
    assert (await served.client.get(f"{address}/8")).status_code == 400
    assert (await served.client.get(f"{address}/-1")).status_code == 400


async def test_a_picture_that_is_a_page_too_is_served_as_a_picture(served: Served) -> None:
    """Opened by its address, it must not run as a page of ours."""
    url = data_url(POLYGLOT, "image/gif")
    conversation, question = await shown(served, {"name": "evil.html", "url": url})
    picture = await served.client.get(f"{conversation}/messages/{question['id']}/pictures/0")
    assert picture.content == POLYGLOT
    assert picture.headers["content-type"] == "image/gif"
    assert picture.headers["x-content-type-options"] == "nosniff"
    policies = picture.headers.get_list("content-security-policy")
    assert "default-src 'none'; sandbox" in policies
    assert any("frame-ancestors 'none'" in policy for policy in policies)


@pytest.mark.parametrize(
    ("pictures", "param"),
    [
        ([{"name": "a.svg", "url": "data:image/svg+xml;base64,PHN2Zy8+"}], "pictures[0].url"),
        ([{"name": "a.png", "url": "https://example.com/a.png"}], "pictures[0].url"),
        ([{"name": "a.png", "url": data_url(b"<html>")}], "pictures[0].url"),
        ([{"name": "a.png", "url": "data:image/png;base64," + "A" * 7_000_000}], "pictures[0].url"),
        ([{"name": "", "url": PNG_URL}], "pictures[0].name"),
        ([{"name": "x" * 121, "url": PNG_URL}], "pictures[0].name"),
        ([{"url": PNG_URL}], "pictures[0].name"),
        ([CAT] * 9, "pictures"),
        (None, "pictures"),
    ],
)
async def test_what_cannot_go_with_a_question(served: Served, pictures: Any, param: str) -> None:
    conversation = await new(served)
    body = {"content": "look", "model": MODEL, "pictures": pictures}
    refused = await served.client.post(f"{conversation}/turns", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert (await served.client.get(conversation)).json()["messages"] == []


async def test_a_model_that_reads_text_only_is_refused_with_who_sees(served: Served) -> None:
    conversation = await new(served)
    body = {"content": "look", "model": "echo", "pictures": [CAT]}
    refused = await served.client.post(f"{conversation}/turns", json=body)
    assert refused.status_code == 400
    told = refused.json()["error"]["message"]
    assert "pictures: the model 'echo' reads text only, and this is a picture." in told
    assert f"ask a model that sees: {MODEL}." in told


async def test_files_of_a_conversation_with_pictures(served: Served) -> None:
    """The one to import keeps them, those to read name them, rows to learn from are refused."""
    conversation, _ = await shown(served, CAT)
    export = f"{conversation}/export"
    whole = await served.client.get(export)
    assert (await served.client.post("/conversations/import", json=whole.json())).status_code == 201
    page = await served.client.get(export, params={"format": "html"})
    assert '<p class="about">Picture: cat.png</p>' in page.text
    text = await served.client.get(export, params={"format": "markdown"})
    assert "*Picture: cat.png*" in text.text
    rows = await served.client.get(export, params={"format": "openai"})
    assert rows.status_code == 400
    assert "There are pictures in this conversation" in rows.json()["error"]["message"]
    answer = (await served.client.get(conversation)).json()["messages"][1]["id"]
    rating = {"thumb": "up"}
    await served.client.put(f"{conversation}/messages/{answer}/rating", json=rating)
    taught = await served.client.get("/feedback/export", params={"format": "openai"})
    assert (taught.status_code, taught.text) == (200, "")
