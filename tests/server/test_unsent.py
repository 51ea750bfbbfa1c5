"""A client that does not send what it began is dropped, and no more are let in than there are files
for."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from miniclaude.providers.echo import Echo
from miniclaude.server.unread import ReadSocket
from miniclaude.server.unsent import KEPT_FILES, MOST_CONNECTIONS, SentHttp, connections_allowed
from tests.contracts.conftest import PATIENCE_S, running

pytestmark = pytest.mark.anyio

POST = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20000\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


BEGUN: list[asyncio.Task[Any]] = []


@pytest.fixture(autouse=True)
async def _ended() -> AsyncIterator[None]:
    """What a test has begun ends with it: collected some time later, it fails another test."""
    yield
    for task in BEGUN:
        task.cancel()
    await asyncio.gather(*BEGUN, return_exceptions=True)
    BEGUN.clear()


class Timer:
    """Something that is to be done later."""

    def __init__(self, clock: Clock, seconds: float, what: Callable[[], object]) -> None:
        self.clock, self.seconds, self.what = clock, seconds, what

    def cancel(self) -> None:
        if self in self.clock.timers:
            self.clock.timers.remove(self)


class Clock:
    """An event loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, what: Callable[..., object], *given: object) -> Timer:
        self.timers.append(Timer(self, seconds, lambda: what(*given)))
        return self.timers[-1]

    def create_task(self, work: Any, **named: Any) -> asyncio.Task[Any]:
        BEGUN.append(asyncio.get_running_loop().create_task(work, **named))
        return BEGUN[-1]

    def time(self) -> float:
        return 1000.0

    @property
    def waits(self) -> list[float]:
        return [timer.seconds for timer in self.timers]

    def pass_by(self) -> None:
        """As long as the one timer takes."""
        [timer] = self.timers
        timer.cancel()
        timer.what()


class Line:
    """A transport."""

    def __init__(self) -> None:
        self.aborted = False
        self.closed = False
        self.paused = False
        self.sent = b""
        self.unread = 0

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True
        self.aborted = self.aborted or not self.unread

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def get_write_buffer_size(self) -> int:
        return self.unread

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def write(self, data: bytes) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_protocol(self, protocol: object) -> None:
        pass


class Client:
    """Somebody connected to an application that answers once it has read all, or what `app`
    does."""

    def __init__(self, app: Any = None, state: ServerState | None = None) -> None:
        self.clock, self.line = Clock(), Line()
        self.answered = asyncio.Event()
        config = uvicorn.Config(app or self._app, ws=ReadSocket, interface="asgi3", log_config=None)
        clock: Any = self.clock
        line: Any = self.line
        self.http: Any = SentHttp(config, state or ServerState(), {}, clock)
        self.http.connection_made(line)

    def send(self, data: bytes) -> None:
        self.http.data_received(data)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        self.answered.set()


async def never_reads(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def test_one_that_connects_and_says_nothing_is_dropped() -> None:
    """A thousand such used to keep everybody else out, without a key."""
    client = Client()
    assert client.clock.waits == [20]
    client.clock.pass_by()
    assert client.line.aborted
    assert not client.clock.timers


async def test_a_head_that_comes_byte_by_byte_gains_no_time() -> None:
    client = Client()
    [timer] = client.clock.timers
    for byte in GET[:-1]:
        client.send(bytes([byte]))
    assert client.clock.timers == [timer]
    client.clock.pass_by()
    assert client.line.aborted


async def test_an_answer_takes_as_long_as_it_takes() -> None:
    """Nothing is awaited of a client whose request is whole."""
    client = Client(never_reads)
    client.send(GET)
    assert client.clock.timers == []


async def test_between_two_requests_the_shorter_time_runs_and_then_ours() -> None:
    client = Client()
    client.send(GET)
    with anyio.fail_after(PATIENCE_S):
        await client.answered.wait()
    [keep_alive] = client.clock.timers
    assert keep_alive.seconds == 5
    client.send(GET[:10])
    assert client.clock.waits == [20]
    client.send(GET[10:])
    assert client.clock.timers == []


@pytest.mark.parametrize("head", [GET, GET[:-2] + b"connection: close\r\n\r\n"])
async def test_an_answer_that_nobody_reads_to_its_end_is_not_kept(head: bytes) -> None:
    """Its last kilobytes lay in the transport, which waits for their reader when it is closed, and
    no time ran: the connection was held for ever, without a key."""
    client = Client()
    client.line.unread = 9000
    client.send(head)
    with anyio.fail_after(PATIENCE_S):
        await client.answered.wait()
    if head == GET:
        assert client.clock.waits == [5]
        client.clock.pass_by()
    assert client.clock.waits == [60]
    client.line.unread = 5000
    client.clock.pass_by()
    assert not client.line.aborted
    client.clock.pass_by()
    assert client.line.aborted


async def test_a_body_that_does_not_go_on_is_dropped() -> None:
    """It was kept in memory for as long as its client liked, and counted nowhere."""
    client = Client()
    client.send(POST + b"x" * 5000)
    assert client.clock.waits == [60]
    client.send(b"x" * 4096)
    client.clock.pass_by()
    assert not client.line.aborted
    client.send(b"x" * 4095)
    client.clock.pass_by()
    assert client.line.aborted


async def test_a_body_that_is_whole_is_not_waited_for() -> None:
    client = Client(never_reads)
    client.send(POST)
    client.send(b"x" * 20000)
    assert client.clock.timers == []


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (POST.replace(b"20000", b"900000"), b"x" * 70_000),
        (POST.replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n"), b""),
    ],
)
async def test_who_waits_for_us_is_not_dropped(head: bytes, body: bytes) -> None:
    """An upload goes on when there is room for it."""
    client = Client(never_reads)
    client.send(head + body)
    client.clock.pass_by()
    assert not client.line.aborted
    assert client.clock.waits == [60]


async def test_a_socket_is_not_timed() -> None:
    """It may be silent for as long as it answers pings."""
    client = Client(never_reads)
    client.send(UPGRADE)
    assert not [timer for timer in client.clock.timers if timer.seconds in (20, 60)]


async def test_no_time_runs_once_nobody_is_there() -> None:
    client = Client()
    client.http.connection_lost(ConnectionResetError())
    assert client.clock.timers == []


CURE = "Send it as RFC 9112 says; libraries for HTTP do."
NO_REQUESTS = {
    b"\x16\x03\x01\x02": (400, f"illegal request line. {CURE}"),
    b"GET / HTTP/1.1\r\n\r\n": (400, f"Missing mandatory Host: header. {CURE}"),
    b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n": (400, f"illegal request line. {CURE}"),
    POST[:-2] + b"content-length: 3\r\n\r\n": (
        400,
        f"conflicting Content-Length headers. {CURE}",
    ),
    POST.replace(b"host:", b"host :"): (400, f"illegal header line. {CURE}"),
    b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000: (
        431,
        "its head is too long. Send fewer or shorter headers.",
    ),
    b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n": (
        400,  # by the RFC 501, but no input makes a server error
        f"Only Transfer-Encoding: chunked is supported. {CURE}",
    ),
}


@pytest.mark.parametrize("sent", NO_REQUESTS)
async def test_what_is_no_request_is_told_why_in_the_shape_of_all_errors(sent: bytes) -> None:
    """It was plain text, and said that something was invalid; and no id named it."""
    status, why = NO_REQUESTS[sent]
    client = Client()
    client.send(sent)
    head, _, body = client.line.sent.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nx-content-type-options: nosniff" in head
    assert b"\r\nx-request-id: req_" in head
    told = json.loads(body)["error"]
    assert told["message"] == f"This is not a request in HTTP/1.1: {why}"
    assert told["param"] is told["code"] is None
    assert client.line.aborted


async def test_no_more_connections_than_there_are_files_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The process could else open nothing any more, no database and no model either."""
    monkeypatch.setattr(SentHttp, "most_connections", 2)
    monkeypatch.setattr(SentHttp, "_last_told", 0.0)
    state = ServerState()
    clients = [Client(state=state) for _ in range(4)]
    assert [client.line.aborted for client in clients] == [False, False, True, True]
    assert not clients[3].clock.timers
    [told] = [record.message for record in caplog.records if "ulimit" in record.message]
    assert "2 connections" in told


@pytest.mark.parametrize(
    ("files", "most"),
    [(1024, 1024 - KEPT_FILES), (10**6, MOST_CONNECTIONS), (-1, MOST_CONNECTIONS), (256, 128)],
)
async def test_how_many_connections(monkeypatch: pytest.MonkeyPatch, files: int, most: int) -> None:
    """256 files are what a terminal on macOS gives: a page alone opens six connections."""
    assert resource.RLIM_INFINITY == -1
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (files, files))
    assert connections_allowed() == most


@pytest.mark.parametrize("sent", [b"", POST[:20], POST.replace(b" /", b" /v1/completions") + b"{"])
async def test_a_live_server_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Through the transport that writes head and body together."""
    monkeypatch.setattr(SentHttp, "head_seconds", 0.01)
    monkeypatch.setattr(SentHttp, "body_seconds", 0.01)
    sent = sent.replace(b"\r\n\r\n", b"\r\ncontent-type: application/json\r\n\r\n")
    with running(tmp_path, {"echo": Echo()}, "echo") as live:
        host, _, port = live.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as client:
            try:
                client.sendall(sent)
                assert client.recv(1) == b""
            except ConnectionResetError:
                pass
