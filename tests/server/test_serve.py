"""A server process: how it starts, how it ends, and what a kill leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from miniclaude.errors import HomeLockedError, SettingsError
from miniclaude.server.app import create_app
from miniclaude.server.serve import bind_socket, quietly_cancelled
from miniclaude.settings import load_settings
from tests.server.conftest import Served

LONG = " ".join(f"word{number}" for number in range(20_000))
PATIENCE_S = 180
PATIENT = "shutdown_seconds = 120\n"
"""The configuration of a server that has to end without a word, however slow the machine is."""

EVIL = "http://evil.example"


class Process:
    """A running server."""

    def __init__(self, home: Path, *kind: str) -> None:
        command = [sys.executable, "-m", "tests.server.slow_server", str(home), "0", *kind]
        self.popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().strip()
        if not self.url:
            _, errors = self.popen.communicate(timeout=PATIENCE_S)
            pytest.fail(f"it did not start: {errors}")
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE_S)

    def start_turn(self, content: str) -> str:
        """The address of a new conversation's turn."""
        conversation = self.client.post("/conversations", json={}).json()["id"]
        return self.add_turn(f"/conversations/{conversation}", content)

    def add_turn(self, conversation: str, content: str) -> str:
        """The address of a turn that begins the conversation anew."""
        body = {"content": content, "parent_id": None}
        turn = self.client.post(f"{conversation}/turns", json=body)
        return f"{conversation}/turns/{turn.json()['turn_id']}"

    def answer(self, turn: str) -> dict[str, Any]:
        """The answer's row."""
        conversation = self.client.get(turn.partition("/turns")[0]).json()
        message: dict[str, Any] = conversation["messages"][-1]
        return message

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal. Returns exit status, output and errors."""
        self.popen.send_signal(number)
        output, errors = self.popen.communicate(timeout=PATIENCE_S)
        return self.popen.returncode, output, errors


@contextmanager
def process(home: Path, *kind: str) -> Iterator[Process]:
    running = Process(home, *kind)
    try:
        with running.client:
            yield running
    finally:
        running.popen.kill()
        running.popen.communicate()


def test_a_stop_ends_streams_and_saves_turns(tmp_path: Path) -> None:
    """uvicorn alone waits for ever for a stream that never ends."""
    (tmp_path / "config.toml").write_text(PATIENT)
    with process(tmp_path) as server:
        turn = server.start_turn(LONG)
        chat = {"model": "echo", "messages": [{"role": "user", "content": LONG}], "stream": True}
        with (
            server.client.stream("GET", f"{turn}/events") as watched,
            server.client.stream("POST", "/v1/chat/completions", json=chat) as spoken,
        ):
            watched_lines = watched.iter_lines()
            spoken_lines = spoken.iter_lines()
            assert next(watched_lines).startswith("id: ")
            assert next(spoken_lines).startswith("data: ")
            began = time.monotonic()
            server.popen.send_signal(signal.SIGTERM)
            last = [line for line in spoken_lines if line][-1]
            assert json.loads(last.removeprefix("data: "))["error"]["code"] == "server_overloaded"
            last = [line for line in watched_lines if line][-1]
            assert json.loads(last.removeprefix("data: "))["status"] == "interrupted"
        output, errors = server.popen.communicate(timeout=PATIENCE_S)
        assert (server.popen.returncode, output, errors) == (0, "ended\n", "")
        assert time.monotonic() - began < PATIENCE_S
    with process(tmp_path) as server:
        answer = server.answer(turn)
        assert answer["status"] == "interrupted"
        assert LONG.startswith(answer["content"])
        assert answer["content"]


def test_a_stop_tells_every_request_of_a_socket(tmp_path: Path) -> None:
    """A socket that is only closed leaves its client to guess which answers are whole."""
    (tmp_path / "config.toml").write_text(PATIENT)
    body = {"model": "echo", "messages": [{"role": "user", "content": LONG}]}
    with process(tmp_path) as server, connect(f"ws{server.url[4:]}/chat/stream") as spoken:
        for name in ("a", "b"):
            spoken.send(json.dumps({"type": "chat.start", "id": name, "body": body}))
        begun: set[str] = set()
        while begun != {"a", "b"}:
            begun.add(json.loads(spoken.recv(PATIENCE_S))["id"])
        server.popen.send_signal(signal.SIGTERM)
        told: dict[str, str] = {}
        while len(told) < len(begun):
            frame = json.loads(spoken.recv(PATIENCE_S))
            if frame["type"] == "error":
                told[frame["id"]] = frame["error"]["code"]
        assert told == {"a": "server_overloaded", "b": "server_overloaded"}
        with pytest.raises(ConnectionClosedError, match="1012"):
            spoken.recv(PATIENCE_S)
        output, errors = server.popen.communicate(timeout=PATIENCE_S)
        assert (server.popen.returncode, output, errors) == (0, "ended\n", "")


def test_a_client_that_does_not_read_holds_no_stop_up(tmp_path: Path) -> None:
    """What waits for room in its connection would wait for ever."""
    (tmp_path / "config.toml").write_text("shutdown_seconds = 1\n")
    with process(tmp_path) as server, socket.socket() as silent:
        path = server.start_turn("x").partition("/turns")[0]
        for _ in range(7):
            server.add_turn(path, "x" * 1_000_000)  # more than a connection takes unread
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", server.client.base_url.port))
        silent.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert silent.recv(12) == b"HTTP/1.1 200"
        status, output, errors = server.end(signal.SIGTERM)
        assert (status, output) == (0, "ended\n")
        assert "timeout graceful shutdown exceeded" in errors
        assert "Traceback" not in errors


@pytest.mark.parametrize("over", ["http", "socket"])
def test_a_client_that_does_not_read_keeps_no_place(tmp_path: Path, over: str) -> None:
    """Eight such clients would else fill the server for good: an answer waits for room in its
    connection, and a client that is still there need never make any."""
    words = " ".join(["x" * 1_000_000] * 7)  # more than a connection takes unread
    chat = {"model": "echo", "messages": [{"role": "user", "content": words}], "stream": True}
    with process(tmp_path, "impatient") as server, socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", server.client.base_url.port))
        if over == "http":
            body = json.dumps(chat).encode()
            head = "POST /chat/completions HTTP/1.1\r\ncontent-type: application/json\r\n"
            silent.sendall(f"{head}host: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode())
            silent.sendall(body)
            assert silent.recv(12) == b"HTTP/1.1 200"
        else:
            silent.sendall(
                b"GET /chat/stream HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n"
                b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
                b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert silent.recv(12) == b"HTTP/1.1 101"
            frame = json.dumps({"type": "chat.start", "id": "a", "body": chat}).encode()
            silent.sendall(b"\x81\xff" + len(frame).to_bytes(8, "big") + bytes(4) + frame)
        end = time.monotonic() + PATIENCE_S
        while 'outcome="cancelled"} 1.0' not in server.client.get("/metrics").text:
            assert time.monotonic() < end, "its place is still held"
        assert "mini_claude_answers_active 0.0" in server.client.get("/metrics").text
        status, output, errors = server.end(signal.SIGTERM)
        assert (status, output) == (0, "ended\n")
        assert "A client had read nothing for 0.1 s, and was dropped." in errors
        assert "Traceback" not in errors


def test_a_socket_that_is_refused_is_no_error_of_the_server(tmp_path: Path) -> None:
    """uvicorn wrote `ASGI callable returned without completing handshake` each time, as an error,
    whoever's page it was."""
    with process(tmp_path) as server:
        with pytest.raises(InvalidStatus) as refused:
            connect(server.url.replace("http", "ws") + "/chat/stream", origin=Origin(EVIL))
        assert refused.value.response.status_code == 403
        assert b"origin_not_allowed" in refused.value.response.body
        status, _, errors = server.end(signal.SIGTERM)
    assert status == 0
    assert "handshake" not in errors
    assert "ERROR" not in errors


def test_what_never_ends_is_left_behind(tmp_path: Path) -> None:
    """Each part has its own time to end in, and one that waits in a thread has no end at all."""
    (tmp_path / "config.toml").write_text("shutdown_seconds = 1\n")
    with process(tmp_path, "stuck") as server:
        turn = server.start_turn(LONG)
        status, output, errors = server.end(signal.SIGTERM)
        assert (status, output) == (0, "")
        assert "Something did not end in time and is left behind" in errors
    with process(tmp_path) as server:
        assert server.answer(turn)["status"] == "interrupted"


def test_a_kill_in_the_middle_of_an_answer_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        turn = server.start_turn(LONG)
        with server.client.stream("GET", f"{turn}/events") as watched:
            for _ in watched.iter_lines():
                if stored := server.answer(turn)["content"]:
                    break
        server.end(signal.SIGKILL)
    with process(tmp_path) as server:
        conversation = server.client.get(turn.partition("/turns")[0]).json()
        question, answer = conversation["messages"]
        assert (question["content"], question["status"]) == (LONG, "complete")
        assert answer["status"] == "interrupted"
        assert answer["content"].startswith(stored)
        assert LONG.startswith(answer["content"])
        last = server.client.get(f"{turn}/events").text.strip().splitlines()[-1]
        assert json.loads(last.removeprefix("data: "))["status"] == "interrupted"


def test_a_second_server_on_the_same_home_names_the_first(tmp_path: Path) -> None:
    with process(tmp_path) as first:
        command = [sys.executable, "-m", "tests.server.slow_server", str(tmp_path), "0"]
        second = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert second.returncode == 1
        assert f"process {first.popen.pid}, at {first.url}" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.client.get("/health").status_code == 200


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(PATIENT)
    with process(tmp_path) as server:
        assert server.end(signal.SIGINT) == (0, "ended\n", "")


def test_a_port_in_use_is_named() -> None:
    with bind_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as refused:
            bind_socket("127.0.0.1", port)
        assert str(port) in str(refused.value)
        assert "--port" in str(refused.value)


def test_a_host_that_is_not_ours() -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        bind_socket("192.0.2.1", 0)
    with pytest.raises(SettingsError, match=r"nowhere\.invalid"):
        bind_socket("nowhere.invalid", 0)


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="IPv6")
def test_ipv6() -> None:
    with bind_socket("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


@pytest.mark.anyio
async def test_an_application_opened_by_another_server_holds_the_lock_too(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, model="echo", port=4242)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            models = (await client.get("/models")).json()["data"]
            assert [model["id"] for model in models if model["default"]] == ["echo"]
            assert (await client.post("/conversations", json={})).status_code == 201
        second = create_app(settings)
        with pytest.raises(HomeLockedError, match=r"http://127\.0\.0\.1:4242"):
            async with second.router.lifespan_context(second):
                pass


@pytest.mark.anyio
async def test_a_client_that_stops_reading_leaves_no_traceback(served: Served) -> None:
    """When the server stops, it cancels what it has waited for long enough; that is no fault to
    print a stack for."""
    stuck = asyncio.Event()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/health", "headers": headers}
    app = quietly_cancelled(served.app)

    async def run() -> None:
        await app({**scope, "scheme": "http", "query_string": b""}, receive, send)

    request = asyncio.create_task(run())
    await stuck.wait()
    request.cancel()
    await request


@pytest.mark.anyio
async def test_small_packets_are_sent_at_once() -> None:
    """With Nagle's algorithm every answer on a connection in use, and every token of a stream,
    waits 40 ms for the client's acknowledgement of the one before."""
    accepted: asyncio.Queue[int] = asyncio.Queue()

    def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = writer.get_extra_info("socket")
        accepted.put_nowait(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = bind_socket("127.0.0.1", 0)
    async with await asyncio.start_server(look, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await accepted.get() == 1
        writer.close()
