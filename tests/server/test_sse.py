"""Streams of events say that they are alive, where the page follows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from miniclaude.server import sse
from miniclaude.server.sse import BEAT, EventStream
from tests.server.conftest import Served
from tests.server.test_conversations import new, say

pytestmark = pytest.mark.anyio


class Reader:
    """A client that asks for `path` and stays; `beaten` is set at the first beat."""

    def __init__(self, path: str = "/") -> None:
        self.beaten = asyncio.Event()
        self.read = ""
        self.ended = False
        host = (b"host", b"localhost:8642")
        self.scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
        self.scope |= {"query_string": b"", "headers": [host], "client": ("127.0.0.1", 1)}
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        assert not self.ended, message
        if message["type"] == "http.response.body":
            self.read += message["body"].decode()
            self.ended = not message.get("more_body")
            if self.read.endswith(BEAT):
                self.beaten.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats come at once."""
    monkeypatch.setattr(sse, "BEAT_S", 0.001)


async def test_a_stream_that_is_silent_says_that_it_is_alive() -> None:
    """A page behind a proxy that had lost the server stayed in the middle of an answer for ever:
    silence did not tell a line that was broken from a model that thought."""
    reader = Reader()

    async def frames() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await reader.beaten.wait()
        yield "data: 2\n\n"

    await EventStream(frames(), beats=True)(reader.scope, reader.receive, reader.send)  # type: ignore[arg-type]
    first, *beats, last, nothing = reader.read.split("\n\n")
    assert (first, set(beats), last, nothing) == ("data: 1", {": beat"}, "data: 2", "")
    assert reader.ended


async def test_no_beat_comes_behind_the_end() -> None:
    """A slow reader holds a beat and the end up; a byte behind the end is a fault of the server."""
    reader = Reader()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        if message.get("body") == BEAT.encode():
            begun.set()
            await ended.wait()
        await reader.send(message)

    async def frames() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await begun.wait()
        asyncio.get_running_loop().call_later(0.01, ended.set)

    await EventStream(frames(), beats=True)(reader.scope, reader.receive, send)  # type: ignore[arg-type]
    assert reader.ended
    assert reader.read == f"data: 1\n\n{BEAT}"


async def test_an_answer_that_is_waited_for_has_a_beat(served: Served) -> None:
    served.scripted.script = [None]
    conversation = await new(served)
    turn = await say(served, conversation, content="hi", model="scripted/m")
    reader = Reader(f"{conversation}/turns/{turn['turn_id']}/events")
    reading = asyncio.create_task(served.app(reader.scope, reader.receive, reader.send))
    await reader.beaten.wait()
    await served.client.post(f"{conversation}/turns/{turn['turn_id']}/cancel")
    await reading
    told = [frame for frame in reader.read.split("\n\n") if frame not in ("", ": beat")]
    assert '"status":"cancelled"' in told[-1]
