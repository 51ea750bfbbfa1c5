"""Carries out the jobs of one home folder: validates their files, then trains, one at a time.

The queue is the database; what is here is only which workers live. A worker that dies is started
again and goes on from its checkpoint; a runner that dies finds at its next start what it was doing.
Pausing and cancelling are changes of a job's row, which the runner notices: at once when it is told
of them, within seconds when they were made by another server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from miniclaude.errors import DiskFullError, MiniClaudeError, OverloadedError, StoreError
from miniclaude.jobs.life import WORKER, End, Life
from miniclaude.jobs.news import News, wait_for
from miniclaude.jobs.order import JobOrder, JobResult, Task
from miniclaude.jobs.recorder import Recorder
from miniclaude.jobs.results import ResultFiles
from miniclaude.store.conversations import unix_now
from miniclaude.store.files import UNFINISHED
from miniclaude.store.job_events import JobEvents
from miniclaude.store.jobs import JOB_ID, Job, Queue
from miniclaude.store.new_events import NewEvent

MAX_CRASHES = 4
"""Of a job's worker in a row, without a checkpoint between; then the job has failed."""

BACKOFF_SECONDS = 0.2
"""Before the first restart; doubled at each further one in a row."""

LOOK_SECONDS = 2.0
"""How often the database is looked at for what other servers have changed."""

MakeOrder = Callable[[Job], Awaitable[JobOrder]]

T = TypeVar("T")

log = logging.getLogger(__name__)


class Runner:
    """`begin` it once the home is locked, `aclose` it before the database is closed.

    make_order: a job as its worker is told; raises what then fails the job. folder: where runs
    keep their checkpoints, one folder a job. at_once: jobs that train at the same time. worker:
    Python's arguments that start one.
    """

    def __init__(
        self,
        queue: Queue,
        events: JobEvents,
        news: News,
        make_order: MakeOrder,
        results: ResultFiles,
        folder: Path,
        *,
        at_once: int = 1,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._queue = queue
        self._events = events
        self._news = news
        self._make_order = make_order
        self._results = results
        self._folder = folder
        self._at_once = at_once
        self._worker = worker
        self._lives: dict[str, Life] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._training: set[str] = set()
        self._closing = False

    @property
    def lives(self) -> dict[str, Life]:
        """The workers there are, by the job they work on."""
        return dict(self._lives)

    @property
    def working(self) -> frozenset[str]:
        """The jobs that something is being done about."""
        return frozenset({*self._training, *self._lives})

    def begin(self) -> None:
        """Take up the work. Call it once."""
        self._spawn(self._validate_all())
        self._spawn(self._train_all())

    async def aclose(self, seconds: float = 5.0) -> None:
        """Let each worker save a checkpoint, for at most so long, and end them all. Jobs that were
        running go on at the next start. Safe to call twice."""
        self._closing = True
        self._news.tell()
        for life in self._lives.values():
            life.pause()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _validate_all(self) -> None:
        """One after the other; a job that is working is not looked at again before it has ended."""
        while not self._closing:
            news = self._news.next
            job = await self._persist(lambda: self._queue.next_unvalidated(skip=self._training))
            if job is None:
                await self._tidy()
                await wait_for(news, LOOK_SECONDS)
            else:
                await self._guarded(job, self._validate)

    async def _train_all(self) -> None:
        await self._persist(self._queue.recover)
        while not self._closing:
            news = self._news.next
            job = None
            if len(self._training) < self._at_once:
                job = await self._persist(lambda: self._queue.claim(skip=self._training))
            if job is None:
                await wait_for(news, LOOK_SECONDS)
            else:
                self._training.add(job.id)
                self._spawn(self._guarded(job, self._train))

    async def _guarded(self, job: Job, work: Callable[[Job, Recorder], Awaitable[None]]) -> None:
        """`work` on a job; what nobody foresaw fails the job, and is logged."""
        recorder = Recorder(job, self._queue, self._events, self._news)
        try:
            await work(job, recorder)
        except Exception:
            log.exception("fine-tuning: the job %s", job.id)
            if not self._closing:
                await self._fail(job, _fault())

    async def _validate(self, job: Job, recorder: Recorder) -> None:
        try:
            order = await self._persist(lambda: self._make_order(job))
        except MiniClaudeError as error:
            await self._fail(job, error)
            return
        end = await self._live(job, order, recorder, "validate")
        if self._closing or not await self._has_status(job, "validating_files"):
            return
        if end.result is not None:
            await self._change(job, when=("validating_files",), status="queued")
            await self._say(recorder, "Files validated; the job is queued.")
        else:
            await self._fail(job, end.failure or _died(end))

    async def _train(self, job: Job, recorder: Recorder) -> None:
        try:
            await self._say(recorder, "Fine-tuning job started.")
            while not self._closing and await self._train_once(job, recorder):
                pass
        finally:
            self._training.discard(job.id)
            self._news.tell()

    async def _train_once(self, job: Job, recorder: Recorder) -> bool:
        """One worker's life and what follows from its end; whether another life is to follow."""
        try:
            order = await self._persist(lambda: self._make_order(job))
        except MiniClaudeError as error:
            await self._fail(job, error)
            return False
        end = await self._live(job, order, recorder, "train")
        if end.result is not None and end.result.ended == "finished":
            await self._succeed(job, order, end.result)
            return False
        now = await self._persist(lambda: self._queue.state(job.id))
        if now is None or now.status == "cancelled":
            await self._say(recorder, "Job cancelled; nothing of it is kept.")
            await asyncio.to_thread(self._forget, order)
            return False
        if isinstance(end.failure, DiskFullError):
            await self._change(job, when=("running",), status="paused", estimated_finish=None)
            await self._say(recorder, f"Paused: {end.failure} Then resume the job.", "error")
            return False
        if end.failure is not None:
            await self._fail(job, end.failure)
            return False
        if now.status != "running" or self._closing:
            if now.status == "paused":
                await self._say(recorder, "Job paused; its last checkpoint is kept.")
            return False
        if end.result is not None:  # it stopped though nobody wishes so any more
            return True
        return await self._after_crash(now, end, recorder)

    async def _after_crash(self, job: Job, end: End, recorder: Recorder) -> bool:
        crashes = job.crashes + 1
        if crashes >= MAX_CRASHES:
            await self._fail(job, _died(end, crashes))
            return False
        await self._change(job, when=("running",), crashes=crashes)
        await self._say(recorder, f"{end.died} It is started again.", "warn")
        await asyncio.sleep(BACKOFF_SECONDS * 2 ** (crashes - 1))
        return True

    async def _live(self, job: Job, order: JobOrder, recorder: Recorder, task: Task) -> End:
        """One worker's life, during which the job's row is watched."""
        folder = self._folder / job.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        life = Life(order, folder, task=task, arguments=self._worker)
        self._lives[job.id] = life
        if self._closing:
            life.pause()

        async def keep(told: dict[str, Any]) -> None:
            await self._persist(lambda: recorder.keep(told))

        watching = asyncio.create_task(
            self._watch(job, life, "validating_files" if task == "validate" else "running")
        )
        try:
            return await life.live(keep)
        finally:
            del self._lives[job.id]
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, job: Job, life: Life, status: str) -> None:
        """Do what the job's row says: a cancelled job's worker is killed, one whose job is no
        longer running pauses. Until it is cancelled itself."""
        while True:
            news = self._news.next
            now = await self._persist(lambda: self._queue.state(job.id))
            if now is None or now.status == "cancelled":
                life.kill()
            elif now.status != status:
                life.pause()
            await wait_for(news, LOOK_SECONDS)

    async def _succeed(self, job: Job, order: JobOrder, result: JobResult) -> None:
        files = await self._persist(lambda: self._results.collect(job, result.files))
        messages = (
            f"New fine-tuned model created: {result.fine_tuned_model}",
            "The job has successfully completed",
        )
        done = await self._change(
            job,
            when=UNFINISHED,
            events=[(job.owner, NewEvent(message)) for message in messages],
            results=[(job.owner, file) for file in files],
            status="succeeded",
            finished_at=unix_now(),
            estimated_finish=None,
            fine_tuned_model=result.fine_tuned_model,
            trained_tokens=result.trained_tokens,
            result_files=[file.id for file in files],
            error=None,
        )
        if done:
            await asyncio.to_thread(_remove_partial, order)
        else:
            await asyncio.to_thread(self._results.discard, files)
            await asyncio.to_thread(self._forget, order)

    async def _fail(self, job: Job, error: MiniClaudeError) -> None:
        await self._change(
            job,
            when=UNFINISHED,
            events=[(job.owner, NewEvent(str(error), "error"))],
            status="failed",
            finished_at=unix_now(),
            estimated_finish=None,
            error={
                "code": error.code or "server_error",
                "message": str(error),
                "param": error.param,
            },
        )

    async def _has_status(self, job: Job, status: str) -> bool:
        now = await self._persist(lambda: self._queue.state(job.id))
        return now is not None and now.status == status

    async def _change(self, job: Job, **changes: Any) -> bool:
        changed = await self._persist(lambda: self._queue.change(job.id, **changes))
        self._news.tell()
        return changed

    async def _say(self, recorder: Recorder, message: str, level: Any = "info") -> None:
        await self._persist(lambda: recorder.say(message, level))

    async def _tidy(self) -> None:
        """Remove what jobs have saved that will not go on: they were cancelled while they waited,
        or this process was killed before it could. Runs of the command line live there too, and
        are not ours to remove."""
        if self._folder.is_dir():
            names = {path.name for path in self._folder.iterdir()} - self._training
            found = {name for name in names if JOB_ID.match(name)}
            needed = await self._persist(lambda: self._queue.needing(found))
            for name in found - needed - self._training:
                await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)

    def _forget(self, order: JobOrder) -> None:
        """Remove all that a cancelled job has made, its result in the making too."""
        shutil.rmtree(self._folder / order.id, ignore_errors=True)
        shutil.rmtree(order.adapters / order.model_id, ignore_errors=True)
        _remove_partial(order)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("fine-tuning: a fault of the program", exc_info=error)

    async def _persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work` on the store, tried again for as long as the store fails: a full disk or a
        database that restarts must not lose what became of a job."""
        seconds = 0.1
        while True:
            try:
                return await work()
            except (StoreError, OverloadedError) as error:
                if self._closing:
                    raise
                log.warning("fine-tuning: %s", error)
                await asyncio.sleep(seconds)
                seconds = min(2 * seconds, 30.0)


def _remove_partial(order: JobOrder) -> None:
    """Results that a worker was killed over."""
    for partial in order.adapters.glob(f".{order.model_id}.*"):
        shutil.rmtree(partial, ignore_errors=True)


def _fault() -> MiniClaudeError:
    return MiniClaudeError(
        "Something went wrong inside the server.",
        hint="Its log says what. Resume the job to try again.",
        code="internal_error",
    )


def _died(end: End, crashes: int = 1) -> MiniClaudeError:
    times = f" It died {crashes} times without a new checkpoint between." if crashes > 1 else ""
    if "exited with code" in end.died:
        hint = "This is a fault in Mini-Claude: please report these words."
    else:
        hint = (
            "The machine may be short of memory: choose a smaller batch, a shorter max_length or a"
            " smaller model. Resume the job to go on from its checkpoint."
        )
    return MiniClaudeError(
        f"{end.died}{times}",
        hint=hint,
        code="worker_died",
    )
