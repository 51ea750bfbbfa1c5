"""`/models`: what can be asked for, and what was taught and is not wanted any more."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from miniclaude.errors import ModelNotFoundError, PermissionDeniedError
from miniclaude.providers.base import ModelInfo
from miniclaude.server.services import fine_tuning_of, services_of
from miniclaude.server.still_needed import require_not_needed

router = APIRouter()


@router.get("/models")
async def list_models(request: Request) -> dict[str, Any]:
    """Every model on offer. Beside the OpenAI API's fields: `root` and `parent` (what a tuned
    model came from), `context` (tokens, 0 when unknown), `default`, and `mini_claude`: what it
    takes of this machine, whether it goes on with answers that were cut off, and whether it takes
    pictures."""
    services = services_of(request)
    models = [
        _model_json(info, services.default_model) for info in await services.registry.models()
    ]
    return {"object": "list", "data": models}


@router.get("/models/{model:path}")
async def get_model(request: Request, model: str) -> dict[str, Any]:
    """One model. Raises ModelNotFoundError."""
    services = services_of(request)
    info = await services.registry.model(model)
    if info is not None:
        return _model_json(info, services.default_model)
    raise ModelNotFoundError(
        f"model: there is no model {model[:256]!r}.", hint="GET /models lists them.", param="model"
    )


@router.delete("/models/{model:path}")
async def delete_model(request: Request, model: str) -> dict[str, Any]:
    """Remove a fine-tuned model that is not needed any more. Others are the machine owner's, to be
    removed by command."""
    tuning = fine_tuning_of(request)
    if not model.startswith("ft:"):
        raise PermissionDeniedError(
            f"model: {model[:256]!r} is not a fine-tuned model; only those are deleted here.",
            hint="`mini-claude models remove` removes others.",
            param="model",
        )
    await require_not_needed(services_of(request), tuning.library, model)
    await asyncio.to_thread(tuning.library.remove, model)
    return {"id": model, "object": "model", "deleted": True}


def _model_json(info: ModelInfo, default: str) -> dict[str, Any]:
    return {
        "id": info.id,
        "object": "model",
        "created": info.created,
        "owned_by": info.owned_by,
        "root": info.root or info.id,
        "parent": info.parent or None,
        "context": info.context,
        "default": info.id == default,
        "mini_claude": {
            "bytes": None if info.cost is None else info.cost.bytes,
            "parameters": (info.cost and info.cost.parameters) or None,
            "adapter": info.cost is not None and info.cost.adapter,
            "continues": info.continues,
            "sees": info.sees,
        },
    }
