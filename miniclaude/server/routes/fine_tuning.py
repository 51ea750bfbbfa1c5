"""`/fine_tuning/jobs` as in the OpenAI API, and `/fine-tune`, which asks for less."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import JSONResponse

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.jobs.fine_tuning import FineTuning
from miniclaude.model.tuned import tuned_name
from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.error_handlers import describe
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import fine_tuning_of, services_of
from miniclaude.server.sse import DONE, EventStream, sse
from miniclaude.server.wire.files import PURPOSE, list_json
from miniclaude.server.wire.fine_tuning import (
    JobBody,
    SimpleBody,
    base_json,
    checkpoint_json,
    event_json,
    forecast_json,
    job_json,
)
from miniclaude.server.wire.validation import validate
from miniclaude.store.files import StoredFile, new_file_id
from miniclaude.store.job_events import MAX_PAGE as MAX_EVENTS
from miniclaude.store.job_events import Event
from miniclaude.store.jobs import MAX_PAGE

INLINE_NAME = "inline.jsonl"
"""What rows that were sent in a request are called as a file."""

SIMPLE_NAMES = {"training_file": "data", "validation_file": "validation"}

router = APIRouter()

After = Annotated[str | None, Query(max_length=100)]


@router.post("/fine_tuning/jobs")
async def create_job(request: Request) -> dict[str, Any]:
    """Teach a model from an uploaded file."""
    new = validate(JobBody, await read_json(request)).new_job()
    return job_json(await fine_tuning_of(request).create(OWNER, new))


@router.post("/fine-tune")
async def fine_tune(request: Request) -> dict[str, Any]:
    """Teach a model from a file, a dataset, or rows in the request itself."""
    tuning = fine_tuning_of(request)
    body = validate(SimpleBody, await read_json(request))
    model = body.model or services_of(request).default_model
    rows = None if isinstance(body.data, str) else await _store_rows(tuning, body.data)
    data = body.data if isinstance(body.data, str) else ""
    try:
        new = body.new_job(model, data if rows is None else rows.id)
        return job_json(await tuning.create(OWNER, new))
    except BaseException as error:
        if rows is not None:
            await tuning.files.delete(OWNER, rows.id)
            tuning.folder.remove(rows.id)
        if isinstance(error, InvalidRequestError):
            raise _in_simple_words(error) from None
        raise


def _in_simple_words(error: InvalidRequestError) -> InvalidRequestError:
    """The error by the names that the fields have in `/fine-tune`."""
    name = SIMPLE_NAMES.get(error.param or "")
    if name is None:
        return error
    message = error.message.replace(f"{error.param}:", f"{name}:", 1)
    return InvalidRequestError(message, hint=error.hint, param=name, code=error.code)


@router.post("/fine_tuning/preflight")
async def preflight(request: Request) -> dict[str, Any]:
    """What such a job would take, tried on this machine; no job is made. It ends when the client
    goes away."""
    tuning = fine_tuning_of(request)
    new = validate(JobBody, await read_json(request)).new_job()
    return forecast_json(
        await while_connected(
            request, services_of(request).stopping, lambda: tuning.foresee(OWNER, new)
        )
    )


@router.get("/fine_tuning/bases")
async def list_bases(request: Request) -> dict[str, Any]:
    """The models that can be taught."""
    bases = await to_thread.run_sync(fine_tuning_of(request).bases)
    default = services_of(request).default_model
    return list_json([base_json(base, default) for base in bases], has_more=False)


@router.get("/fine_tuning/jobs")
async def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    after: After = None,
) -> dict[str, Any]:
    """The newest first. after: the last id of the page before."""
    if filtered := next((name for name in request.query_params if "metadata" in name), None):
        raise UnsupportedFieldError(
            f"{filtered[:64]}: jobs cannot be filtered by it here.",
            hint="List them all and look for yourself.",
            param="metadata",
        )
    jobs, has_more = await fine_tuning_of(request).jobs.list(OWNER, limit=limit, after=after)
    return list_json([job_json(job) for job in jobs], has_more=has_more)


@router.get("/fine_tuning/jobs/{job_id}")
async def get_job(request: Request, job_id: str) -> dict[str, Any]:
    """One job."""
    return job_json(await fine_tuning_of(request).jobs.get(OWNER, job_id))


@router.post("/fine_tuning/jobs/{job_id}/cancel")
async def cancel_job(request: Request, job_id: str) -> dict[str, Any]:
    """End it and keep nothing of it."""
    return job_json(await fine_tuning_of(request).cancel(OWNER, job_id))


@router.post("/fine_tuning/jobs/{job_id}/pause")
async def pause_job(request: Request, job_id: str) -> dict[str, Any]:
    """Have it save a checkpoint after the step it is at, and wait."""
    return job_json(await fine_tuning_of(request).pause(OWNER, job_id))


@router.post("/fine_tuning/jobs/{job_id}/resume")
async def resume_job(request: Request, job_id: str) -> dict[str, Any]:
    """Have a paused or failed job go on from its last checkpoint."""
    return job_json(await fine_tuning_of(request).resume(OWNER, job_id))


@router.get("/fine_tuning/jobs/{job_id}/events")
async def list_events(
    request: Request,
    job_id: str,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 20,
    after: After = None,
    stream: bool = False,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """The newest first; or, with `stream`, the oldest first and on until the job is finished.
    after: the last id of the page before, or the last one seen. A browser's own EventSource says
    it by Last-Event-ID."""
    tuning = fine_tuning_of(request)
    if not stream:
        events, has_more = await tuning.events.list(OWNER, job_id, limit=limit, after=after)
        data = [event_json(event) for event in events]
        return JSONResponse(list_json(data, has_more=has_more))
    seen = last_event_id or after
    if seen is None:
        await tuning.jobs.get(OWNER, job_id)
    else:
        await tuning.events.number(OWNER, job_id, seen)
    frames = _frames(tuning.watch(OWNER, job_id, seen))
    return EventStream(frames, services_of(request).stopping, beats=True)


@router.get("/fine_tuning/jobs/{job_id}/checkpoints")
async def list_checkpoints(
    request: Request,
    job_id: str,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 10,
    after: After = None,
) -> dict[str, Any]:
    """The newest first."""
    tuning = fine_tuning_of(request)
    job = await tuning.jobs.get(OWNER, job_id)
    checkpoints, has_more = await tuning.events.checkpoints(OWNER, job_id, limit=limit, after=after)
    model = tuned_name(job.model, job.owner, job.suffix, job.model_id)
    data = [checkpoint_json(checkpoint, job, model) for checkpoint in checkpoints]
    return list_json(data, has_more=has_more)


async def _frames(events: AsyncGenerator[Event, None]) -> AsyncGenerator[str, None]:
    async with aclosing(events):
        try:
            async for event in events:
                yield sse(event_json(event), id=event.id)
        except Exception as error:  # the status is sent; the stream itself must tell
            yield sse(describe(error))
        else:
            yield DONE


async def _store_rows(tuning: FineTuning, rows: list[dict[str, Any]]) -> StoredFile:
    """Rows as an uploaded file."""
    file_id = new_file_id()

    def write() -> StoredFile:
        with tuning.folder.write(file_id, tuning.max_file_bytes) as writer:
            for row in rows:
                writer.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        return StoredFile.written(
            file_id, writer, place=tuning.place, name=INLINE_NAME, purpose=PURPOSE
        )

    return await tuning.files.add(OWNER, await to_thread.run_sync(write))
