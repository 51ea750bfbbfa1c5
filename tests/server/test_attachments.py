"""Files for a question: read as text, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.chat import attachments
from tests.pdf_file import make_pdf
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

BYTES = {"Content-Type": "application/octet-stream"}


async def attach(served: Served, name: str, data: bytes) -> tuple[int, dict[str, Any]]:
    response = await served.client.post(
        "/attachments", params={"name": name}, content=data, headers=BYTES
    )
    body: dict[str, Any] = response.json()
    return response.status_code, body


async def test_text_becomes_a_named_block(served: Served) -> None:
    status, found = await attach(served, "../notes.txt", "\ufeffone\r\ntwo 🦊".encode())
    assert status == 200
    assert found["name"] == "notes.txt"
    assert found["characters"] == 9
    block = '<attachment name="notes.txt" characters="9">\none\ntwo 🦊\n</attachment>'
    assert found["block"] == block
    _, wide = await attach(served, "wide.txt", "café".encode("utf-16"))
    assert "café" in wide["block"]


async def test_a_pdf_becomes_the_text_of_its_pages(served: Served) -> None:
    """Whatever it is called."""
    status, found = await attach(served, "report", make_pdf("The fox is red.", "Page two."))
    assert status == 200, found
    assert (found["pages"], found["pages_read"], found["truncated"]) == (2, 2, False)
    assert "The fox is red.\n\nPage two." in found["block"]


async def test_what_is_too_long_is_cut_and_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_CHARACTERS", 10)
    _, found = await attach(served, "long.txt", b"x" * 11)
    assert (found["characters"], found["truncated"]) == (10, True)
    _, found = await attach(served, "long.pdf", make_pdf("one two three", "four", "five"))
    assert (found["characters"], found["truncated"], found["pages_read"]) == (10, True, 1)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("none.txt", b"", "none.txt is empty."),
        ("a.bin", b"\xff\x00\x12", "a.bin is neither text in UTF-8 nor a PDF (byte 0)."),
        ("nul.txt", b"a\x00b", "nul.txt holds NUL characters, so it is no text."),
        ("me.png", b"\x89PNG\r\n\x1a\n", "me.png is a picture (PNG), which is not read as text."),
        ("bad.pdf", b"%PDF-1.7\nrubbish", "bad.pdf is a broken PDF."),
        ("blank.pdf", make_pdf(""), "blank.pdf holds no text; its pages may be pictures."),
        ('"<evil>".txt', b"", "evil.txt is empty."),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(
    served: Served, name: str, data: bytes, told: str
) -> None:
    status, found = await attach(served, name, data)
    assert status == 400
    assert found["error"]["message"].startswith(told)
    assert found["error"]["param"] == "name"


async def test_a_pdf_that_takes_for_ever_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "PDF_SECONDS", 0.0)
    status, found = await attach(served, "bomb.pdf", make_pdf("x"))
    assert status == 400
    assert "bomb.pdf takes too long or too much memory to read." in found["error"]["message"]


async def test_only_bytes_with_a_name_are_taken(served: Served) -> None:
    form = await served.client.post("/attachments?name=a", json={})
    assert form.status_code == 415
    nameless = await served.client.post("/attachments", content=b"x", headers=BYTES)
    assert nameless.status_code == 400
    large = await served.client.post(
        "/v1/attachments?name=a",
        content=b"x",
        headers={**BYTES, "Content-Length": str(attachments.MAX_BYTES + 1)},
    )
    assert large.status_code == 413
