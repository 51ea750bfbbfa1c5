"""`/models`: what can be asked for, and what was taught and is not wanted any more."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from miniclaude.errors import InvalidRequestError, ModelNotFoundError, PermissionDeniedError
from miniclaude.providers.base import ModelInfo
from miniclaude.server.error_handlers import expects_anthropic
from miniclaude.server.services import fine_tuning_of, services_of
from miniclaude.server.still_needed import require_not_needed
from miniclaude.server.wire.anthropic.models import model_info_json, model_page_json

router = APIRouter()


@router.get("/models")
async def list_models(
    request: Request,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    after_id: Annotated[str | None, Query(max_length=512)] = None,
    before_id: Annotated[str | None, Query(max_length=512)] = None,
) -> dict[str, Any]:
    """Every model on offer. Beside the OpenAI API's fields: `root` and `parent` (what a tuned model
    came from), `context` (tokens, 0 when unknown), `default`, and `mini_claude`: what it takes of
    this machine, whether it goes on with answers that were cut off, and whether it takes pictures.
    Who sends `anthropic-version` gets that API's shape, and may ask for at most `limit` of those
    that follow or precede one."""
    services = services_of(request)
    infos = await services.registry.models()
    if expects_anthropic(request.scope):
        return model_page_json(*_part(infos, limit, after_id, before_id))
    models = [_model_json(info, services.default_model) for info in infos]
    return {"object": "list", "data": models}


def _part(
    infos: list[ModelInfo], limit: int | None, after: str | None, before: str | None
) -> tuple[list[ModelInfo], bool]:
    """The models asked for, and whether there are more in that direction. Raises
    InvalidRequestError for a model that is not there, and for two directions."""
    if after is not None and before is not None:
        raise InvalidRequestError(
            "before_id: goes without after_id.", hint="Send one of the two.", param="before_id"
        )
    names = [info.id for info in infos]
    for field, name in (("after_id", after), ("before_id", before)):
        if name is not None and name not in names:
            raise InvalidRequestError(
                f"{field}: there is no model {name!r}.",
                hint="GET /models lists them.",
                param=field,
            )
    if after is not None:
        infos = infos[names.index(after) + 1 :]
    if before is not None:
        infos = infos[: names.index(before)]
    if limit is None or limit >= len(infos):
        return infos, False
    return (infos[-limit:] if before is not None else infos[:limit]), True


@router.get("/models/{model:path}")
async def get_model(request: Request, model: str) -> dict[str, Any]:
    """One model. Raises ModelNotFoundError."""
    services = services_of(request)
    info = await services.registry.model(model)
    if info is not None:
        if expects_anthropic(request.scope):
            return model_info_json(info)
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
