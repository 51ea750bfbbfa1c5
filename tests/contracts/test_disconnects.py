"""Clients that leave, and clients that send too much."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.contracts.conftest import Live

pytestmark = pytest.mark.anyio

CLIENTS = 200


def stream_request(text: str) -> bytes:
    """A chat completion request as bytes on the wire."""
    body = {"model": "endless", "messages": [{"role": "user", "content": text}], "stream": True}
    return post(json.dumps(body).encode())


def post(body: bytes) -> bytes:
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def test_200_clients_that_leave_in_the_middle_leave_nothing_running(live: Live) -> None:
    """Half leave while text flows that they no longer read, half before there is any; some hang
    up, some cut the line without a word."""
    host, port = live.url.removeprefix("http://").split(":")

    async def arrive(number: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(host, int(port))
        silent = number % 2 == 0
        writer.write(stream_request("silent" if silent else "talk"))
        if not silent:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"and on")
        return writer

    writers = await asyncio.gather(*(arrive(number) for number in range(CLIENTS)))
    await asyncio.to_thread(live.wait_until, lambda: live.endless.talking == CLIENTS)
    for number, writer in enumerate(writers):
        if number % 3 == 0:
            writer.transport.abort()
        else:
            writer.close()
    await asyncio.to_thread(live.wait_until_idle)


def read_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one response."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65_536)
        assert piece, "the connection was cut"
        answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head, body


def test_50_mb_get_an_answer_and_the_connection_lives_on(live: Live) -> None:
    """A server that answers and hangs up while the client still sends makes the client see a reset
    instead of the answer."""
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=180) as connection:
        connection.sendall(post(b'{"model": "' + b"x" * 50_000_000 + b'"}'))
        head, body = read_answer(connection)
        assert head.startswith(b"HTTP/1.1 413")
        assert json.loads(body)["error"]["code"] == "payload_too_large"
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _ = read_answer(connection)
        assert head.startswith(b"HTTP/1.1 200")


def test_a_client_that_waits_to_be_asked_is_told_before_it_sends(live: Live) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=180) as connection:
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50000000\r\n\r\n"
        )
        head, _ = read_answer(connection)
        assert head.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "order",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/health", "/nowhere"])
def test_a_body_with_two_lengths_is_refused_and_its_connection_closed(
    live: Live, path: str, order: tuple[str, str]
) -> None:
    """A proxy that goes by the other length takes what follows for a request of its own next
    client: here the second request was answered."""
    host, port = live.url.removeprefix("http://").split(":")
    smuggled = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
    kind = "Host: localhost\r\nContent-Type: application/json"
    head = "\r\n".join((f"POST {path} HTTP/1.1", kind, *order))
    with socket.create_connection((host, int(port)), timeout=180) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode() + b"0\r\n\r\n" + smuggled)
        said, body = read_answer(connection)
        assert said.startswith(b"HTTP/1.1 400")
        assert b"\r\nconnection: close" in said.lower()
        assert "both Transfer-Encoding and Content-Length" in json.loads(body)["error"]["message"]
        assert connection.recv(65_536) == b"", "nothing more is answered on it"


def test_a_chunked_body_alone_keeps_its_connection(live: Live) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    body = json.dumps({"model": live.model, "messages": [{"role": "user", "content": "a"}]})
    with socket.create_connection((host, int(port)), timeout=180) as connection:
        for _ in range(2):
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode()
            )
            head, _ = read_answer(connection)
            assert head.startswith(b"HTTP/1.1 200")
