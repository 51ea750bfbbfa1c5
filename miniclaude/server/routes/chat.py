"""`POST /chat/completions`: the OpenAI API's, streamed or whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from miniclaude.server.body import read_json
from miniclaude.server.disconnect import closing, while_connected
from miniclaude.server.error_handlers import describe
from miniclaude.server.services import Services, services_of
from miniclaude.server.sse import DONE, EventStream, sse
from miniclaude.server.wire.answers import Head, chat_chunks, chat_completion, new_id
from miniclaude.server.wire.chat import ChatBody, check_stream_options
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/chat/completions")
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation that the caller keeps."""
    services = services_of(request)
    body = validate(ChatBody, await read_json(request))
    check_stream_options(body.stream, body.stream_options)
    if body.stream:
        return await stream(request, services, open_chunks(services, body))
    provider, model = services.resolve(body.model)
    events = provider.chat(body.chat_request(model))
    head = Head(new_id("chatcmpl"), body.model)
    answer = await while_connected(
        request,
        services.stopping,
        lambda: chat_completion(head, events, choices=body.n, with_logprobs=body.logprobs),
    )
    return JSONResponse(answer)


def open_chunks(services: Services, body: ChatBody) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks that answer `body`. Raises InvalidRequestError and ModelNotFoundError at once,
    and what the provider raises when they are read."""
    provider, model = services.resolve(body.model)
    events = provider.chat(body.chat_request(model))
    head = Head(new_id("chatcmpl"), body.model)
    return chat_chunks(head, events, choices=body.n, include_usage=body.include_usage)


async def stream(
    request: Request, services: Services, chunks: AsyncGenerator[dict[str, Any], None]
) -> EventStream:
    """`chunks` as an event stream. What fails before the first of them is raised here, while the
    response can still have a status of its own."""
    first = await while_connected(request, services.stopping, lambda: anext(chunks))
    return EventStream(_frames(first, chunks), services.stopping)


async def _frames(
    first: dict[str, Any], rest: AsyncGenerator[dict[str, Any], None]
) -> AsyncGenerator[str, None]:
    async with closing(rest):
        try:
            yield sse(first)
            async for chunk in rest:
                yield sse(chunk)
        except Exception as error:  # the status is sent; the stream itself must tell
            yield sse(describe(error))
        else:
            yield DONE
