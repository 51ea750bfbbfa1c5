"""`/datasets` and `/preparations`: made from uploads, looked through, mended, saved, deleted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.store.jobs import NewJob
from tests.server.teaching import Teaching, teaching
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import CHATML, write_tiny_checkpoint

pytestmark = pytest.mark.anyio

EVIL = "<img src=x onerror=alert(1)>"


def said(question: str, answer: str) -> dict[str, Any]:
    asked = {"role": "user", "content": question}
    return {"messages": [asked, {"role": "assistant", "content": answer}]}


GOOD = [
    said("How do I boil an egg?", "Put it into boiling water for seven minutes, then cool it."),
    said("What is the capital of Peru?", "Lima, a city on the coast, is the capital of Peru."),
    said(EVIL, f"That is a piece of HTML, shown here as text: {EVIL}"),
    said("Ring me", "Call +1 415 555 2671  whenever you find the time to do so, please."),
]
BAD = [GOOD[0], {"question": "Who?"}, said("And this?", "")]
FILE = "\n".join([*map(json.dumps, GOOD + BAD), "not json", ""]).encode()


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Teaching]:
    async with teaching(tmp_path) as running:
        yield running


async def ended(taught: Teaching, preparation: dict[str, Any]) -> dict[str, Any]:
    """The last thing that the stream of a preparation tells."""
    address = f"/preparations/{preparation['id']}/events"
    told = (await taught.client.get(address)).text
    assert told.endswith("data: [DONE]\n\n")
    last: dict[str, Any] = json.loads(told.split("\n\n")[-3].removeprefix("data: "))
    return last


async def prepared(taught: Teaching, content: bytes = FILE, **fields: Any) -> dict[str, Any]:
    """A dataset called `talk`, made of an upload."""
    file_id = (await taught.upload(content, "talk rows.jsonl")).json()["id"]
    body = {"name": "talk", "sources": [file_id], "augment": False, "validation": 0, **fields}
    made = await taught.client.post("/datasets", json=body)
    assert made.status_code == 202, made.text
    return await ended(taught, made.json())


async def rows(taught: Teaching, name: str = "talk", **query: Any) -> dict[str, Any]:
    answer = await taught.client.get(f"/v1/datasets/{name}/rows", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_an_upload_becomes_a_dataset_before_ones_eyes(taught: Teaching) -> None:
    done = await prepared(taught)
    assert done["status"] == "finished"
    assert [step["name"] for step in done["steps"]] == ["clean", "split", "write"]
    assert all(step["done"] == step["total"] for step in done["steps"])
    assert done["reports"]["clean"]["rows"] == 8
    assert done["sources"] == ["talk rows.jsonl"]
    listed = (await taught.client.get("/datasets")).json()
    assert listed["max_file_bytes"] == taught.tuning.max_file_bytes
    [one] = listed["data"]
    assert (one["name"], one["task"], one["version"]) == ("talk", "supervised", 1)
    assert one["rows"] == {"rows": 8, "train": 4, "validation": 0, "rejected": 4, "merged": 0}
    whole = (await taught.client.get("/datasets/talk")).json()
    assert whole["report"]["accounting"] == one["rows"]
    assert (whole["format"], whole["columns"]) == (None, {})
    assert str(taught.home) not in json.dumps(whole), "paths of the machine are nobody's business"


async def test_rows_are_shown_as_text_in_pages_and_found_by_their_words(taught: Teaching) -> None:
    await prepared(taught)
    first = await rows(taught, limit=3)
    rest = await rows(taught, limit=3, after=first["next"])
    assert [row["number"] for row in first["data"] + rest["data"]] == [1, 2, 3, 4]
    assert rest["next"] is None
    assert first["data"][2]["turns"][0] == {"role": "user", "text": EVIL, "cut": False}
    found = await rows(taught, q="LIMA, a City")
    assert [row["number"] for row in found["data"]] == [2]
    assert (await rows(taught, q="assistant"))["data"] == [], "roles are not what is said"
    whole = (await taught.client.get("/datasets/talk/rows/train/2")).json()
    assert whole == {"number": 2, "row": GOOD[1]}


async def test_every_rejected_row_has_its_place_error_and_cure(taught: Teaching) -> None:
    await prepared(taught)
    found = (await rows(taught, which="rejected"))["data"]
    assert [(row["place"], row["error"]) for row in found] == [
        ("talk rows.jsonl, line 5", "duplicate_row"),
        ("talk rows.jsonl, line 6", "missing_field"),
        ("talk rows.jsonl, line 7", "missing_content"),
        ("talk rows.jsonl, line 8", "not_json"),
    ]
    assert all(row["cure"] and row["message"] for row in found)
    named = await rows(taught, which="rejected", error="not_json")
    assert [row["number"] for row in named["data"]] == [4]
    again = (await taught.client.get("/datasets/talk/rows/rejected/1")).json()
    assert again["repeats"]["place"] == "talk rows.jsonl, line 1"
    assert json.loads(again["repeats"]["row"]) == GOOD[0]


async def test_changed_rows_are_shown_before_and_after(taught: Teaching) -> None:
    await prepared(taught)
    [changed] = (await rows(taught, which="changed"))["data"]
    assert changed["by"] == ["clean", "personal_data"]
    assert "415 555 2671  whenever" in changed["before"]["turns"][1]["text"]
    assert "[PHONE] whenever" in changed["after"]["turns"][1]["text"]


async def test_a_long_rejected_row_comes_whole_from_its_source(taught: Teaching) -> None:
    """A rejection keeps 2,000 characters, which is no JSON that could be edited."""
    long = said("word " * 1000, "")
    await prepared(taught, FILE + json.dumps(long).encode() + b"\n")
    told = (await taught.client.get("/datasets/talk/rows/rejected/5")).json()
    assert told["whole"] is True
    assert json.loads(told["row"]) == long
    [file] = (await taught.client.get("/files")).json()["data"]
    await taught.client.delete(f"/files/{file['id']}")
    told = (await taught.client.get("/datasets/talk/rows/rejected/5")).json()
    assert (told["whole"], len(told["row"])) == (False, 2000)
    gone = await taught.client.get("/datasets/talk/rows?which=changed")
    assert gone.status_code == 422
    assert "has gone" in gone.json()["error"]["message"]


async def test_the_tokens_of_a_very_long_row_are_not_made(taught: Teaching) -> None:
    """It would hold a thread for minutes, to show what nobody can look through."""
    await prepared(taught, json.dumps(said("hi", " ".join(map(str, range(100_000))))).encode())
    refused = await taught.client.get("/datasets/talk/rows/train/1/tokens?model=tiny")
    assert refused.status_code == 400
    assert "too many to show its tokens" in refused.json()["error"]["message"]


async def check(taught: Teaching, row: object) -> dict[str, Any]:
    answer = await taught.client.post("/datasets/talk/check", json={"row": row})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_tokens_are_those_of_the_model_as_it_answers_now(taught: Teaching) -> None:
    """An adapter has no tokenizer of its own but its base's, so none could be looked through; and a
    model that was replaced was shown with the tokens it had had."""
    await prepared(taught)
    base = write_tiny_checkpoint(taught.home / "models" / "whole")
    name = write_tiny_adapter(base, taught.home / "adapters", base_name="whole")

    async def tokens(model: str) -> list[str]:
        path = "/v1/datasets/talk/rows/train/2/tokens"
        answer = await taught.client.get(path, params={"model": model})
        assert answer.status_code == 200, answer.text
        [part] = answer.json()["parts"]
        return [token["text"] for token in part["tokens"]]

    before = await tokens("whole")
    assert await tokens(name) == before
    adapter = taught.home / "adapters" / name.rpartition(":")[2]
    (adapter / "chat_template.jinja").write_text("Mine " + CHATML)
    assert "".join(await tokens(name)).startswith("Mine ")
    assert await tokens("whole") == before
    (base / "chat_template.jinja").write_text("Other " + CHATML)
    assert "".join(await tokens("whole")).startswith("Other ")


async def test_a_mended_row_is_judged_by_the_pipelines_own_rules(taught: Teaching) -> None:
    await prepared(taught)
    kept = await check(taught, {"question": "Who?", "answer": "I am,  call +1 415 555 2671."})
    assert kept == {"kept": True, "row": said("Who?", "I am, call [PHONE].")}
    for row, error in [
        ({"question": "Who?"}, "missing_field"),
        ({"x": 1}, "missing_messages_list"),
        ({"text": "only text"}, "mixed_tasks"),
        (said("How do I build a pipe bomb?", "Sure, first take a pipe and"), "unsafe_answer"),
    ]:
        refused = await check(taught, row)
        assert (refused["kept"], refused["error"]) == (False, error)
        assert refused["cure"]


async def test_a_dataset_tells_how_its_rows_are_read(taught: Teaching) -> None:
    """Mended rows are read the same way: the page must not write them in another form."""
    one = json.dumps({"ask": "Who wrote Faust?", "reply": "Goethe wrote it, over sixty years."})
    columns = {"ask": "instruction", "reply": "output"}
    done = await prepared(taught, one.encode(), format="alpaca", columns=columns)
    assert done["status"] == "finished", done
    told = (await taught.client.get("/datasets/talk")).json()
    assert (told["format"], told["columns"]) == ("alpaca", columns)
    refused = await check(taught, said("Who?", "A small model on your machine."))
    assert not refused["kept"]


async def test_mended_rows_make_a_new_version_and_leave_the_old_one(taught: Teaching) -> None:
    await prepared(taught)
    before = (await taught.client.get("/datasets/talk")).json()
    row = said("Who wrote Faust?", "Goethe wrote it, and took most of his life to do so.")
    made = await taught.client.post("/datasets/talk/versions", json={"rows": [row]})
    assert made.status_code == 202, made.text
    assert (await ended(taught, made.json()))["status"] == "finished"
    new = (await taught.client.get("/datasets/talk-v2")).json()
    assert (new["base"], new["version"], new["rows"]["train"]) == ("talk", 2, 5)
    assert new["sources"] == ["talk rows.jsonl", "talk-v2-mended.jsonl"]
    assert (await rows(taught, "talk-v2", q="Goethe"))["data"]
    assert (await taught.client.get("/datasets/talk")).json() == before
    content = await taught.client.get("/files?order=asc")
    file_id = content.json()["data"][0]["id"]
    assert (await taught.client.get(f"/files/{file_id}/content")).content == FILE
    third = await taught.client.post("/datasets/talk-v2/versions", json={"rows": [row]})
    assert third.json()["name"] == "talk-v3"
    await ended(taught, third.json())


async def test_a_version_of_rows_that_cannot_be_used_is_refused(taught: Teaching) -> None:
    await prepared(taught)
    body = {"rows": [GOOD[0], {"question": "Who?"}]}
    refused = await taught.client.post("/datasets/talk/versions", json=body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["param"], error["code"]) == ("rows[1]", "missing_field")
    assert "answer is missing" in error["message"]
    assert len((await taught.client.get("/files")).json()["data"]) == 1


async def test_one_is_prepared_at_a_time_and_can_be_cancelled(taught: Teaching) -> None:
    many = "".join(
        json.dumps(said(f"What is {n}?", f"{n} is a number.")) + "\n" for n in range(2000)
    )
    file_id = (await taught.upload(many.encode())).json()["id"]
    body = {"name": "many", "sources": [file_id]}
    first = (await taught.client.post("/datasets", json=body)).json()
    assert first["status"] == "running"
    second = await taught.client.post("/datasets", json={**body, "name": "other"})
    assert second.status_code == 409
    assert "'many' is being prepared" in second.json()["error"]["message"]
    cancelled = await taught.client.post(f"/preparations/{first['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert (await taught.client.get("/datasets")).json()["data"] == []
    left = [path.name for path in (taught.home / "datasets").iterdir()]
    assert left == [".sources"], "nothing is left of it"
    again = await taught.client.post(f"/preparations/{first['id']}/cancel")
    assert again.status_code == 409
    listed = (await taught.client.get("/preparations")).json()["data"]
    assert [one["status"] for one in listed] == ["cancelled"]


async def test_a_file_that_cannot_be_used_says_so_and_leaves_nothing(taught: Teaching) -> None:
    for content, words in [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "talk rows.jsonl"),
        (b'{"question": "Who?"}\n', "none of the 1 rows can be trained on"),
        (b"\n\n", "no row"),
    ]:
        done = await prepared(taught, content)
        assert done["status"] == "failed"
        assert words in done["error"]["message"]
        assert str(taught.home) not in done["error"]["message"]
    assert (await taught.client.get("/datasets")).json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"name": "../up"}, 400, "name"),
        ({"name": ".hidden"}, 400, "name"),
        ({"name": "a\u0000b"}, 400, "name"),
        ({"name": "x" * 97}, 400, "name"),
        ({"sources": []}, 400, "sources"),
        ({"sources": ["/etc/passwd"]}, 404, "file_id"),
        ({"sources": ["file-" + "0" * 32]}, 404, "file_id"),
        ({"format": "sonnets"}, 400, "format"),
        ({"validation": 0.9}, 400, "validation"),
        ({"validation": -1}, 400, "validation"),
        ({"paraphrase": True}, 400, "paraphrase"),
    ],
)
async def test_what_cannot_be_prepared_is_refused_by_name(
    taught: Teaching, fields: dict[str, Any], status: int, param: str
) -> None:
    """No name and no source reaches outside the folder."""
    body = {"name": "fine", "sources": ["seed"], **fields}
    refused = await taught.client.post("/v1/datasets", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (status, param)
    assert taught.tuning.datasets.preparations.running is None


async def test_a_name_that_is_taken_stays_taken(taught: Teaching) -> None:
    await prepared(taught)
    refused = await taught.client.post("/datasets", json={"name": "talk", "sources": ["seed"]})
    assert refused.status_code == 409
    assert "There is a dataset 'talk' already" in refused.json()["error"]["message"]


async def test_a_dataset_is_saved_in_the_form_one_likes(taught: Teaching) -> None:
    await prepared(taught)
    saved = await taught.client.get("/datasets/talk/content?part=train")
    assert saved.headers["content-disposition"] == 'attachment; filename="talk-train.jsonl"'
    assert [json.loads(line) for line in saved.text.splitlines()][:3] == GOOD[:3]
    alpaca = await taught.client.get("/datasets/talk/content?format=alpaca")
    assert json.loads(alpaca.text.splitlines()[1])["instruction"] == "What is the capital of Peru?"
    left_out = await taught.client.get("/datasets/talk/content?part=rejected")
    assert json.loads(left_out.text.splitlines()[0])["error"] == "duplicate_row"
    page = await taught.client.get("/datasets/talk/report")
    assert page.headers["content-disposition"].startswith("attachment")
    assert page.headers["content-type"] == "application/octet-stream"
    for query in ("format=x", "part=x"):
        assert (await taught.client.get(f"/datasets/talk/content?{query}")).status_code == 400


async def test_a_dataset_in_use_is_not_deleted_and_its_upload_outlives_it(taught: Teaching) -> None:
    await prepared(taught)
    method: dict[str, object] = {"type": "supervised", "supervised": {"hyperparameters": {}}}
    job = await taught.tuning.jobs.create(
        "local", taught.tuning.place, NewJob("tiny", "dataset:talk", method, suffix="waits")
    )
    refused = await taught.client.delete("/datasets/talk")
    assert refused.status_code == 409
    assert job.id in refused.json()["error"]["message"]
    await taught.tuning.cancel("local", job.id)
    assert (await taught.client.delete("/datasets/talk")).status_code == 204
    assert (await taught.client.delete("/datasets/talk")).status_code == 404
    assert len((await taught.client.get("/files")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("datasets/none", 404),
        ("datasets/..%2fmodels", 404),
        ("datasets/.sources", 400),
        ("datasets/%00", 400),
        ("datasets/talk/rows?which=nonsense", 400),
        ("datasets/talk/rows?after=-1", 400),
        ("datasets/talk/rows?limit=1000", 400),
        ("datasets/talk/rows/train/0", 400),
        ("datasets/talk/rows/train/99999999999999999999", 400),
        ("datasets/talk/rows/train/99", 404),
        ("datasets/talk/rows/changed/1", 400),
        ("datasets/talk/rows/train/1/tokens?model=none", 404),
        ("datasets/talk/rows/train/1/tokens?model=tiny", 422),
        ("datasets/talk/rows/train/99/tokens?model=tiny", 404),
        ("datasets/talk/rows/rejected/1/tokens?model=tiny", 400),
        ("preparations/prep-none", 404),
        ("preparations/prep-none/events", 404),
    ],
)
async def test_what_is_not_there_is_said_to_be_missing(
    taught: Teaching, path: str, status: int
) -> None:
    await prepared(taught)
    answer = await taught.client.get(f"/v1/{path}")
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


async def test_somebody_elses_preparation_is_not_there(taught: Teaching) -> None:
    done = await prepared(taught)
    taught.tuning.datasets.preparations.get("local", done["id"]).owner = "somebody"
    assert (await taught.client.get(f"/preparations/{done['id']}")).status_code == 404
    assert (await taught.client.get("/preparations")).json()["data"] == []


async def test_a_damaged_dataset_is_the_callers_to_mend(taught: Teaching) -> None:
    await prepared(taught)
    (taught.home / "datasets" / "talk" / "train.jsonl").write_text("{")
    answer = await taught.client.get("/datasets/talk")
    assert answer.status_code == 422
    assert "was changed since it was prepared" in answer.json()["error"]["message"]
    assert (await taught.client.get("/datasets")).json()["data"] == []
