"""`POST /responses`: OpenAI's Responses protocol."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.error_handlers import describe
from miniclaude.server.large_json import large_json
from miniclaude.server.routes.answering import typed_stream
from miniclaude.server.services import resolve, services_of
from miniclaude.server.sse import typed_sse
from miniclaude.server.wire.responses.answers import ResponseEvents, whole
from miniclaude.server.wire.responses.body import ResponseBody
from miniclaude.server.wire.sampling import check_stream_options
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/responses")
async def create_response(request: Request) -> Response:
    """Answer a conversation that the caller keeps; nothing of it is stored."""
    services = services_of(request)
    body = validate(ResponseBody, await read_json(request))
    check_stream_options(body.stream, body.stream_options)
    provider, model = resolve(request, body.model)
    events = ResponseEvents(body, provider.chat(body.chat_request(model)))
    if body.stream:

        def tell(error: Exception) -> str:
            return typed_sse(events.failure(describe(error)))

        return await typed_stream(
            request, services, events.stream(), tell, provider.headers, events.is_large
        )
    answer = await while_connected(request, services.stopping, lambda: whole(events))
    if body.include:
        return await large_json(answer, provider.headers)
    return JSONResponse(answer, headers=provider.headers)
