"""`/library`: the models on this machine, for the page that looks after them. For the owner alone:
a key of `keys` may ask models and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import FileResponse

from miniclaude.errors import ConflictError
from miniclaude.jobs.errand import Errand
from miniclaude.server.body import read_json
from miniclaude.server.lineage import jobs_of, lineage_json
from miniclaude.server.operator import operator_only
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import services_of, workbench_of
from miniclaude.server.sse import EventStream, sse
from miniclaude.server.still_needed import require_not_needed
from miniclaude.server.wire.library import (
    DefaultModel,
    ModelName,
    NewTask,
    Repository,
    export_json,
    model_json,
    needs_json,
    task_json,
)
from miniclaude.server.wire.validation import validate
from miniclaude.server.workbench import UNDO_SECONDS
from miniclaude.store.choices import keep_default

router = APIRouter(prefix="/library", dependencies=[Depends(operator_only)])


@router.get("")
async def get_library(request: Request) -> dict[str, Any]:
    """Every model folder with what it costs, exports, and the disk."""
    bench, services = workbench_of(request), services_of(request)
    models = await asyncio.to_thread(bench.library.list)
    jobs, data = await jobs_of(services.fine_tuning, OWNER, models)
    loaded, default = services.registry.in_memory(), services.default_model

    def describe() -> list[dict[str, Any]]:
        on = [(m.name, m.tuned.base) for m in models if m.adapter is not None and m.tuned]
        return [
            model_json(
                model,
                default=default,
                loaded=loaded,
                needed_by=[name for name, base in on if base == model.name],
                lineage=lineage_json(model, jobs.get(model.name), data.get(model.name)),
            )
            for model in models
        ]

    exports = await asyncio.to_thread(bench.exports)
    return {
        "object": "library",
        "models": await asyncio.to_thread(describe),
        "exports": [export_json(export) for export in exports],
        "default": default or None,
        "default_fixed": bench.settings.model is not None,
        "free": bench.free_bytes(),
        "hub": bench.settings.hf_endpoint,
    }


@router.put("/default")
async def set_default(request: Request) -> dict[str, Any]:
    """Choose who answers when no model is named, from now on and after the next start, unless a
    setting says otherwise (`kept` is false then). Raises ModelNotFoundError."""
    services, bench = services_of(request), workbench_of(request)
    body = validate(DefaultModel, await read_json(request))
    await asyncio.to_thread(services.registry.resolve, body.model)
    kept = bench.settings.model is None
    if kept:
        await asyncio.to_thread(keep_default, bench.settings.home, body.model)
    services.registry.default_model = body.model
    await services.warmup.aclose()
    services.warmup.begin()
    return {"model": body.model, "kept": kept}


@router.post("/remove")
async def remove_model(request: Request) -> dict[str, Any]:
    """Take a model away; for `undo_seconds` it can come back. Refused for one that adapters, a job
    or a task need, for the bundled one, and for the default one."""
    bench = workbench_of(request)
    body = validate(ModelName, await read_json(request))
    await require_not_needed(services_of(request), bench.library, body.model)
    removed = await bench.remove(body.model)
    return {"id": removed.id, "model": removed.model.name, "undo_seconds": UNDO_SECONDS}


@router.post("/removed/{removed_id}/restore")
async def restore_model(request: Request, removed_id: str) -> dict[str, Any]:
    """Bring a removed model back. Raises NotFoundError when it is too late."""
    model = await asyncio.to_thread(workbench_of(request).trash.restore, removed_id)
    return {"model": model.name, "restored": True}


@router.post("/needs")
async def get_needs(request: Request) -> dict[str, Any]:
    """What pulling a model would take, by the hub's own list. Nothing is fetched but that list and
    config.json."""
    bench = workbench_of(request)
    body = validate(Repository, await read_json(request))
    return needs_json(await bench.needs(body.model, body.revision), bench.free_bytes())


@router.post("/tasks")
async def create_task(request: Request) -> dict[str, Any]:
    """Begin to pull, quantise or export a model. One at a time."""
    bench = workbench_of(request)
    body = validate(NewTask, await read_json(request))
    return task_json(bench.begin(body.kind, body.model, body.to, body.name, body.revision))


@router.get("/tasks")
async def list_tasks(request: Request) -> dict[str, Any]:
    """Those since the server started, the newest first; at most 20."""
    tasks = workbench_of(request).errands.list()
    return {"object": "list", "data": [task_json(task) for task in tasks]}


@router.get("/tasks/{task_id}")
async def get_task(request: Request, task_id: str) -> dict[str, Any]:
    """One task."""
    return task_json(workbench_of(request).errands.get(task_id))


@router.get("/tasks/{task_id}/events")
async def watch_task(request: Request, task_id: str) -> Response:
    """The task now and after each change, as server-sent events, until it has ended."""
    errands = workbench_of(request).errands
    errands.get(task_id)
    frames = _frames(errands.watch(task_id))
    return EventStream(frames, services_of(request).stopping, beats=True)


@router.post("/tasks/{task_id}/cancel")
async def cancel_task(request: Request, task_id: str) -> dict[str, Any]:
    """End it. A pull goes on from what it had fetched when it is asked for again."""
    return task_json(await workbench_of(request).errands.cancel(task_id))


@router.get("/exports/{name}")
async def get_export(request: Request, name: str) -> FileResponse:
    """A GGUF file, to be saved. A folder lies in the home's `exports`."""
    path = await asyncio.to_thread(workbench_of(request).export_path, name)
    if not path.is_file():
        raise ConflictError(
            f"{name[:100]!r} is a folder.", hint="Take it from the home folder's `exports`."
        )
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


@router.delete("/exports/{name}")
async def delete_export(request: Request, name: str) -> dict[str, Any]:
    """Delete an export."""
    await asyncio.to_thread(workbench_of(request).delete_export, name)
    return {"name": name, "deleted": True}


async def _frames(errands: AsyncGenerator[Errand, None]) -> AsyncGenerator[str, None]:
    async with aclosing(errands):
        async for errand in errands:
            yield sse(task_json(errand))
