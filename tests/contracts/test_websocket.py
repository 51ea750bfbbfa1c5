"""An unmodified WebSocket client against the live server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from miniclaude.providers.echo import Echo
from miniclaude.server.body import LARGE, parse_unchecked
from miniclaude.server.routes import stream
from miniclaude.server.wire.validation import validate
from tests.contracts.conftest import PATIENCE_S, Live, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def socket(live: Live) -> AsyncIterator[ClientConnection]:
    async with connect(live.socket_url) as opened:
        yield opened


def request(model: str, text: str = "one two three", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


async def send(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await socket.recv())
    return frame


async def until_end(socket: ClientConnection, id: str) -> list[dict[str, Any]]:
    """Frames of one request, up to its end."""
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] == "chat.chunk":
        frame = await receive(socket)
        if frame["id"] == id:
            frames.append(frame)
    return frames


async def drain(socket: ClientConnection, codes: list[str]) -> None:
    """Until it is closed; `codes` gets those of the errors. Raises ConnectionClosed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = await receive(socket)
            if frame["type"] == "error":
                codes.append(frame["error"]["code"])


async def test_one_request(live: Live, socket: ClientConnection) -> None:
    body = request(live.model, stream_options={"include_usage": True})
    await send(socket, type="chat.start", id="a", body=body)
    *chunks, done = await until_end(socket, "a")
    assert done == {"type": "chat.done", "id": "a"}
    data = [frame["data"] for frame in chunks]
    assert {chunk["object"] for chunk in data} == {"chat.completion.chunk"}
    assert data[-1]["choices"] == []
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in data[:-1])
    assert text == "one two three"


async def test_several_at_once_and_a_cancel(live: Live, socket: ClientConnection) -> None:
    for id in ("x", "y"):
        await send(socket, type="chat.start", id=id, body=request("endless"))
    seen: set[str] = set()
    while seen != {"x", "y"}:
        seen.add((await receive(socket))["id"])
    await send(socket, type="chat.start", id="z", body=request(live.model))
    assert (await until_end(socket, "z"))[-1]["type"] == "chat.done"
    await send(socket, type="chat.cancel", id="x")
    assert (await until_end(socket, "x"))[-1] == {"type": "chat.done", "id": "x"}
    await asyncio.to_thread(live.wait_until, lambda: live.endless.talking == 1)
    await send(socket, type="chat.start", id="x", body=request(live.model))
    assert (await until_end(socket, "x"))[-1]["type"] == "chat.done", "a free id can be used again"
    await send(socket, type="chat.cancel", id="y")
    assert (await until_end(socket, "y"))[-1] == {"type": "chat.done", "id": "y"}
    await asyncio.to_thread(live.wait_until_idle)


@pytest.mark.parametrize("text", ["silent", "talk"])
async def test_leaving_ends_everything(live: Live, text: str) -> None:
    """Also when the server is stuck on a reader that does not read."""
    async with connect(live.socket_url) as socket:
        for id in range(8):
            await send(socket, type="chat.start", id=str(id), body=request("endless", text))
        await asyncio.to_thread(live.wait_until, lambda: live.endless.talking == 8)
        socket.transport.abort()
    await asyncio.to_thread(live.wait_until_idle)


async def test_an_id_in_use_is_refused_and_goes_on(live: Live, socket: ClientConnection) -> None:
    await send(socket, type="chat.start", id="a", body=request("endless", "silent"))
    await send(socket, type="chat.start", id="a", body=request(live.model))
    error = await receive(socket)
    assert (error["type"], error["id"]) == ("error", "a")
    assert error["error"]["param"] == "id"
    await send(socket, type="chat.cancel", id="a")
    assert await receive(socket) == {"type": "chat.done", "id": "a"}


async def test_too_many_at_once(live: Live, socket: ClientConnection) -> None:
    for id in range(17):
        await send(socket, type="chat.start", id=str(id), body=request("endless", "silent"))
    error = await receive(socket)
    assert (error["id"], error["error"]["code"]) == ("16", "server_overloaded")


@pytest.mark.parametrize(
    ("frame", "id", "param"),
    [
        ("{", None, None),
        ("[]", None, "type"),
        ('"chat.start"', None, "type"),
        ('{"type": "chat.start", "id": NaN}', None, "id"),
        ('{"type": "chat.fly", "id": "a"}', "a", "type"),
        ('{"type": "chat.start", "id": "a"}', "a", "body"),
        ('{"type": "chat.start", "body": {}}', None, "id"),
        ('{"type": "chat.start", "id": 5, "body": {}}', None, "id"),
        ('{"type": "chat.start", "id": "", "body": {}}', "", "id"),
        ('{"type": "chat.start", "id": "a", "body": []}', "a", "body"),
        ('{"type": "chat.start", "id": "a", "body": {}}', "a", "model"),
        ('{"type": "chat.start", "id": "a", "body": {}, "extra": 1}', "a", "extra"),
        ('{"type": "chat.start", "id": "a\\ud800", "body": {}}', None, "id"),
        ('{"type": "chat.start", "id": "a", "body": {"x": "\\u0000"}}', "a", "body.x"),
        ('{"type": "turn.start", "id": "a", "body": {"x": "\\ud800"}}', "a", "body.x"),
        ('{"type": "chat.start", "id": "a\\u0000", "body": {}}', None, "id"),
        ('{"type": "chat.cancel", "id": []}', None, "id"),
        (b"\x00\x01", None, None),
        ("[" * 50_000, None, None),
    ],
)
async def test_a_frame_that_makes_no_sense_is_answered(
    live: Live, socket: ClientConnection, frame: str | bytes, id: str | None, param: str | None
) -> None:
    """A closed socket would take the other requests on it down, and without its id the one that
    the frame begins would be waited for in vain."""
    await socket.send(frame)
    answer = await receive(socket)
    assert (answer["type"], answer["id"]) == ("error", id)
    assert answer["error"]["param"] == param
    await send(socket, type="chat.start", id="next", body=request(live.model))
    assert (await until_end(socket, "next"))[-1]["type"] == "chat.done"


async def test_failures_name_their_request(live: Live, socket: ClientConnection) -> None:
    await send(socket, type="chat.start", id="a", body=request("gpt-none"))
    error = await receive(socket)
    assert (error["id"], error["error"]["code"]) == ("a", "model_not_found")
    await send(socket, type="chat.start", id="b", body=request(live.model, temperature=9))
    error = await receive(socket)
    assert (error["id"], error["error"]["param"]) == ("b", "temperature")


async def test_a_whole_answer_is_refused_by_name(live: Live, socket: ClientConnection) -> None:
    """It was streamed all the same, to a client that had asked for one whole."""
    await send(socket, type="chat.start", id="a", body=request(live.model, stream=False))
    error = await receive(socket)
    assert (error["id"], error["error"]["param"]) == ("a", "stream")
    assert error["error"]["code"] == "unsupported_field"
    for streams in (True, None):
        await send(socket, type="chat.start", id="b", body=request(live.model, stream=streams))
        assert (await until_end(socket, "b"))[-1]["type"] == "chat.done"


async def test_cancelling_what_is_not_running_is_nothing(
    live: Live, socket: ClientConnection
) -> None:
    """A cancel may cross the end of its request on the way."""
    await send(socket, type="chat.cancel", id="never")
    await send(socket, type="chat.start", id="a", body=request(live.model))
    assert (await receive(socket))["id"] == "a"


async def test_a_frame_over_the_cap_is_answered(live: Live, socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "chat.start", "id": "a", "body": "x" * 10_000_000}))
    assert (await receive(socket))["error"]["code"] == "payload_too_large"
    await send(socket, type="chat.start", id="b", body=request(live.model))
    assert (await until_end(socket, "b"))[-1]["type"] == "chat.done"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_other_pages_may_not_connect(live: Live, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(live.socket_url, additional_headers={"Origin": origin}):
            pass
    assert refused.value.response.status_code == 403
    assert b"origin_not_allowed" in refused.value.response.body


async def test_our_own_page_may(live: Live) -> None:
    async with connect(live.socket_url, additional_headers={"Origin": live.url}):
        pass


async def test_a_large_frame_is_read_beside_the_event_loop(
    live: Live, socket: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold every stream of every client up, as a large body would."""
    threads: list[str] = []

    def parsed(raw: str) -> object:
        threads.append(threading.current_thread().name)
        return parse_unchecked(raw)

    monkeypatch.setattr(stream, "parse_unchecked", parsed)
    for id, size in (("small", 10), ("large", LARGE + 1)):
        await socket.send(json.dumps({"type": "chat.start", "id": id, "body": {}}).ljust(size))
        assert (await receive(socket))["id"] == id
    small, large = threads
    assert small != large
    assert large.startswith("asyncio_")


async def test_what_a_large_frame_asks_is_checked_beside_the_event_loop(
    live: Live, socket: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of messages take longer to check than to parse."""
    threads: list[str] = []

    def checked(model: Any, data: object) -> Any:
        threads.append(threading.current_thread().name)
        return validate(model, data)

    monkeypatch.setattr(stream, "validate", checked)
    frame = {"type": "chat.start", "id": "large", "body": request(live.model)}
    await socket.send(json.dumps(frame).ljust(LARGE + 1))
    assert (await until_end(socket, "large"))[-1]["type"] == "chat.done"
    [thread] = threads
    assert thread.startswith("asyncio_")


async def test_a_frame_that_makes_no_sense_counts_as_a_request(tmp_path: Path) -> None:
    """Such frames could be sent without end by a key that may send two requests a minute; over
    HTTP they count. A cancel asks for nothing and does not."""
    with running(tmp_path, {"echo": Echo()}, "echo", requests_per_minute=2) as live:
        async with connect(live.socket_url) as socket:
            await send(socket, type="chat.cancel", id="none")
            codes = []
            for text in ("[[]", "[]", "{}"):
                await socket.send(text)
                codes.append((await receive(socket))["error"]["code"])
            assert codes == ["bad_json", "invalid_value", "rate_limit_exceeded"]
            await send(socket, type="chat.start", id="a", body=request("echo"))
            refused = await receive(socket)
            assert (refused["id"], refused["error"]["code"]) == ("a", "rate_limit_exceeded")


async def test_too_many_bad_frames_in_a_row_close_the_socket(
    live: Live, socket: ClientConnection
) -> None:
    """A key without a limit on its requests could send them for ever, and have each looked at. One
    that makes sense begins the count anew."""
    most = stream.MAX_BAD_FRAMES
    no_request = json.dumps({"type": "chat.start", "id": "b", "body": {"nothing": 1}})
    bad = [no_request, "{}"] * (most // 2)
    await send(socket, type="chat.start", id="a", body=request("endless"))
    for frame in bad[1:]:
        await socket.send(frame)
    await send(socket, type="chat.cancel", id="none")
    for frame in bad[1:]:
        await socket.send(frame)
    # A right request that comes too early is no bad frame.
    await send(socket, type="chat.start", id="a", body=request(live.model))
    await socket.send(bad[-1])
    codes: list[str] = []
    with pytest.raises(ConnectionClosedError) as closed:
        await drain(socket, codes)
    assert (len(codes), codes.count("conflict")) == (2 * most, 1)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    # The error's beginning, cut between characters.
    said = closed.value.rcvd.reason
    assert said.startswith(f"{most} bad frames in a row, the last: type: a frame is chat.start")
    assert stream.MAX_REASON_BYTES - 3 <= len(said.encode()) <= stream.MAX_REASON_BYTES
    await asyncio.to_thread(live.wait_until, lambda: live.endless.talking == 0)
