"""The unmodified `openai` SDK teaches a model of its own: file, job, events, chat with the result.

The worker's work is a stand-in that copies its base; all else is real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from miniclaude.engine.limits import EngineLimits
from miniclaude.providers.local import Local
from tests.contracts.conftest import Live, running
from tests.jobs.conftest import workshop_in
from tests.tiny_checkpoint import write_tiny_checkpoint

ROW = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}
ROWS = (json.dumps(ROW) + "\n").encode() * 12
FINAL = ("succeeded", "failed", "cancelled")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with one tiny model that it can teach."""
    home = tmp_path_factory.mktemp("teaching")
    write_tiny_checkpoint(home / "models" / "tiny", context=64)
    workshop = workshop_in(home)
    local = Local(
        workshop.library, threads=1, max_loaded=1, limits=EngineLimits(kv_tokens=512, max_running=4)
    )
    with running(home, {"local": local}, "tiny", workshop) as started:
        yield started


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0, timeout=180) as sdk:
        yield sdk


def upload(client: OpenAI) -> str:
    """The id of a file of good rows."""
    return client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune").id


def wait_for(client: OpenAI, live: Live, job_id: str, status: str) -> None:
    """Return when the job has the status; a status that is final ends the waiting."""

    def is_there() -> bool:
        now = client.fine_tuning.jobs.retrieve(job_id).status
        assert now == status or now not in FINAL
        return now == status

    live.wait_until(is_there)


def test_from_rows_to_an_answer(client: OpenAI, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    file = client.files.create(file=path, purpose="fine-tune")
    assert (file.filename, file.bytes, file.status) == ("rows.jsonl", len(ROWS), "processed")
    job = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=file.id,
        suffix="friendly",
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        metadata={"for": "tea"},
    )
    assert (job.object, job.model, job.training_file) == ("fine_tuning.job", "tiny", file.id)
    assert (job.seed, job.metadata) == (7, {"for": "tea"})
    assert job.hyperparameters.n_epochs == 2
    wait_for(client, live, job.id, "succeeded")
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.fine_tuned_model is not None
    assert done.fine_tuned_model.startswith("ft:tiny:local:friendly:")
    assert done.trained_tokens == 500
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=2))  # follows the pages
    assert events[0].message == "The job has successfully completed"
    assert [e.type for e in events].count("metrics") == 5
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert (checkpoint.step_number, checkpoint.metrics.valid_loss) == (2, 3.5)
    table = client.files.content(done.result_files[0]).text
    assert table.splitlines()[0] == "step,total_steps,train_loss"
    assert done.fine_tuned_model in [model.id for model in client.models.list()]
    answer = client.chat.completions.create(
        model=done.fine_tuned_model,
        messages=[{"role": "user", "content": "hi"}],
        max_tokens=4,
        seed=1,
    )
    assert answer.model == done.fine_tuned_model
    assert answer.usage is not None
    assert answer.usage.completion_tokens >= 1
    assert client.models.delete(done.fine_tuned_model).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(done.fine_tuned_model)


def test_pause_resume_and_cancel(client: OpenAI, live: Live) -> None:
    job = client.fine_tuning.jobs.create(model="tiny", training_file=upload(client), suffix="waits")
    wait_for(client, live, job.id, "running")
    paused = client.fine_tuning.jobs.pause(job.id)
    assert str(paused.status) == "paused"  # a status that the SDK's own list does not have
    client.fine_tuning.jobs.resume(job.id)
    wait_for(client, live, job.id, "succeeded")
    other = client.fine_tuning.jobs.create(
        model="tiny", training_file=upload(client), suffix="waits"
    )
    wait_for(client, live, other.id, "running")
    cancelled = client.fine_tuning.jobs.cancel(other.id)
    assert cancelled.status == "cancelled"
    assert cancelled.fine_tuned_model is None
    with pytest.raises(openai.ConflictError):
        client.fine_tuning.jobs.cancel(other.id)
    assert [listed.id for listed in client.fine_tuning.jobs.list(limit=1)][:2] == [other.id, job.id]


def test_a_bad_file_fails_the_job_with_its_line(client: OpenAI, live: Live) -> None:
    file = client.files.create(file=("bad.jsonl", b"BAD"), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file.id)
    wait_for(client, live, job.id, "failed")
    error = client.fine_tuning.jobs.retrieve(job.id).error
    assert error is not None
    assert (error.code, error.param) == ("invalid_training_file", "training_file")
    assert error.message.startswith("bad.jsonl, line 1: missing_messages_list")


def test_files_are_listed_and_deleted(client: OpenAI) -> None:
    ids = [upload(client) for _ in range(3)]
    assert [file.id for file in client.files.list(limit=2)][:3] == ids[::-1]
    assert client.files.retrieve(ids[0]).purpose == "fine-tune"
    assert client.files.content(ids[0]).read() == ROWS
    assert client.files.delete(ids[0]).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(ids[0])


def test_what_the_sdk_can_ask_and_we_do_not_offer_is_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'batch' is not offered here") as refused:
        client.files.create(file=("rows.jsonl", ROWS), purpose="batch")
    assert refused.value.param == "purpose"
    with pytest.raises(openai.BadRequestError, match="expires_after"):
        client.files.create(
            file=("rows.jsonl", ROWS),
            purpose="fine-tune",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
    with pytest.raises(openai.BadRequestError, match="cannot be filtered"):
        client.fine_tuning.jobs.list(metadata={"a": "b"})
    with pytest.raises(openai.BadRequestError, match="integrations"):
        client.fine_tuning.jobs.create(
            model="tiny",
            training_file="file-1",
            integrations=[{"type": "wandb", "wandb": {"project": "x"}}],
        )
