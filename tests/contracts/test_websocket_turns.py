"""Turns of stored conversations over the socket: left, and come back to at any offset."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.contracts.conftest import Live
from tests.contracts.test_websocket import receive, send

pytestmark = pytest.mark.anyio


@pytest.fixture
async def socket(live: Live) -> AsyncIterator[ClientConnection]:
    async with connect(live.socket_url) as opened:
        yield opened


@pytest.fixture
async def conversation(live: Live) -> str:
    async with httpx2.AsyncClient(base_url=live.url, timeout=180) as client:
        created = await client.post("/conversations", json={})
    return str(created.json()["id"])


async def begin(
    socket: ClientConnection, conversation: str, model: str, content: str
) -> dict[str, Any]:
    """Start a turn as `a`; what `turn.started` says."""
    body = {"model": model, "content": content}
    await send(socket, type="turn.start", id="a", conversation_id=conversation, body=body)
    started = await receive(socket)
    assert (started["type"], started["id"]) == ("turn.started", "a")
    return started


async def rest(socket: ClientConnection) -> tuple[str, list[dict[str, Any]]]:
    """The text of the frames up to their end, and the frames that are no text."""
    text, others = "", []
    while True:
        frame = await receive(socket)
        if frame["type"] == "turn.event" and frame["data"]["type"] == "delta":
            text += frame["data"]["text"]
            continue
        others.append(frame)
        if frame["type"] != "turn.event":
            return text, others


async def watch(
    socket: ClientConnection, conversation: str, turn: str, offset: object
) -> tuple[str, list[dict[str, Any]]]:
    place = {"conversation_id": conversation, "turn_id": turn, "offset": offset}
    await send(socket, type="turn.watch", id="w", **place)
    return await rest(socket)


async def test_an_ended_turn_is_read_from_any_offset(
    live: Live, socket: ClientConnection, conversation: str
) -> None:
    started = await begin(socket, conversation, live.model, "h\u00e9llo \U0001f600 world")
    text, (done, end) = await rest(socket)
    assert text == "h\u00e9llo \U0001f600 world"
    assert (done["data"]["type"], done["data"]["status"]) == ("done", "complete")
    assert end == {"type": "chat.done", "id": "a"}
    for offset in (0, 6, 7, len(text)):
        rest_of_it, ends = await watch(socket, conversation, started["turn_id"], offset)
        assert rest_of_it == text[offset:]
        assert [end["type"] for end in ends] == ["turn.event", "chat.done"]


async def test_a_turn_outlives_its_socket_and_is_picked_up_live(
    live: Live, conversation: str
) -> None:
    async with connect(live.socket_url) as lost:
        turn = (await begin(lost, conversation, "endless", "halt"))["turn_id"]
        assert (await receive(lost))["data"]["text"] == "one two"
        lost.transport.abort()
    async with connect(live.socket_url) as back, connect(live.socket_url) as other:
        for socket in (back, other):
            place = {"conversation_id": conversation, "turn_id": turn, "offset": 4}
            await send(socket, type="turn.watch", id="w", **place)
            assert (await receive(socket))["data"] == {"type": "delta", "text": "two", "offset": 7}
        await send(back, type="chat.cancel", id="w")
        for socket in (back, other):
            _, (done, end) = await rest(socket)
            assert done["data"]["status"] == "cancelled"
            assert end["type"] == "chat.done"
        # What was said is kept.
        assert (await watch(back, conversation, turn, 0))[0] == "one two"
    live.wait_until_idle()


@pytest.mark.parametrize("offset", [-1, 2**40, 8, "4", 1.5])
async def test_a_wrong_offset_is_told_in_words(
    live: Live, socket: ClientConnection, conversation: str, offset: object
) -> None:
    """In silence it would look like an answer that has nothing more to say."""
    turn = (await begin(socket, conversation, live.model, "one two"))["turn_id"]
    await rest(socket)
    _, (error,) = await watch(socket, conversation, turn, offset)
    assert (error["type"], error["id"]) == ("error", "w")
    assert error["error"]["param"] == "offset"
    if offset == 8:
        assert "the answer has only 7 characters" in error["error"]["message"]


async def test_a_turn_that_is_not_there_is_not_found(
    live: Live, socket: ClientConnection, conversation: str
) -> None:
    _, (error,) = await watch(socket, conversation, "t", 0)
    assert error["error"]["code"] == "not_found"
    body = {"content": "hi", "model": live.model}
    await send(socket, type="turn.start", id="b", conversation_id="c", body=body)
    assert (await receive(socket))["error"]["code"] == "not_found"


async def test_a_turn_that_makes_no_sense_is_answered(
    socket: ClientConnection, conversation: str
) -> None:
    place = {"conversation_id": conversation, "body": {"content": "hi", "settings": {"top_p": 9}}}
    await send(socket, type="turn.start", id="a", **place)
    assert (await receive(socket))["error"]["param"] == "settings.top_p"
