"""The queue of jobs, on each kind of database: who may change what, from which status."""

from __future__ import annotations

import asyncio

import pytest

from miniclaude.errors import ConflictError, InvalidRequestError, NotFoundError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.files import Files, StoredFile, new_file_id
from miniclaude.store.job_events import JobEvents
from miniclaude.store.jobs import Job, Jobs, NewJob, Queue
from miniclaude.store.new_events import MAX_EVENTS, NewEvent

pytestmark = pytest.mark.anyio

METHOD = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2.5}}}
NOTHING_FROM = {
    "validating_files": ("pause", "resume"),
    "queued": ("resume",),
    "running": ("resume",),
    "paused": ("pause",),
    "succeeded": ("cancel", "pause", "resume"),
    "failed": ("pause",),
    "cancelled": ("cancel", "pause", "resume"),
}
"""A status → what is refused to a job that has it."""


async def a_job(database: Database, owner: str = "ada", place: str = "here") -> Job:
    """A new job on a dataset, which no file has to be stored for."""
    return await Jobs(database).create(owner, place, NewJob("tiny", "dataset:seed", METHOD))


async def test_a_job_comes_back_as_it_was_asked_for(database: Database) -> None:
    jobs = Jobs(database)
    new = NewJob("tiny", "dataset:seed", METHOD, "dataset:mine", "tea", 7, {"who": "ada"})
    made = await jobs.create("ada", "here", new)
    assert await jobs.get("ada", made.id) == made
    assert made.status == "validating_files"
    assert made.method == METHOD
    assert (made.metadata, made.suffix, made.seed) == ({"who": "ada"}, "tea", 7)
    assert len(made.model_id) == 12
    assert made.model_id.isalnum()


@pytest.mark.parametrize(
    ("status", "verb"), [(s, verb) for s, verbs in NOTHING_FROM.items() for verb in verbs]
)
async def test_what_a_status_forbids(database: Database, status: str, verb: str) -> None:
    job = await a_job(database)
    await Queue(database, "here").change(job.id, when=(job.status,), status=status)
    with pytest.raises(ConflictError, match=f"is {status}; it cannot be"):
        await getattr(Jobs(database), verb)("ada", job.id)
    assert (await Jobs(database).get("ada", job.id)).status == status


async def test_a_failed_job_that_is_resumed_begins_without_its_error(database: Database) -> None:
    job = await a_job(database)
    queue = Queue(database, "here")
    await queue.change(
        job.id, when=(job.status,), status="failed", error={"code": "x"}, finished_at=1.0, crashes=3
    )
    again = await Jobs(database).resume("ada", job.id)
    assert (again.status, again.error, again.finished_at, again.crashes) == (
        "validating_files",
        None,
        None,
        0,
    )


async def test_two_who_cancel_at_once_do_not_both_succeed(database: Database) -> None:
    job = await a_job(database)
    jobs = Jobs(database)
    results = await asyncio.gather(
        *(jobs.cancel("ada", job.id) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, Job) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 3


async def test_each_job_is_claimed_once(database: Database) -> None:
    """However many ask at the same time."""
    queue = Queue(database, "here")
    made = [await a_job(database) for _ in range(3)]
    for job in made:
        await queue.change(job.id, when=(job.status,), status="queued")
    claimed = await asyncio.gather(*(queue.claim() for _ in range(5)))
    ids = [job.id for job in claimed if job is not None]
    assert sorted(ids) == sorted(job.id for job in made)
    assert {job.status for job in claimed if job is not None} == {"running"}


async def test_a_place_claims_its_own_jobs_the_oldest_first(database: Database) -> None:
    here, there = Queue(database, "here"), Queue(database, "there")
    first, second = await a_job(database), await a_job(database, owner="eve")
    for job in (second, first):
        assert not await there.change(job.id, when=(job.status,), status="queued")
        assert await here.change(job.id, when=(job.status,), status="queued")
    assert await there.claim() is None
    assert await there.state(first.id) is None
    assert await there.recover() == 0
    claimed = await here.claim()
    assert claimed is not None
    assert claimed.id == first.id
    skipped = await here.claim(skip={second.id})
    assert skipped is None
    assert await here.recover() == 1
    state = await here.state(first.id)
    assert state is not None
    assert state.status == "queued"


async def test_who_still_needs_some_rows_is_known_whoever_owns_the_job(database: Database) -> None:
    """A dataset is the home folder's: it must not go while anybody's job there reads it."""
    jobs = Jobs(database)
    job = await a_job(database, owner="eve", place="here")
    assert await jobs.user_of("here", "dataset:seed") == job.id
    assert await jobs.user_of("elsewhere", "dataset:seed") is None
    assert await jobs.user_of("here", "dataset:other") is None
    await jobs.cancel("eve", job.id)
    assert await jobs.user_of("here", "dataset:seed") is None
    held_out = NewJob("tiny", "dataset:seed", METHOD, "dataset:mine")
    job = await jobs.create("ada", "here", held_out)
    assert await jobs.user_of("here", "dataset:mine") == job.id


async def test_a_change_is_made_from_the_status_it_expects(database: Database) -> None:
    """The runner must not make a cancelled job a success."""
    job = await a_job(database)
    await Jobs(database).cancel("ada", job.id)
    queue = Queue(database, "here")
    file = StoredFile(new_file_id(), "here", "a", "fine-tune-results", 1, "", unix_now())
    changed = await queue.change(
        job.id, when=("running",), results=[("ada", file)], status="succeeded"
    )
    assert not changed
    with pytest.raises(NotFoundError):
        await Files(database).get("ada", file.id)
    assert await queue.needing([job.id, "ftjob-none"]) == set()


async def test_nobody_reaches_anothers_job(database: Database) -> None:
    jobs, events = Jobs(database), JobEvents(database)
    job = await a_job(database)
    for call in (jobs.get, jobs.cancel, jobs.pause, jobs.resume, events.list, events.checkpoints):
        with pytest.raises(NotFoundError):
            await call("eve", job.id)
    assert await events.since("eve", job.id, 0, 10) == ()


async def test_a_file_of_another_home_or_purpose_is_refused(database: Database) -> None:
    files, jobs = Files(database), Jobs(database)
    for place, purpose, words in (
        ("there", "fine-tune", "another server"),
        ("here", "fine-tune-results", "the purpose 'fine-tune-results'"),
    ):
        file = StoredFile(new_file_id(), place, "a", purpose, 1, "", unix_now())
        await files.add("ada", file)
        with pytest.raises(InvalidRequestError, match=words) as raised:
            await jobs.create("ada", "here", NewJob("tiny", file.id, METHOD))
        assert raised.value.param == "training_file"


async def test_events_page_and_go_on(database: Database) -> None:
    events = JobEvents(database)
    job, other = await a_job(database), await a_job(database)
    await events.add(job, [NewEvent(f"event {n}", data={"step": n}) for n in range(5)])
    await events.add(other, [NewEvent("another job's")])
    await events.add(job, [NewEvent("odd \x00 text \ud800" + "x" * 10_000, "warn")])
    newest, more = await events.list("ada", job.id, limit=2)
    assert more
    assert newest[0].level == "warn"
    assert len(newest[0].message) == 4_000
    assert newest[1].message == "event 4"
    rest, more = await events.list("ada", job.id, limit=10, after=newest[1].id)
    assert [event.message for event in rest] == ["event 3", "event 2", "event 1", "event 0"]
    assert not more
    number = await events.number("ada", job.id, rest[0].id)
    after = await events.since("ada", job.id, number, 10)
    assert [event.id for event in after] == [newest[1].id, newest[0].id]
    foreign = (await events.list("ada", other.id))[0][0]
    with pytest.raises(NotFoundError):
        await events.number("ada", job.id, foreign.id)


async def test_a_change_is_told_with_it_or_not_at_all(database: Database) -> None:
    """Told after it, a client that saw "succeeded" found no event that said so."""
    queue, events = Queue(database, "here"), JobEvents(database)
    job = await a_job(database)
    told = [("ada", NewEvent("done")), ("ada", NewEvent("really"))]
    assert not await queue.change(job.id, when=("paused",), events=told, status="succeeded")
    assert (await events.list("ada", job.id))[0] == ()
    assert await queue.change(job.id, when=(job.status,), events=told, status="succeeded")
    kept = (await events.list("ada", job.id))[0]
    assert [event.message for event in kept] == ["really", "done"]


async def test_a_job_that_talks_without_end_is_not_kept_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_EVENTS <= 100_000
    monkeypatch.setattr("miniclaude.store.new_events.MAX_EVENTS", 5)
    events = JobEvents(database)
    job = await a_job(database)
    for start in (0, 3, 6):
        await events.add(job, [NewEvent(str(n)) for n in range(start, start + 3)])
    kept = await events.since("ada", job.id, 0, 100)
    assert [event.message for event in kept] == ["0", "1", "2", "3", "4"]


async def test_a_checkpoint_that_is_passed_again_is_kept_once(database: Database) -> None:
    """A run that was killed after saving comes by the same step again."""
    events = JobEvents(database)
    job = await a_job(database)
    for step in (2, 4, 4, 6):
        await events.add_checkpoint(job, step, {"valid_loss": 1 / step})
    page, more = await events.checkpoints("ada", job.id, limit=2)
    assert [point.step for point in page] == [6, 4]
    assert more
    rest, more = await events.checkpoints("ada", job.id, after=page[-1].id)
    assert [point.step for point in rest] == [2]
    assert not more
    with pytest.raises(NotFoundError):
        await events.checkpoints("ada", job.id, after="ftckpt-" + "0" * 32)
