"""`GET /metrics`: what the server counts of itself. It needs the key, as all that is not public."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from miniclaude.providers.abilities import Guesses
from miniclaude.server.metrics import CONTENT_TYPE
from miniclaude.server.services import services_of

router = APIRouter()


@router.get("/metrics")
async def read_metrics(request: Request) -> Response:
    """Prometheus's text format."""
    services = services_of(request)
    for provider in services.registry.providers.values():
        if isinstance(provider, Guesses):
            services.metrics.note_guesses(provider.guessed())
    return Response(services.metrics.text(), 200, {"content-type": CONTENT_TYPE})
