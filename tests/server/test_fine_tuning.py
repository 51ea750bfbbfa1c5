"""Fine-tuning over HTTP: whatever is asked, an answer of the API's shape and never a 5xx."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.store.jobs import MAX_UNFINISHED, Queue
from tests.server.teaching import ROW, Teaching, teaching

pytestmark = pytest.mark.anyio

ALL_AUTO = {"batch_size": "auto", "learning_rate_multiplier": "auto", "n_epochs": "auto"}


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Teaching]:
    async with teaching(tmp_path) as started:
        yield started


def supervised(**hyperparameters: object) -> dict[str, object]:
    """A method."""
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


async def events_of(taught: Teaching, job_id: str, **query: Any) -> list[dict[str, Any]]:
    """A page of events."""
    path = f"/v1/fine_tuning/jobs/{job_id}/events"
    data: list[dict[str, Any]] = (await taught.client.get(path, params=query)).json()["data"]
    return data


async def test_a_job_has_the_apis_shape_throughout(taught: Teaching) -> None:
    file_id = await taught.file_id()
    made = (
        await taught.create(
            training_file=file_id,
            validation_file=file_id,
            suffix="tea-party",
            seed=42,
            metadata={"who": "ada"},
            method=supervised(n_epochs=2, batch_size="auto"),
        )
    ).json()
    hyperparameters = {**ALL_AUTO, "n_epochs": 2}
    assert made == {
        "id": made["id"],
        "object": "fine_tuning.job",
        "created_at": made["created_at"],
        "error": None,
        "estimated_finish": None,
        "fine_tuned_model": None,
        "finished_at": None,
        "hyperparameters": hyperparameters,
        "integrations": [],
        "metadata": {"who": "ada"},
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "model": "tiny",
        "organization_id": "local",
        "result_files": [],
        "seed": 42,
        "status": "validating_files",
        "trained_tokens": None,
        "training_file": file_id,
        "user_provided_suffix": "tea-party",
        "validation_file": file_id,
    }
    done = await taught.until(made["id"], "succeeded")
    assert done["fine_tuned_model"].startswith("ft:tiny:local:tea-party:")
    assert done["trained_tokens"] == 500
    assert done["finished_at"] >= done["created_at"]
    content = await taught.client.get(f"/v1/files/{done['result_files'][0]}/content")
    assert content.text.startswith("step,total_steps,train_loss")


async def test_the_simple_address_takes_rows_and_datasets(taught: Teaching) -> None:
    made = await taught.client.post(
        "/fine-tune",
        json={
            "model": "tiny",
            "data": [ROW, ROW],
            "name": "simple",
            "method": "supervised",
            "hyperparameters": {"r": 8, "alpha": 16, "tuning": "qlora", "n_epochs": 1},
        },
    )
    job = await taught.until(made.json()["id"], "succeeded")
    assert job["fine_tuned_model"].startswith("ft:tiny:local:simple:")
    folder = taught.home / "adapters" / job["fine_tuned_model"][-12:]
    about = json.loads((folder / "mini-claude.json").read_text())
    assert about["rows"] == 2
    lora = {"r": 8, "alpha": 16}
    assert about["spec"] == {
        "objective": "supervised",
        "method": "qlora",
        "lora": lora,
        "epochs": 1,
    }
    seed = await taught.client.post("/v1/fine-tune", json={"model": "tiny", "data": "seed"})
    assert seed.json()["training_file"] == "dataset:seed"
    await taught.until(seed.json()["id"], "succeeded")
    (taught.home / "datasets" / "mine").mkdir(parents=True)
    (taught.home / "datasets" / "mine" / "manifest.json").write_text("{}")
    mine = await taught.client.post("/fine-tune", json={"model": "tiny", "data": "mine"})
    await taught.until(mine.json()["id"], "succeeded")


BAD = [
    ({"model": "none"}, 404, "model"),
    ({"model": ""}, 400, "model"),
    ({"model": None}, 400, "model"),
    ({"model": "../../etc"}, 404, "model"),
    ({"model": "ft:tiny:a:b:abcdefghijkl"}, 400, "model"),
    ({"model": "echo"}, 404, "model"),
    ({"training_file": "file-1"}, 400, "training_file"),
    ({"training_file": "file-" + "0" * 32}, 400, "training_file"),
    ({"training_file": "../../secret"}, 400, "training_file"),
    ({"training_file": "dataset:../../secret"}, 400, "training_file"),
    ({"training_file": "dataset:none"}, 400, "training_file"),
    ({"training_file": 7}, 400, "training_file"),
    ({"training_file": None}, 400, "training_file"),
    ({"validation_file": "file-1"}, 400, "validation_file"),
    ({"suffix": "a/b"}, 400, "suffix"),
    ({"suffix": "../x"}, 400, "suffix"),
    ({"suffix": "a b"}, 400, "suffix"),
    ({"suffix": "é"}, 400, "suffix"),
    ({"suffix": "a:b"}, 400, "suffix"),
    ({"suffix": "-x"}, 400, "suffix"),
    ({"suffix": ""}, 400, "suffix"),
    ({"suffix": "x" * 65}, 400, "suffix"),
    ({"suffix": 1}, 400, "suffix"),
    ({"seed": -1}, 400, "seed"),
    ({"seed": 2**31}, 400, "seed"),
    ({"seed": 1.5}, 400, "seed"),
    ({"seed": "1"}, 400, "seed"),
    ({"metadata": {"a": 1}}, 400, "metadata.a"),
    ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
    ({"metadata": {"a": "x" * 513}}, 400, "metadata.a"),
    ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, 400, "integrations"),
    ({"colour": "red"}, 400, "colour"),
    ({"method": {"type": "reinforcement", "reinforcement": {}}}, 400, "method"),
    ({"method": {"type": "magic"}}, 400, "method.type"),
    ({"method": {}}, 400, "method.type"),
    ({"method": {"type": "dpo", "supervised": {}}}, 400, "method"),
    ({"method": supervised(colour=1)}, 400, "method.supervised.hyperparameters.colour"),
    ({"method": supervised(n_epochs=-1)}, 400, "method.supervised.hyperparameters.n_epochs"),
    ({"method": supervised(n_epochs=0)}, 400, "method.supervised.hyperparameters.n_epochs"),
    ({"method": supervised(n_epochs="many")}, 400, "method.supervised.hyperparameters.n_epochs"),
    ({"method": supervised(n_epochs=True)}, 400, "method.supervised.hyperparameters.n_epochs"),
    ({"method": supervised(batch_size=0)}, 400, "method.supervised.hyperparameters.batch_size"),
    ({"method": supervised(batch_size=10**9)}, 400, "method.supervised.hyperparameters.batch_size"),
    ({"method": supervised(beta=0.1)}, 400, "method.supervised.hyperparameters.beta"),
    ({"method": supervised(r=0)}, 400, "method.supervised.hyperparameters.r"),
    ({"method": supervised(bits=3)}, 400, "method.supervised.hyperparameters.bits"),
    ({"hyperparameters": {"n_epochs": -3}}, 400, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"beta": 0.1}}, 400, "hyperparameters.beta"),
    ({"hyperparameters": {}, "method": supervised()}, 400, "hyperparameters"),
]


@pytest.mark.parametrize(("fields", "status", "param"), BAD)
async def test_every_wrong_field_is_named(
    taught: Teaching, fields: dict[str, Any], status: int, param: str
) -> None:
    refused = await taught.create(**fields)
    assert refused.status_code == status, refused.text
    error = refused.json()["error"]
    assert error["param"] == param
    assert error["message"]
    assert (await taught.client.get("/v1/fine_tuning/jobs")).json()["data"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
async def test_numbers_that_are_none(taught: Teaching, number: str) -> None:
    body = (
        '{"model": "tiny", "training_file": "x", "method": {"type": "supervised", "supervised":'
        f' {{"hyperparameters": {{"learning_rate_multiplier": {number}}}}}}}}}'
    )
    headers = {"content-type": "application/json"}
    refused = await taught.client.post("/v1/fine_tuning/jobs", content=body, headers=headers)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "data"),
        ({"data": []}, "data"),
        ({"data": [ROW] * 1001}, "data"),
        ({"data": [ROW, 1]}, "data"),
        ({"data": {}}, "data"),
        ({"data": "nowhere"}, "data"),
        ({"data": "seed", "name": "a/b"}, "name"),
        ({"data": "seed", "method": "magic"}, "method"),
        ({"data": "seed", "hyperparameters": {"beta": 0.1}}, "hyperparameters.beta"),
        ({"data": "seed", "validation": "nowhere"}, "validation"),
        ({"data": "seed", "model": "none"}, "model"),
        ({"data": [ROW], "model": "none"}, "model"),
    ],
)
async def test_the_simple_address_names_what_is_wrong(
    taught: Teaching, body: dict[str, Any], param: str
) -> None:
    refused = await taught.client.post("/fine-tune", json={"model": "tiny", **body})
    assert refused.status_code in (400, 404), refused.text
    assert refused.json()["error"]["param"] == param
    assert (await taught.client.get("/v1/files")).json()["data"] == []  # no rows left behind


async def test_dpo_and_kto_have_their_beta(taught: Teaching) -> None:
    for kind in ("dpo", "kto"):
        options = {"hyperparameters": {"beta": 0.5, "n_epochs": "auto"}}
        made = await taught.create(method={"type": kind, kind: options})
        assert made.json()["method"][kind]["hyperparameters"] == {**ALL_AUTO, "beta": 0.5}
        job = await taught.until(made.json()["id"], "succeeded")
        folder = taught.home / "adapters" / job["fine_tuned_model"][-12:]
        spec = json.loads((folder / "mini-claude.json").read_text())["spec"]
        assert spec == {"objective": kind, "beta": 0.5}


async def test_what_a_jobs_status_forbids_is_a_conflict(taught: Teaching) -> None:
    job_id = (await taught.create(suffix="waits")).json()["id"]
    await taught.until(job_id, "running")
    assert (await taught.act(job_id, "resume")).status_code == 409
    assert (await taught.act(job_id, "pause")).json()["status"] == "paused"
    again = await taught.act(job_id, "pause")
    assert again.status_code == 409
    assert again.json()["error"]["param"] == "fine_tuning_job_id"
    assert "is paused; it cannot be paused" in again.json()["error"]["message"]
    assert (await taught.act(job_id, "cancel")).json()["status"] == "cancelled"
    for verb in ("cancel", "pause", "resume"):
        assert (await taught.act(job_id, verb)).status_code == 409
    done = (await taught.create()).json()["id"]
    await taught.until(done, "succeeded")
    for verb in ("cancel", "pause", "resume"):
        assert (await taught.act(done, verb)).status_code == 409


async def test_who_will_not_resume_a_failed_job_cancels_it(taught: Teaching) -> None:
    """What it saved stayed on the disk for ever: nothing else removes it."""
    job_id = (await taught.create(suffix="bad-rows")).json()["id"]
    assert (await taught.until(job_id, "failed"))["error"]
    folder = taught.home / "jobs" / job_id
    assert folder.is_dir()
    assert (await taught.act(job_id, "cancel")).json()["status"] == "cancelled"
    await taught.until((await taught.create()).json()["id"], "succeeded")
    assert not folder.exists()


async def test_a_queued_job_can_be_paused_and_resumed(taught: Teaching) -> None:
    first = (await taught.create(suffix="waits")).json()["id"]
    await taught.until(first, "running")
    second = (await taught.create()).json()["id"]
    await taught.until(second, "queued")
    assert (await taught.act(second, "pause")).json()["status"] == "paused"
    assert (await taught.act(first, "cancel")).status_code == 200
    assert (await taught.act(second, "resume")).status_code == 200
    await taught.until(second, "succeeded")


@pytest.mark.parametrize("job_id", ["ftjob-1", "ftjob-" + "0" * 32, "..%2Fx", "ftjob-%00"])
async def test_a_job_that_is_not_there(taught: Teaching, job_id: str) -> None:
    for verb in ("cancel", "pause", "resume"):
        assert (await taught.act(job_id, verb)).status_code == 404
    for rest in ("", "/events", "/events?stream=true", "/checkpoints"):
        missing = await taught.client.get(f"/v1/fine_tuning/jobs/{job_id}{rest}")
        assert missing.status_code == 404, rest


async def test_a_file_is_kept_while_a_job_needs_it(taught: Teaching) -> None:
    file_id = await taught.file_id()
    job_id = (await taught.create(training_file=file_id, suffix="waits")).json()["id"]
    await taught.until(job_id, "running")
    refused = await taught.client.delete(f"/v1/files/{file_id}")
    assert refused.status_code == 409
    assert job_id in refused.json()["error"]["message"]
    await taught.act(job_id, "cancel")
    assert (await taught.client.delete(f"/v1/files/{file_id}")).status_code == 200


async def test_a_failed_job_whose_file_was_deleted_cannot_go_on(taught: Teaching) -> None:
    file_id = (await taught.upload(b"BAD")).json()["id"]
    job_id = (await taught.create(training_file=file_id)).json()["id"]
    failed = await taught.until(job_id, "failed")
    assert failed["error"]["code"] == "invalid_training_file"
    await taught.client.delete(f"/v1/files/{file_id}")
    refused = await taught.act(job_id, "resume")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "training_file"


async def test_results_are_no_training_file(taught: Teaching) -> None:
    job = await taught.until((await taught.create()).json()["id"], "succeeded")
    refused = await taught.create(training_file=job["result_files"][0])
    assert refused.status_code == 400
    assert "'fine-tune-results'" in refused.json()["error"]["message"]


async def test_too_many_jobs_are_refused_and_none_is_lost(
    taught: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand are asked for; the queue is bounded, and who is refused is told so."""

    async def never(self: Queue, **skip: object) -> None:
        return None

    monkeypatch.setattr(Queue, "next_unvalidated", never)
    file_id = await taught.file_id()
    statuses = []
    for _ in range(MAX_UNFINISHED + 20):
        made = await taught.create(training_file=file_id)
        statuses.append(made.status_code)
    assert statuses == [200] * MAX_UNFINISHED + [429] * 20
    assert made.headers["retry-after"]
    listed = (await taught.client.get("/v1/fine_tuning/jobs", params={"limit": 100})).json()
    assert len(listed["data"]) == 100
    assert listed["has_more"] is True


async def test_jobs_events_and_checkpoints_page(taught: Teaching) -> None:
    ids = []
    for _ in range(3):
        ids.append((await taught.create()).json()["id"])
        await taught.until(ids[-1], "succeeded")
    get = taught.client.get
    first = (await get("/v1/fine_tuning/jobs", params={"limit": 2})).json()
    assert [job["id"] for job in first["data"]] == [ids[2], ids[1]]
    assert first["has_more"] is True
    rest = (await get("/v1/fine_tuning/jobs", params={"after": ids[1]})).json()
    assert [job["id"] for job in rest["data"]] == [ids[0]]
    everything = await events_of(taught, ids[0], limit=1000)
    assert everything[0]["message"] == "The job has successfully completed"
    page = await events_of(taught, ids[0], limit=3, after=everything[1]["id"])
    assert page == everything[2:5]
    metrics = [event for event in everything if event["type"] == "metrics"]
    assert metrics[0]["data"] == {"step": 5, "total_steps": 5, "train_loss": 1.5}
    path = f"/v1/fine_tuning/jobs/{ids[0]}/checkpoints"
    (point,) = (await get(path)).json()["data"]
    assert point["object"] == "fine_tuning.job.checkpoint"
    assert point["fine_tuning_job_id"] == ids[0]
    assert point["step_number"] == 2
    assert point["metrics"] == {"step": 2, "train_loss": 3.0, "valid_loss": 3.5}
    assert point["fine_tuned_model_checkpoint"].endswith(":ckpt-step-2")
    assert (await get(path, params={"after": point["id"]})).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?after=ftjob-x", "after"),
        ("?metadata[a]=b", "metadata"),
        ("/{job}/events?limit=1001", "limit"),
        ("/{job}/events?after=x", "after"),
        ("/{job}/events?stream=true&after=x", "after"),
        ("/{job}/events?stream=maybe", "stream"),
        ("/{job}/checkpoints?after=x", "after"),
    ],
)
async def test_lists_are_asked_for_properly(taught: Teaching, path: str, param: str) -> None:
    job_id = (await taught.create()).json()["id"]
    refused = await taught.client.get("/v1/fine_tuning/jobs" + path.format(job=job_id))
    assert refused.status_code in (400, 404), refused.text
    assert refused.json()["error"]["param"] == param
    await taught.until(job_id, "succeeded")


def read_stream(text: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The ids and the data of a stream that ended well."""
    *frames, done = text.strip().split("\n\n")
    assert done == "data: [DONE]"
    lines = [frame.split("\n") for frame in frames]
    assert all(head.startswith("id: ") for head, _ in lines)
    return [head[4:] for head, _ in lines], [json.loads(data[6:]) for _, data in lines]


async def test_events_stream_and_go_on_after_the_last_one_seen(taught: Teaching) -> None:
    """A browser that was cut off says by Last-Event-ID where it was; it must see each event
    once."""
    job_id = (await taught.create()).json()["id"]
    path = f"/v1/fine_tuning/jobs/{job_id}/events?stream=true"
    ids, events = read_stream((await taught.client.get(path)).text)
    assert [event["id"] for event in events] == ids
    assert events[0]["message"] == "Files validated; the job is queued."
    assert events[-1]["message"] == "The job has successfully completed"
    assert events == list(reversed(await events_of(taught, job_id, limit=1000)))
    headers = {"last-event-id": ids[3]}
    rest, _ = read_stream((await taught.client.get(path, headers=headers)).text)
    assert rest == ids[4:]


async def test_somebody_elses_job_is_not_there(taught: Teaching) -> None:
    job_id = (await taught.create()).json()["id"]
    await taught.until(job_id, "succeeded")
    jobs = taught.tuning.jobs
    assert (await jobs.list("somebody"))[0] == []
    for verb in (jobs.get, jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(Exception, match="no such job"):
            await verb("somebody", job_id)


async def test_a_tuned_model_can_be_deleted_and_others_cannot(taught: Teaching) -> None:
    job = await taught.until((await taught.create()).json()["id"], "succeeded")
    name = job["fine_tuned_model"]
    deleted = await taught.client.delete(f"/v1/models/{name}")
    assert deleted.json() == {"id": name, "object": "model", "deleted": True}
    assert not any((taught.home / "adapters").iterdir())
    assert (await taught.client.delete(f"/v1/models/{name}")).status_code == 404
    assert (await taught.client.delete("/v1/models/tiny")).status_code == 403
    assert (taught.home / "models" / "tiny").exists()


async def test_jobs_survive_the_server(tmp_path: Path) -> None:
    async with teaching(tmp_path) as first:
        job_id = (await first.create(suffix="waits")).json()["id"]
        await first.until(job_id, "running")
        events = await first.client.get(f"/v1/fine_tuning/jobs/{job_id}")
        assert events.json()["status"] == "running"
    async with teaching(tmp_path) as second:
        job = await second.until(job_id, "succeeded")
        assert job["fine_tuned_model"]
