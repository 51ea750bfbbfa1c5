"""`GET /health`: the process lives. `GET /ready`: it can answer."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from miniclaude.server.error_handlers import describe
from miniclaude.server.services import services_of

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """Always the same, while the server runs."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """503 with the reason until the default model can answer."""
    services = services_of(request)
    if services.stopping.is_set():
        return _not_ready("The server is stopping.")
    model = services.default_model
    try:
        await services.warmup.check()
    except Exception as error:  # whatever it is, it is why we are not ready
        return _not_ready(describe(error)["error"]["message"])
    return JSONResponse({"status": "ready", "model": model})


def _not_ready(reason: str) -> JSONResponse:
    body = {"status": "not_ready", "reason": reason}
    return JSONResponse(body, 503, {"retry-after": "2"})
