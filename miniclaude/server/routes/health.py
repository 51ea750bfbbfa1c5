"""`GET /health`: the process lives. `GET /ready`: it can answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from miniclaude.errors import MiniClaudeError, ModelNotFoundError
from miniclaude.providers.registry import Registry
from miniclaude.server.services import services_of

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """Always the same, while the server runs."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """503 with the reason until the default model's provider can answer."""
    services = services_of(request)
    try:
        if services.stopping.is_set():
            return _not_ready("The server is stopping.")
        await _check_default(services.registry)
    except MiniClaudeError as error:
        return _not_ready(str(error))
    return JSONResponse({"status": "ready", "model": services.registry.default_model})


async def _check_default(registry: Registry) -> None:
    """Raises ModelNotFoundError when nobody offers the default model, and what its provider
    raises when it cannot say what it offers."""
    provider, bare = registry.resolve("")
    if bare not in {info.id for info in await provider.models()}:
        raise ModelNotFoundError(
            f"The default model {registry.default_model!r} is not on offer.",
            hint="Choose another with --model, or fetch it with `mini-claude pull`.",
            param="model",
        )


def _not_ready(reason: str) -> JSONResponse:
    body: dict[str, Any] = {"status": "not_ready", "reason": reason}
    return JSONResponse(body, 503, {"retry-after": "2"})
