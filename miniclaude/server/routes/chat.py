"""`POST /chat/completions`: the OpenAI API's, streamed or whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from miniclaude.messages import StreamEvent
from miniclaude.server.admitted import Admitted
from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.large_json import large_json
from miniclaude.server.routes.answering import Chunks, stream
from miniclaude.server.services import resolve, services_of
from miniclaude.server.wire.answers import (
    Head,
    chat_chunks,
    chat_completion,
    new_id,
    with_own_fields,
)
from miniclaude.server.wire.chat import ChatBody
from miniclaude.server.wire.sampling import check_stream_options
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/chat/completions")
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation that the caller keeps."""
    services = services_of(request)
    body = validate(ChatBody, await read_json(request))
    check_stream_options(body.stream, body.stream_options)
    provider, model = resolve(request, body.model)
    events = _events(body, provider, model)
    if body.stream:
        return await stream(request, services, _chunks(body, events), provider.headers)
    head = Head(new_id("chatcmpl"), body.model)
    answer = await while_connected(
        request,
        services.stopping,
        lambda: chat_completion(head, events, choices=body.n, with_logprobs=body.logprobs),
    )
    if body.logprobs:
        return await large_json(answer, provider.headers)
    return JSONResponse(answer, headers=provider.headers)


def open_chunks(connection: HTTPConnection, body: ChatBody) -> Chunks:
    """The chunks that answer `body`. Raises InvalidRequestError and ModelNotFoundError at once,
    and what the provider raises when they are read."""
    provider, model = resolve(connection, body.model)
    return _chunks(body, _events(body, provider, model))


def _events(body: ChatBody, provider: Admitted, model: str) -> AsyncIterator[StreamEvent]:
    events, names = provider.chat(body.chat_request(model)), body.own_fields
    return with_own_fields(events, names) if names else events


def _chunks(body: ChatBody, events: AsyncIterator[StreamEvent]) -> Chunks:
    head = Head(new_id("chatcmpl"), body.model)
    return chat_chunks(head, events, choices=body.n, include_usage=body.include_usage)
