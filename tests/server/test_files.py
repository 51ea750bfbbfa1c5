"""Uploads: whatever is sent, it is stored as it is under an id of ours, or refused by name."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.teaching import ROWS, Teaching, teaching

pytestmark = pytest.mark.anyio

FORM = {"content-type": "multipart/form-data; boundary=xxx"}


def part(name: str, value: str, more: str = "") -> str:
    """One part of a form."""
    return f'--xxx\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


GOOD = part("purpose", "fine-tune") + part("file", "{}", '; filename="a.jsonl"') + "--xxx--\r\n"


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Teaching]:
    async with teaching(tmp_path, max_file_bytes=100_000) as started:
        yield started


async def raw(taught: Teaching, body: str | bytes, **headers: str) -> Any:
    """POST a form as it is written here."""
    content = body.encode() if isinstance(body, str) else body
    return await taught.client.post("/v1/files", content=content, headers={**FORM, **headers})


def stored(taught: Teaching) -> list[Path]:
    """What the upload folder holds."""
    folder = taught.home / "files"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_a_file_comes_back_as_it_was_sent(taught: Teaching, prefix: str) -> None:
    made = (await taught.upload(ROWS, "мои.jsonl")).json()
    assert made["object"] == "file"
    assert made["bytes"] == len(ROWS)
    assert made["filename"] == "мои.jsonl"
    assert (made["purpose"], made["status"]) == ("fine-tune", "processed")
    assert (await taught.client.get(f"{prefix}/files/{made['id']}")).json() == made
    content = await taught.client.get(f"{prefix}/files/{made['id']}/content")
    assert content.content == ROWS
    assert content.headers["content-disposition"].startswith("attachment")
    assert content.headers["content-type"] == "application/octet-stream"
    kept = await taught.tuning.files.get("local", made["id"])
    assert kept.sha256 == hashlib.sha256(ROWS).hexdigest()
    gone = await taught.client.delete(f"{prefix}/files/{made['id']}")
    assert gone.json() == {"id": made["id"], "object": "file", "deleted": True}
    assert (await taught.client.get(f"{prefix}/files/{made['id']}")).status_code == 404
    assert stored(taught) == []


async def test_the_disk_is_waited_for_beside_the_event_loop(
    taught: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk takes seconds to have hundreds of megabytes, in which nobody's answer went on."""
    threads: list[int] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        threads.append(threading.get_ident())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    made = await taught.upload(ROWS)
    assert made.status_code == 200
    assert [path.read_bytes() for path in stored(taught)] == [ROWS]
    remove = taught.tuning.folder.remove

    def removing(file_id: str) -> None:
        threads.append(threading.get_ident())
        remove(file_id)

    monkeypatch.setattr(taught.tuning.folder, "remove", removing)
    assert (await taught.client.delete(f"/v1/files/{made.json()['id']}")).status_code == 200
    assert len(threads) >= 2
    assert threading.get_ident() not in threads


async def test_a_disk_that_becomes_full_at_the_end_is_told_of(
    taught: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is last heard of when everything was handed over."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = await taught.upload(ROWS)
    assert refused.status_code == 409, refused.text
    assert stored(taught) == []


async def test_lists_page_both_ways(taught: Teaching) -> None:
    ids = [await taught.file_id() for _ in range(5)]
    get = taught.client.get
    first = (await get("/v1/files", params={"limit": 2})).json()
    assert [file["id"] for file in first["data"]] == [ids[4], ids[3]]
    assert first["has_more"] is True
    assert (first["first_id"], first["last_id"]) == (ids[4], ids[3])
    rest = (await get("/v1/files", params={"after": ids[3]})).json()
    assert [file["id"] for file in rest["data"]] == [ids[2], ids[1], ids[0]]
    assert rest["has_more"] is False
    oldest = (await get("/v1/files", params={"order": "asc", "limit": 2, "after": ids[0]})).json()
    assert [file["id"] for file in oldest["data"]] == [ids[1], ids[2]]
    assert (await get("/v1/files", params={"purpose": "batch"})).json()["data"] == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\rows.jsonl", "rows.jsonl"),
        ("a\x1b[31m.jsonl", "a[31m.jsonl"),
        ("", "upload"),
        ("x" * 400 + ".jsonl", "x" * 249 + ".jsonl"),
    ],
)
async def test_a_files_name_is_data_and_never_a_path(
    taught: Teaching, sent: str, kept: str
) -> None:
    body = GOOD.replace("a.jsonl", sent.replace("\\", "\\\\"))
    made = (await raw(taught, body)).json()
    assert made["filename"] == kept
    assert [path.name for path in stored(taught)] == [made["id"]]


async def test_parts_may_come_in_any_order_and_any_pieces(taught: Teaching) -> None:
    """The boundary may fall between two packets."""
    body = part("file", "a\r\n--xx\r\nb", '; filename="a"') + part("purpose", "fine-tune")
    body += "--xxx--\r\n"

    async def bytewise() -> AsyncIterator[bytes]:
        for byte in body.encode():
            yield bytes([byte])

    made = await taught.client.post("/files", content=bytewise(), headers=FORM)
    assert made.status_code == 200, made.text
    content = await taught.client.get(f"/files/{made.json()['id']}/content")
    assert content.content == b"a\r\n--xx\r\nb"


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (GOOD.replace("fine-tune", "assistants"), "purpose", "'assistants' is not offered here"),
        (GOOD.replace("fine-tune", "nonsense"), "purpose", "'nonsense' is not a purpose"),
        (part("file", "{}", '; filename="a"') + "--xxx--\r\n", "purpose", "required"),
        (part("purpose", "fine-tune") + "--xxx--\r\n", "file", "required"),
        (GOOD.replace("{}", ""), "file", "'a.jsonl' is empty"),
        (part("expires_after[anchor]", "created_at") + GOOD, "expires_after[anchor]", "not known"),
        (part("file", "x", '; filename="b"') + GOOD, None, "more than one file"),
        (part("purpose", "fine-tune") + GOOD, None, "'purpose' is given twice"),
        (part("purpose", "x" * 2000) + GOOD, None, "longer than 1,024 bytes"),
        (GOOD.replace("--xxx--", ""), None, "ends in the middle"),
        (GOOD[:80], None, "ends in the middle"),
        ("", None, "ends in the middle"),
        ("no form at all", None, "cannot be read"),
        (GOOD.replace("form-data;", "attachment;"), None, "a part has no name"),
        (GOOD.replace("\r\n\r\n", "\r\nX-Long: " + "y" * 9000 + "\r\n\r\n"), None, "header size"),
    ],
)
async def test_what_is_no_good_form_is_refused_by_name(
    taught: Teaching, body: str, param: str | None, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """To the caller, and not in the log: anybody could fill it."""
    refused = await raw(taught, body)
    assert not caplog.records
    assert refused.status_code == 400, refused.text
    assert words in refused.json()["error"]["message"]
    assert refused.json()["error"]["param"] == param
    assert stored(taught) == []


async def test_a_form_of_endless_parts_is_not_read_to_its_end(taught: Teaching) -> None:
    parts = "".join(part(f"p{number}", "") for number in range(100))
    refused = await raw(taught, parts.replace('name="p', 'name="purpose" x="p'))
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "multipart/form-data"},
        {"content-type": "multipart/form-data; boundary=" + "x" * 100},
        {"content-encoding": "gzip"},
    ],
)
async def test_what_is_not_declared_a_form_is_refused(
    taught: Teaching, headers: dict[str, str]
) -> None:
    assert (await raw(taught, GOOD, **headers)).status_code == 415


async def test_a_file_above_the_cap_is_refused_while_it_is_read(taught: Teaching) -> None:
    """And one that lies about its length too; nothing of it stays on the disk."""
    refused = await taught.upload(b"x" * 100_001)
    assert refused.status_code == 413
    assert "100,000 bytes" in refused.json()["error"]["message"]
    assert stored(taught) == []


async def test_only_uploads_may_be_larger_than_other_bodies(tmp_path: Path) -> None:
    async with teaching(tmp_path, max_body_bytes=2000, max_file_bytes=50_000) as taught:
        assert (await taught.upload(b"x" * 40_000)).status_code == 200
        assert (await taught.upload(b"x" * 200_000)).status_code == 413
        body = '{"model": "' + "x" * 3000 + '"}'
        headers = {"content-type": "application/json"}
        job = await taught.client.post("/v1/fine_tuning/jobs", content=body, headers=headers)
        assert job.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_another_sites_form_cannot_upload_or_cancel(
    taught: Teaching, headers: dict[str, str]
) -> None:
    """A form is sent without asking us first, and needs no JSON: only what the browser says of
    the page that sends it tells it from our own."""
    assert (await raw(taught, GOOD, **headers)).status_code == 403
    refused = await taught.client.post("/v1/fine_tuning/jobs/x/cancel", headers=headers)
    assert refused.status_code == 403
    assert stored(taught) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8642", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_our_own_page_and_programs_may(taught: Teaching, headers: dict[str, str]) -> None:
    assert (await raw(taught, GOOD, **headers)).status_code == 200


async def test_an_upload_needs_the_key(tmp_path: Path) -> None:
    async with teaching(tmp_path, api_key="a-long-enough-key") as taught:
        assert (await raw(taught, GOOD)).status_code == 401


@pytest.mark.parametrize("file_id", ["file-1", "file-" + "0" * 32, "..%2F..%2Fmini-claude.db", "x"])
async def test_a_file_that_is_not_there(taught: Teaching, file_id: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        missing = await taught.client.request(method, f"/v1/files/{file_id}{path}")
        assert missing.status_code == 404, (method, path)


async def test_somebody_elses_file_is_not_there(taught: Teaching) -> None:
    file_id = await taught.file_id()
    row = await taught.tuning.files.get("local", file_id)
    await taught.tuning.files.delete("local", file_id)
    await taught.tuning.files.add("somebody", row)
    assert (await taught.client.get(f"/v1/files/{file_id}")).status_code == 404
    assert (await taught.client.delete(f"/v1/files/{file_id}")).status_code == 404
    assert (await taught.client.get("/v1/files")).json()["data"] == []
    refused = await taught.create(training_file=file_id)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "training_file"


async def test_bytes_that_have_gone_are_said_to_have_gone(taught: Teaching) -> None:
    file_id = await taught.file_id()
    stored(taught)[0].unlink()
    missing = await taught.client.get(f"/v1/files/{file_id}/content")
    assert missing.status_code == 404
    assert "not on this machine" in missing.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("after=x", "after"),
        ("purpose=%00", "purpose"),
    ],
)
async def test_a_list_is_asked_for_properly(taught: Teaching, query: str, param: str) -> None:
    """PostgreSQL takes no NUL: asking for such a purpose was answered as if it could not be
    reached."""
    refused = await taught.client.get(f"/v1/files?{query}")
    assert refused.status_code in (400, 404)
    assert refused.json()["error"]["param"] == param
