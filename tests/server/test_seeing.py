"""Pictures in three protocols: they reach who sees, and are refused in words by who does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from miniclaude.messages import ImagePart
from miniclaude.providers.base import ChatRequest
from tests.picture_file import PNG, PNG_URL, data_url, make_jpeg
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

JPEG_URL = data_url(make_jpeg(), "image/jpeg")
SVG_URL = "data:image/svg+xml;base64,PHN2Zy8+"
ELSEWHERE = "https://example.com/cat.png"


def chat(url: str, role: str = "user") -> dict[str, Any]:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [{"role": "user", "content": "hi"}, {"role": role, "content": parts}]}


def responses(url: str, role: str = "user") -> dict[str, Any]:
    text = {"type": "output_text" if role == "assistant" else "input_text", "text": "look"}
    image = {"type": "input_image", "image_url": url}
    return {"input": [{"role": "user", "content": "hi"}, {"role": role, "content": [text, image]}]}


def anthropic(url: str, role: str = "user") -> dict[str, Any]:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    source = {"type": "base64", "media_type": kind, "data": data}
    if not url.startswith("data:"):
        source = {"type": "url", "url": url}
    parts = [{"type": "text", "text": "look"}, {"type": "image", "source": source}]
    said = [{"role": "user", "content": "hi"}, {"role": role, "content": parts}]
    return {"max_tokens": 9, "messages": said}


Ask = Callable[..., dict[str, Any]]
PROTOCOLS = pytest.mark.parametrize(
    ("path", "ask", "place"),
    [
        ("/chat/completions", chat, "messages[1].content[1]"),
        ("/responses", responses, "input[1].content[1]"),
        ("/messages", anthropic, "messages[1].content[1]"),
    ],
)


async def post(served: Served, path: str, model: str, body: dict[str, Any]) -> tuple[int, str, Any]:
    """Status, the error's words and where."""
    response = await served.client.post(path, json={"model": model, **body})
    error = response.json().get("error") or {}
    return response.status_code, error.get("message", ""), error.get("param")


@PROTOCOLS
async def test_a_picture_reaches_who_sees(served: Served, path: str, ask: Ask, place: str) -> None:
    for url, kind in ((PNG_URL, "image/png"), (JPEG_URL, "image/jpeg")):
        status, told, _ = await post(served, path, "scripted/org/model", ask(url))
        assert status == 200, told
        asked = served.scripted.asked[-1]
        assert isinstance(asked, ChatRequest)
        [image] = asked.messages[-1].images
        assert image == ImagePart(kind, url.partition(",")[2])
        assert image.param == place


@PROTOCOLS
async def test_who_reads_text_only_names_the_part_and_who_sees(
    served: Served, path: str, ask: Ask, place: str
) -> None:
    status, told, param = await post(served, path, "echo", ask(PNG_URL))
    assert status == 400
    assert told.startswith(f"{place}: the model 'echo' reads text only, and this is a picture.")
    assert "ask a model that sees: scripted/org/model." in told
    assert param in (place, None)  # Anthropic's errors have no such field
    streamed = {**ask(PNG_URL), "model": "echo", "stream": True}
    assert (await served.client.post(path, json=streamed)).status_code == 400
    assert served.services.admission.active == 0


@PROTOCOLS
@pytest.mark.parametrize(
    ("url", "told"),
    [
        (ELSEWHERE, "send the picture itself"),
        (SVG_URL, "image/"),
        (data_url(b"<!doctype html>"), "no picture that is taken: it must be PNG, JPEG, WebP"),
        (data_url(PNG, "image/gif"), "says that it is image/gif, and is image/png"),
        ("data:image/png;base64," + "A" * 5_000_004, "larger than 3,750,000 bytes"),
    ],
)
async def test_what_is_no_picture_is_refused_whoever_sees(
    served: Served, path: str, ask: Ask, place: str, url: str, told: str
) -> None:
    """Nothing is fetched, nothing is taken for what it only claims to be."""
    status, words, _ = await post(served, path, "scripted/org/model", ask(url))
    assert status == 400
    assert told in words
    assert words.startswith(place)
    assert len(words) < 1_000
    assert served.scripted.asked == []


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/chat/completions", chat(PNG_URL, "system"), "messages[1].content[1].type"),
        ("/chat/completions", chat(PNG_URL, "assistant"), "messages[1].content[1].type"),
        ("/responses", responses(PNG_URL, "assistant"), "input[1].content[1]"),
        ("/responses", responses(PNG_URL, "developer"), "input[1].content[1]"),
        ("/messages", anthropic(PNG_URL, "assistant"), "messages[1].content[1]"),
        ("/messages", anthropic(PNG_URL, "system"), "messages[1].content[1]"),
    ],
)
async def test_only_the_user_sends_pictures(
    served: Served, path: str, body: dict[str, Any], place: str
) -> None:
    """Services would refuse it or, worse, drop it without a word."""
    status, told, _ = await post(served, path, "scripted/org/model", body)
    assert status == 400
    assert place in told


async def test_models_say_whether_they_see(served: Served) -> None:
    listed = (await served.client.get("/models")).json()["data"]
    sees = {model["id"]: model["mini_claude"]["sees"] for model in listed}
    assert sees == {"echo": False, "scripted/org/model": True}


async def test_a_picture_is_counted_before_it_is_answered(served: Served) -> None:
    body = {**anthropic(PNG_URL), "model": "scripted/org/model"}
    del body["max_tokens"]
    assert (await served.client.post("/messages/count_tokens", json=body)).status_code == 200
    refused = await served.client.post("/messages/count_tokens", json={**body, "model": "echo"})
    assert refused.status_code == 400
    assert "reads text only" in refused.json()["error"]["message"]
