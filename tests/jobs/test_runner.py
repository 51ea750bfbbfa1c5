"""Jobs are carried out by workers that may die at any moment, and by a server that may too."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from miniclaude.jobs.fine_tuning import FineTuning
from miniclaude.store.database import Database
from miniclaude.store.jobs import NewJob
from tests.jobs.conftest import OWNER, SUPERVISED, Taught, workshop_in

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


async def test_a_job_goes_from_a_file_to_a_model(taught_on_each: Taught) -> None:
    taught = taught_on_each
    job = await taught.start("tea")
    assert job.status == "validating_files"
    done = await taught.until_status(job, "succeeded")
    assert done.fine_tuned_model == f"ft:tiny:{OWNER}:tea:{job.model_id}"
    assert done.trained_tokens == 500
    assert done.error is None
    assert done.estimated_finish is None
    assert done.finished_at
    about = json.loads((taught.home / "adapters" / job.model_id / "mini-claude.json").read_text())
    assert about["rows"] == 1
    assert about["spec"] == {"objective": "supervised"}
    metrics, report = [await taught.tuning.files.get(OWNER, file) for file in done.result_files]
    assert (metrics.name, metrics.purpose) == ("step_metrics.csv", "fine-tune-results")
    rows = taught.tuning.folder.path(metrics.id).read_text().splitlines()
    assert rows[0] == "step,total_steps,train_loss"
    assert rows[1:] == [f"{step},5,{4.0 - step / 2}" for step in range(1, 6)]
    assert report.name == "report.json"
    messages = await taught.messages(job)
    assert messages[:2] == ["Files validated; the job is queued.", "Fine-tuning job started."]
    assert "Planned: 5 steps, 500 trained tokens, about 1.0 minutes." in messages
    assert "Step 3/5: training loss=2.5000" in messages
    assert "Checkpoint saved at step 2." in messages
    assert messages[-1] == "The job has successfully completed"
    checkpoints, _ = await taught.tuning.events.checkpoints(OWNER, job.id)
    assert [(point.step, point.metrics["valid_loss"]) for point in checkpoints] == [(2, 3.5)]


async def test_a_worker_has_no_keys_and_stands_back(
    taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads files of anybody's making, beside engines that people are waiting for."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("HF_TOKEN", "secret")
    job = await taught.until_status(await taught.start(), "succeeded")
    about = json.loads((taught.home / "adapters" / job.model_id / "mini-claude.json").read_text())
    assert not {"OPENAI_API_KEY", "HF_TOKEN", "HOME"} & set(about["environment"])
    assert about["niceness"] >= 10


async def test_bad_rows_fail_the_job_before_it_is_queued(taught: Taught) -> None:
    job = await taught.until_status(await taught.start(text="BAD"), "failed")
    assert job.error == {
        "code": "invalid_training_file",
        "message": "rows.jsonl, line 1: missing_messages_list: it says so. Do not say so.",
        "param": "training_file",
    }
    assert job.finished_at


async def test_an_error_of_the_work_is_the_jobs_error(taught: Taught) -> None:
    job = await taught.until_status(await taught.start("bad-rows"), "failed")
    assert job.error is not None
    assert job.error["message"] == "rows.jsonl, line 3: it is bad. Mend it."


async def test_pause_keeps_the_checkpoint_and_resume_goes_on_from_it(
    taught_on_each: Taught,
) -> None:
    taught = taught_on_each
    job = await taught.start("waits")
    await taught.until_told(job, "Checkpoint saved")
    paused = await taught.tuning.pause(OWNER, job.id)
    assert paused.status == "paused"
    assert paused.estimated_finish is None
    await taught.until_status(job, "paused")
    assert (taught.home / "jobs" / job.id / "state.json").exists()
    await taught.tuning.resume(OWNER, job.id)
    await taught.until_status(job, "succeeded")
    messages = await taught.messages(job)
    assert "Job paused; its last checkpoint is kept." in messages
    steps = [message for message in messages if message.startswith("Step ")]
    assert [step[5] for step in steps] == ["1", "2", "3", "4", "5"]


async def test_resuming_at_once_does_not_start_a_second_worker(taught: Taught) -> None:
    """The first one may still be at its step when the job is queued again: two would write the
    same checkpoints."""
    job = await taught.start("waits")
    await taught.until_told(job, "Checkpoint saved")
    await taught.tuning.pause(OWNER, job.id)
    await taught.tuning.resume(OWNER, job.id)
    await taught.until_status(job, "succeeded")
    steps = [message for message in await taught.messages(job) if message.startswith("Step ")]
    assert [step[5] for step in steps] == ["1", "2", "3", "4", "5"]


async def test_cancel_ends_the_worker_and_keeps_nothing(taught: Taught) -> None:
    job = await taught.start("waits")
    await taught.until_told(job, "Checkpoint saved")
    pid = taught.tuning.runner.lives[job.id].pid
    assert pid is not None
    cancelled = await taught.tuning.cancel(OWNER, job.id)
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at
    await taught.until_status(job, "cancelled")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not (taught.home / "jobs" / job.id).exists()
    assert not any((taught.home / "adapters").glob("*"))


async def test_a_job_cancelled_while_it_is_paused_leaves_nothing(taught_on_each: Taught) -> None:
    taught = taught_on_each
    job = await taught.start("waits")
    await taught.until_told(job, "Checkpoint saved")
    await taught.tuning.pause(OWNER, job.id)
    await taught.until_status(job, "paused")
    await taught.tuning.cancel(OWNER, job.id)
    await taught.until_status(await taught.start(), "succeeded")
    assert not (taught.home / "jobs" / job.id).exists()


async def test_a_worker_that_is_killed_is_started_again(taught: Taught) -> None:
    job = await taught.until_status(await taught.start("dies-2"), "succeeded")
    messages = await taught.messages(job)
    assert sum("was killed by SIGKILL" in message for message in messages) == 2
    steps = [message[5] for message in messages if message.startswith("Step ")]
    assert steps == ["1", "2", "3", "4", "5"]


async def test_a_worker_that_dies_over_its_result_leaves_no_half_of_it(taught: Taught) -> None:
    job = await taught.until_status(await taught.start("dies-late"), "succeeded")
    found = [path.name for path in (taught.home / "adapters").iterdir()]
    assert found == [job.model_id]


async def test_a_worker_that_always_dies_is_given_up_with_the_reason(taught: Taught) -> None:
    job = await taught.until_status(await taught.start("dies-9"), "failed")
    assert job.error is not None
    assert job.error["code"] == "worker_died"
    assert "killed by SIGKILL" in job.error["message"]
    assert "died 4 times without a new checkpoint" in job.error["message"]
    assert "smaller batch" in job.error["message"]


async def test_a_fault_of_the_work_is_told_by_its_last_words(taught: Taught) -> None:
    job = await taught.until_status(await taught.start("fault"), "failed")
    assert job.error is not None
    assert "RuntimeError: the stand-in has a fault" in job.error["message"]
    assert "short of memory" not in job.error["message"]


@pytest.mark.parametrize("suffix", ["full", "no-room"])
async def test_a_full_disk_pauses_the_job(taught: Taught, suffix: str) -> None:
    """Failing would throw days of training away for want of a few megabytes; also when it is not
    the checkpoint that finds no room, but a report or a file of settings."""
    job = await taught.until_status(await taught.start(suffix), "paused")
    told = await taught.messages(job)
    assert any("Free some" in message and "hen resume" in message for message in told), told
    await taught.tuning.resume(OWNER, job.id)
    await taught.until_status(job, "succeeded")


async def test_one_job_trains_at_a_time_the_oldest_first(taught: Taught) -> None:
    first = await taught.start("waits")
    await taught.until_told(first, "Checkpoint saved")
    second, third = await taught.start("b"), await taught.start("c")
    await taught.until_status(third, "queued")
    assert set(taught.tuning.runner.lives) == {first.id}
    await taught.tuning.pause(OWNER, first.id)
    done = await taught.until_status(third, "succeeded")
    before = await taught.tuning.jobs.get(OWNER, second.id)
    assert before.finished_at is not None
    assert done.finished_at is not None
    assert before.finished_at < done.finished_at


async def test_a_server_that_stops_lets_the_worker_save_and_goes_on_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    first = Taught(tmp_path, await FineTuning.open(database, workshop_in(tmp_path)))
    job = await first.start("waits")
    await first.until_told(job, "Checkpoint saved")
    await first.tuning.aclose()
    assert not first.tuning.runner.lives
    second = Taught(tmp_path, await FineTuning.open(database, workshop_in(tmp_path)))
    await second.until_status(job, "succeeded")
    steps = [message for message in await second.messages(job) if message.startswith("Step ")]
    assert [step[5] for step in steps] == ["1", "2", "3", "4", "5"]
    await second.tuning.aclose()


async def test_two_servers_on_one_database_leave_each_others_jobs_alone(
    database: Database, tmp_path: Path
) -> None:
    """Each has the files of its own home folder only; and the second one's start must not queue
    again what the first is training."""
    here = Taught(tmp_path / "a", await FineTuning.open(database, workshop_in(tmp_path / "a")))
    job = await here.start("waits")
    await here.until_told(job, "Checkpoint saved")
    there = Taught(tmp_path / "b", await FineTuning.open(database, workshop_in(tmp_path / "b")))
    await there.until_status(await there.start(), "succeeded")
    assert (await there.tuning.jobs.get(OWNER, job.id)).status == "running"
    await there.tuning.cancel(OWNER, job.id)  # noticed by the other one, by looking
    await here.until_status(job, "cancelled")
    await asyncio.gather(here.tuning.aclose(), there.tuning.aclose())


async def test_a_base_that_was_removed_fails_the_job(taught: Taught) -> None:
    first = await taught.start("waits")
    await taught.until_told(first, "Checkpoint saved")
    job = await taught.start()
    await taught.until_status(job, "queued")
    (taught.home / "models" / "tiny" / "config.json").unlink()
    (taught.home / "models" / "tiny").rmdir()
    await taught.tuning.cancel(OWNER, first.id)
    failed = await taught.until_status(job, "failed")
    assert failed.error is not None
    assert failed.error["param"] == "model"


async def test_a_file_that_has_gone_from_the_disk_fails_the_job(taught: Taught) -> None:
    file_id = await taught.upload()
    taught.tuning.folder.remove(file_id)
    job = await taught.tuning.create(OWNER, NewJob("tiny", file_id, SUPERVISED))
    failed = await taught.until_status(job, "failed")
    assert failed.error is not None
    assert failed.error["message"].startswith("The file rows.jsonl has gone from the disk.")


async def test_bytes_without_a_row_are_removed_at_the_next_start(taught: Taught) -> None:
    """A server was killed between storing an upload and its row."""
    kept = await taught.upload()
    orphan = taught.home / "files" / f"file-{'0' * 32}"
    orphan.write_text("left behind")
    (taught.home / "files" / f"file-{'1' * 32}.partial").write_text("half")
    taught.tuning.folder.sweep(await taught.tuning.files.ids(taught.tuning.place))
    assert [path.name for path in (taught.home / "files").iterdir()] == [kept]


async def test_runs_of_the_command_line_are_not_a_servers_to_remove(taught: Taught) -> None:
    """They lie beside the jobs' own; a server that started once removed them, checkpoints and
    all."""
    folder = taught.tuning.runner._folder
    for name in ("finetune-0123456789abcdef", ".plan-x", f"ftjob-{'0' * 32}"):
        (folder / name).mkdir(parents=True)
    await taught.tuning.runner._tidy()
    assert {"finetune-0123456789abcdef", ".plan-x"} <= {path.name for path in folder.iterdir()}
    assert not (folder / f"ftjob-{'0' * 32}").exists()


async def test_a_worker_leaves_with_its_parent(taught: Taught) -> None:
    """Its standard input ends when the server is killed."""
    job = await taught.start("waits")
    await taught.until_told(job, "Checkpoint saved")
    life = taught.tuning.runner.lives[job.id]
    connection = life._connection
    assert connection is not None
    connection.input.close()
    assert await connection.process.wait() == 0
    assert connection.process.returncode != -signal.SIGKILL
    await taught.until_status(job, "succeeded")


async def test_a_server_that_is_killed_goes_on_at_its_next_start(tmp_path: Path) -> None:
    """kill -9 leaves the row saying `running`, and nobody to end the worker but itself."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.killed_server", str(tmp_path), stdout=PIPE
    )
    assert server.stdout is not None
    worker, job_id = (await server.stdout.readline()).decode().split()
    end = os.pidfd_open(int(worker))
    server.kill()
    await server.wait()
    await asyncio.to_thread(select.select, [end], [], [])
    os.close(end)
    database = await Database.open(f"sqlite:///{tmp_path / 'jobs.db'}")
    taught = Taught(tmp_path, await FineTuning.open(database, workshop_in(tmp_path)))
    job = await taught.tuning.jobs.get(OWNER, job_id)
    await taught.until_status(job, "succeeded")
    steps = [message for message in await taught.messages(job) if message.startswith("Step ")]
    assert [step[5] for step in steps] == ["1", "2", "3", "4", "5"]
    await taught.tuning.aclose()
    await database.close()
