"""Conversations and their turns: what the page is made of.

A turn is started here, runs on in `chat`, and is watched here by anyone who asks, any number of
times, from any offset.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from miniclaude.chat.events import TurnDelta, TurnEvent
from miniclaude.chat.turn import StartedTurn
from miniclaude.errors import MiniClaudeError
from miniclaude.server.body import read_json
from miniclaude.server.disconnect import closing
from miniclaude.server.services import Services, services_of
from miniclaude.server.sse import EventStream, sse
from miniclaude.server.wire.conversations import (
    MAX_OFFSET,
    ConversationChange,
    Leave,
    NewConversation,
    NewTurn,
    conversation_json,
    match_json,
    message_json,
    started_json,
    turn_event_json,
)
from miniclaude.server.wire.validation import validate
from miniclaude.store.conversations import MAX_FOLDER, MAX_PAGE, UNSET
from miniclaude.store.pictures import MAX_PICTURES
from miniclaude.store.whole import read_whole

OWNER = "local"
"""Whose rows they are until there are accounts."""

_log = logging.getLogger(__name__)

router = APIRouter(prefix="/conversations")


@router.post("", status_code=201)
async def create_conversation(request: Request) -> dict[str, Any]:
    """A new, empty conversation."""
    body = validate(NewConversation, await read_json(request))
    conversations = services_of(request).conversations
    return conversation_json(await conversations.create(OWNER, body.title))


@router.get("")
async def list_conversations(
    request: Request,
    q: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
    archived: bool = False,
    folder: Annotated[str | None, Query(max_length=MAX_FOLDER)] = None,
) -> dict[str, Any]:
    """Pinned ones first, then the newest. q: words they must hold; each then has its `match`.
    before: the last id, or the `next_before`, of the page before. folder: only those in it."""
    page = await services_of(request).conversations.list(
        OWNER, query=q, limit=limit, before=before, archived=archived, folder=folder
    )
    data = [conversation_json(conversation) for conversation in page.conversations]
    for conversation in data:
        if conversation["id"] in page.matches:
            conversation["match"] = match_json(page.matches[conversation["id"]])
    return {
        "data": data,
        "has_more": page.has_more,
        "next_before": page.next_before,
    }


@router.get("/folders")
async def list_folders(request: Request) -> dict[str, Any]:
    """The folders that hold something, by name."""
    folders = await services_of(request).conversations.folders(OWNER)
    return {"data": [{"name": name, "conversations": count} for name, count in folders]}


@router.get("/{conversation_id}")
async def get_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    """The conversation with its whole tree of messages, parents first."""
    whole = await read_whole(services_of(request).database, OWNER, conversation_id)
    return {
        **conversation_json(whole.conversation),
        "settings": whole.conversation.settings or {},
        "messages": [
            message_json(message, whole.ratings.get(message.id)) for message in whole.messages
        ],
    }


@router.patch("/{conversation_id}")
async def change_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    """Rename, pin, archive, point at another branch, or have answers drawn otherwise."""
    body = validate(ConversationChange, await read_json(request))
    conversations = services_of(request).conversations
    changed = await conversations.update(OWNER, conversation_id, **body.changes())
    return conversation_json(changed)


@router.delete("/{conversation_id}", status_code=204)
async def delete_conversation(request: Request, conversation_id: str) -> None:
    """Remove it and everything said in it, and stop its answers: one that waits for leave or for
    its first word would hold its place among the running ones for as long, and nobody could stop
    it."""
    services = services_of(request)
    await services.conversations.delete(OWNER, conversation_id)
    await services.turns.cancel_all(OWNER, conversation_id)


@router.get("/{conversation_id}/messages/{message_id}/pictures/{place}")
async def get_picture(
    request: Request,
    conversation_id: str,
    message_id: str,
    place: Annotated[int, Path(ge=0, lt=MAX_PICTURES)],
) -> Response:
    """A picture that went with a question, by its place among the message's, the first being 0. It
    is what its own bytes say, and no browser may take it for anything else."""
    pictures = services_of(request).pictures
    found = await pictures.get(OWNER, conversation_id, message_id, place)
    headers = {"content-security-policy": "default-src 'none'; sandbox"}
    return Response(found.picture.data, 200, headers, found.picture.media_type)


@router.post("/{conversation_id}/turns", status_code=201)
async def start_turn(request: Request, conversation_id: str) -> dict[str, Any]:
    """Say something, have a message answered again, or an answer gone on with. Returns once it is
    stored."""
    body = validate(NewTurn, await read_json(request))
    return started_json(await begin_turn(services_of(request), conversation_id, body))


async def begin_turn(services: Services, conversation_id: str, body: NewTurn) -> StartedTurn:
    """The turn that `body` asks for, its question stored. Raises what `Turns.start` raises."""
    return await services.turns.start(
        OWNER,
        conversation_id,
        content=body.content,
        pictures=[picture.named() for picture in body.pictures],
        pictures_of=body.pictures_of,
        parent_id=body.parent_id if "parent_id" in body.model_fields_set else UNSET,
        continue_id=body.continue_id,
        model=body.model or services.default_model,
        settings=body.settings.provider_settings(),
        system=body.settings.system,
        tools=body.settings.tools,
        ask_leave=body.settings.ask_leave,
    )


@router.get("/{conversation_id}/turns/{turn_id}/events")
async def watch_turn(
    request: Request,
    conversation_id: str,
    turn_id: str,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventStream:
    """The answer after its first `offset` code points, as it grows. A browser's own EventSource
    says by Last-Event-ID how far it got."""
    turns = services_of(request).turns
    await turns.length(OWNER, conversation_id, turn_id)
    if last_event_id and last_event_id.isascii() and last_event_id.isdecimal():
        offset = max(offset, min(int(last_event_id), MAX_OFFSET))
    events = turns.events(OWNER, conversation_id, turn_id, offset)
    # No `stopping`: when the server stops, it ends the turns, and they end their watchers.
    return EventStream(_frames(events), beats=True)


@router.post("/{conversation_id}/turns/{turn_id}/cancel")
async def cancel_turn(request: Request, conversation_id: str, turn_id: str) -> dict[str, str]:
    """Stop the answer; what there is of it is kept. Returns once it is stored; does nothing to an
    answer that has ended."""
    await services_of(request).turns.cancel(OWNER, conversation_id, turn_id)
    return {"turn_id": turn_id}


@router.post("/{conversation_id}/turns/{turn_id}/tools/{call_id}")
async def decide_call(
    request: Request, conversation_id: str, turn_id: str, call_id: str
) -> dict[str, str]:
    """Let a call of a tool that waits for leave be run, or not."""
    body = validate(Leave, await read_json(request))
    turns = services_of(request).turns
    await turns.decide(OWNER, conversation_id, turn_id, call_id, allow=body.allow)
    return {"call_id": call_id}


async def _frames(events: AsyncIterator[TurnEvent]) -> AsyncGenerator[str, None]:
    async with closing(events):
        try:
            async for event in events:
                place = str(event.offset) if isinstance(event, TurnDelta) else None
                yield sse(turn_event_json(event), id=place)
        except MiniClaudeError as error:
            # The stream breaks off without an end, and whoever follows it asks again and is told by
            # the status: an error event would say that the answer itself had failed.
            _log.warning("A turn cannot be watched any more: %s", error)
        except Exception:
            _log.exception("A turn cannot be watched any more.")
