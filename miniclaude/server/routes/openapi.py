"""`GET /openapi.json`: what is served, for programs to read. It needs the key, as all that is not
public."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from miniclaude.server.services import services_of

router = APIRouter()


@router.get("/openapi.json")
async def read_openapi(request: Request) -> JSONResponse:
    """The OpenAPI document of this server. Its examples name the default model."""
    model = services_of(request).default_model
    return JSONResponse(request.app.state.openapi_document(model))
