"""`POST /embeddings`: texts as vectors."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from miniclaude.server.body import beside_the_loop, read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.services import resolve, services_of
from miniclaude.server.wire.embeddings import EmbeddingBody, embeddings_text
from miniclaude.server.wire.validation import validate

router = APIRouter()

CHARACTERS_PER_NUMBER = 20
"""About, in JSON."""


@router.post("/embeddings")
async def create_embeddings(request: Request) -> Response:
    """A vector of length 1 for each text: of a local model, the mean of its last hidden states."""
    services = services_of(request)
    body = validate(EmbeddingBody, await read_json(request))
    provider, model = resolve(request, body.model)
    asked = body.embedding_request(model)
    found = await while_connected(request, services.stopping, lambda: provider.embed(asked))
    size = CHARACTERS_PER_NUMBER * sum(map(len, found.vectors))
    text = await beside_the_loop(size, embeddings_text, body, found)
    return Response(text, media_type="application/json")
