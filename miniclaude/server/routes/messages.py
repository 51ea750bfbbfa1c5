"""`POST /messages` and `POST /messages/count_tokens`: Anthropic's protocol."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from miniclaude.server.body import read_json
from miniclaude.server.disconnect import while_connected
from miniclaude.server.error_handlers import describe_to_anthropic
from miniclaude.server.request_ids import request_id
from miniclaude.server.routes.answering import typed_stream
from miniclaude.server.services import resolve, services_of
from miniclaude.server.sse import typed_sse
from miniclaude.server.wire.answers import new_id
from miniclaude.server.wire.anthropic.answers import message, message_events
from miniclaude.server.wire.anthropic.body import CountBody, MessagesBody
from miniclaude.server.wire.validation import validate

router = APIRouter()


@router.post("/messages")
async def create_message(request: Request) -> Response:
    """Answer a conversation that the caller keeps."""
    services = services_of(request)
    body = validate(MessagesBody, await read_json(request))
    provider, model = resolve(request, body.model)
    events = provider.chat(body.chat_request(model, body.settings(), body.user_id))
    id = new_id("msg").replace("-", "_")
    if body.stream:

        def tell(error: Exception) -> str:
            return typed_sse(describe_to_anthropic(error, request_id(request.scope)))

        said = message_events(id, body.model, events, body.max_tokens)
        return await typed_stream(request, services, said, tell, provider.headers)
    answer = await while_connected(
        request, services.stopping, lambda: message(id, body.model, events, body.max_tokens)
    )
    return JSONResponse(answer, headers=provider.headers)


@router.post("/messages/count_tokens")
async def count_tokens(request: Request) -> Response:
    """What a conversation would cost, without an answer."""
    services = services_of(request)
    body = validate(CountBody, await read_json(request))
    provider, model = resolve(request, body.model)
    asked = body.chat_request(model)
    counted = await while_connected(
        request, services.stopping, lambda: provider.count_tokens(asked)
    )
    return JSONResponse({"input_tokens": counted})
