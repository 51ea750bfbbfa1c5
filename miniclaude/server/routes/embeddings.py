"""`POST /embeddings`: texts as vectors."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.services import resolve, services_of
from miniclaude.server.wire.embeddings import EmbeddingBody, embeddings_json
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/embeddings")
async def create_embeddings(request: Request) -> Response:
    """A vector of length 1 for each text: of a local model, the mean of its last hidden states."""
    services = services_of(request)
    body = validate(EmbeddingBody, await read_json(request))
    provider, model = resolve(request, body.model)
    asked = body.embedding_request(model)
    found = await while_connected(request, services.stopping, lambda: provider.embed(asked))
    return JSONResponse(embeddings_json(body, found))
