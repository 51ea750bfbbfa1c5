"""`POST /completions`: go on from raw prompts."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.large_json import large_json
from miniclaude.server.routes.answering import stream
from miniclaude.server.services import resolve, services_of
from miniclaude.server.wire.answers import Head, new_id
from miniclaude.server.wire.completions import (
    CompletionBody,
    completion,
    completion_chunks,
)
from miniclaude.server.wire.sampling import check_stream_options
from miniclaude.server.wire.several import in_turn, side_by_side
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/completions")
async def create_completion(request: Request) -> Response:
    """Continue each prompt as it stands, without a chat template."""
    services = services_of(request)
    body = validate(CompletionBody, await read_json(request))
    check_stream_options(body.stream, body.stream_options)
    provider, model = resolve(request, body.model)
    requests = body.completion_requests(model)
    # A stream tells one answer after the other; a whole one is told when all are there.
    together = in_turn if body.stream else side_by_side
    events = provider.complete_all(requests, together, echo=body.echo)
    head = Head(new_id("cmpl"), body.model)
    if body.stream:
        chunks = completion_chunks(
            head,
            events,
            choices=body.choices,
            include_usage=body.include_usage,
            with_logprobs=body.logprobs is not None,
        )
        return await stream(request, services, chunks, provider.headers)
    answer = await while_connected(
        request,
        services.stopping,
        lambda: completion(
            head, events, choices=body.choices, with_logprobs=body.logprobs is not None
        ),
    )
    if body.logprobs is not None:
        return await large_json(answer, provider.headers)
    return JSONResponse(answer, headers=provider.headers)
