"""What is still needed is not taken away: models that answer by default, that jobs teach, or that a
task works on."""

from __future__ import annotations

import asyncio

from miniclaude.errors import ConflictError
from miniclaude.model.library import Library
from miniclaude.server.services import Services


async def require_not_needed(services: Services, library: Library, model: str) -> None:
    """Raises ConflictError for the model that answers by default, and for one that a job which is
    not finished, or a task, cannot go on without; ModelNotFoundError."""
    if model == services.default_model:
        raise ConflictError(
            f"model: {model!r} is the default model.",
            hint="Choose another default model first.",
            param="model",
        )
    await asyncio.to_thread(library.find, model)
    bench, tuning = services.workbench, services.fine_tuning
    errand = None if bench is None else bench.errands.at_work_on(model)
    if errand is not None:
        raise ConflictError(
            f"model: {model!r} is used by the task {errand.id} ({errand.kind}), which is still"
            " going on.",
            hint="Wait for its end, or cancel it first.",
            param="model",
        )
    job = None if tuning is None else await tuning.jobs.learner_of(tuning.place, model)
    if job is not None:
        raise ConflictError(
            f"model: {model!r} is used by the job {job}, which is not finished.",
            hint="Wait until it is, or cancel it first.",
            param="model",
        )
