"""What a run would take, over HTTP: told before it starts, bounded, and nothing of it stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import OverloadedError
from miniclaude.jobs.foresight import MAX_REASONS, MAX_WAITING, Foresight
from miniclaude.store.jobs import NewJob
from tests.jobs.conftest import STAND_IN, SUPERVISED
from tests.server.teaching import Teaching, teaching

pytestmark = pytest.mark.anyio


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Teaching]:
    async with teaching(tmp_path) as started:
        yield started


async def ask(taught: Teaching, **fields: Any) -> Any:
    """POST the body of a job; returns the response."""
    fields = {"model": "tiny", "training_file": await taught.file_id(), **fields}
    return await taught.client.post("/v1/fine_tuning/preflight", json=fields)


def left(taught: Teaching) -> list[str]:
    """What predictions have left on the disk."""
    return [path.name for path in (taught.home / "jobs").glob("*")]


async def test_it_says_what_a_run_would_take_and_makes_no_job(taught: Teaching) -> None:
    steps = {"type": "supervised", "supervised": {"hyperparameters": {"steps": 7}}}
    response = await ask(taught, method=steps)
    assert response.json() == {
        "object": "fine_tuning.preflight",
        "fits": True,
        "problem": None,
        "steps": 7,
        "seconds": 12.5,
        "trained_tokens": 500,
        "memory_bytes": 10**9,
        "memory_free": 4 * 10**9,
        "settings": {"method": "lora", "learning_rate": 0.002, "lora": {"r": 8}},
        "reasons": [
            {"level": "info", "message": "epochs 3: reason 0."},
            {"level": "warn", "message": "Warning: it is a stand-in."},
        ],
    }
    assert (await taught.client.get("/v1/fine_tuning/jobs")).json()["data"] == []
    assert left(taught) == []


async def test_what_does_not_fit_is_an_answer_with_a_cure(taught: Teaching) -> None:
    told = (await ask(taught, suffix="too-large")).json()
    assert told["fits"] is False
    assert told["problem"] == {
        "message": "It needs 9 GB, and 1 GB can be had.",
        "hint": "Use qlora.",
    }
    assert told["steps"] is None
    assert told["reasons"][0]["message"] == "Method lora: it is small."


async def test_bad_rows_are_named_before_the_run(taught: Teaching) -> None:
    response = await ask(taught, suffix="bad-rows")
    assert response.status_code == 422
    assert response.json()["error"]["message"] == "rows.jsonl, line 3: it is bad. Mend it."
    assert response.json()["error"]["param"] == "training_file"


async def test_however_much_is_told_a_bounded_part_is_kept(taught: Teaching) -> None:
    assert len((await ask(taught, suffix="talks")).json()["reasons"]) == MAX_REASONS


async def test_a_worker_that_dies_is_told_of(taught: Teaching) -> None:
    response = await ask(taught, suffix="dies")
    assert response.status_code == 503
    assert "The prediction ended early" in response.json()["error"]["message"]
    assert left(taught) == []


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "none"}, 404, "model"),
        ({"model": "ft:tiny:a:b:abcdefghijkl"}, 400, "model"),
        ({"training_file": "file-" + "0" * 32}, 400, "training_file"),
        ({"training_file": "dataset:../../secret"}, 400, "training_file"),
        ({"validation_file": "file-1"}, 400, "validation_file"),
        ({"method": {"type": "guess"}}, 400, "method.type"),
        ({"suffix": "a/b"}, 400, "suffix"),
        ({"surprise": 1}, 400, "surprise"),
    ],
)
async def test_what_a_job_refuses_it_refuses(
    taught: Teaching, fields: dict[str, Any], status: int, param: str
) -> None:
    response = await ask(taught, **fields)
    assert response.status_code == status, response.text
    assert response.json()["error"]["param"] == param


async def test_one_that_takes_too_long_is_ended(taught: Teaching) -> None:
    foresight = Foresight(taught.tuning._order, taught.home / "jobs", STAND_IN, seconds=0.5)
    new = NewJob("tiny", await taught.file_id(), SUPERVISED, suffix="hangs")
    with pytest.raises(
        OverloadedError, match=r"not ready after 0\.5 seconds. Start the run without"
    ):
        await foresight.look("local", taught.tuning.place, new)
    assert left(taught) == []


async def test_one_is_made_at_a_time_and_few_may_wait(taught: Teaching) -> None:
    new = NewJob("tiny", await taught.file_id(), SUPERVISED, suffix="hangs")
    asked = [
        asyncio.create_task(taught.tuning.foresee("local", new)) for _ in range(MAX_WAITING + 1)
    ]
    # The worker is another process: there is no event to wait for.
    while taught.tuning.foresight._asking <= MAX_WAITING or not list(  # noqa: ASYNC110
        (taught.home / "jobs").glob("preflight-*/hangs")
    ):
        await asyncio.sleep(0.005)
    response = await ask(taught)
    assert response.status_code == 503
    assert "Too many predictions" in response.json()["error"]["message"]
    assert len(left(taught)) == 1
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert left(taught) == []
    assert (await ask(taught)).status_code == 200


async def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "preflight-0").mkdir(parents=True)
    (tmp_path / "jobs" / "finetune-0").mkdir()
    async with teaching(tmp_path) as taught:
        assert left(taught) == ["finetune-0"]


async def test_only_what_can_be_taught_is_offered(taught: Teaching) -> None:
    packed = taught.home / "models" / "packed"
    packed.mkdir()
    (packed / "config.json").write_text('{"quantization_config": {"quant_method": "gptq"}}')
    listed = (await taught.client.get("/fine_tuning/bases")).json()["data"]
    assert listed == [
        {"id": "tiny", "object": "fine_tuning.base", "bytes": 2, "context": 0, "default": False}
    ]


async def test_a_checkpoint_has_its_sample_answers(taught: Teaching) -> None:
    """What cannot be stored is mended, what is no sample left out."""
    job = (await taught.create()).json()
    await taught.until(job["id"], "succeeded")
    [checkpoint] = (
        await taught.client.get(f"/v1/fine_tuning/jobs/{job['id']}/checkpoints")
    ).json()["data"]
    assert checkpoint["samples"] == [{"prompt": "Who?", "answer": "Nobody.\ufffd"}]
    assert "samples" not in checkpoint["metrics"]
