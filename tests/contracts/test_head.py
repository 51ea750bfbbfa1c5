"""HEAD, as `curl -I` and what watches a server send it, over a real connection."""

from __future__ import annotations

import socket

import httpx2
import pytest

from tests.contracts.conftest import Live


@pytest.mark.parametrize(
    "path", ["/v1/models", "/models/echo", "/health", "/v1/ready", "/metrics", "/conversations"]
)
def test_what_answers_get_answers_head(live: Live, path: str) -> None:
    """Only two addresses did; the others were 405, as if the server were broken."""
    with httpx2.Client(base_url=live.url, timeout=180) as client:
        head, whole = client.head(path), client.get(path)
        # This server never loads its model beforehand, and says so.
        expected = 503 if path.endswith("/ready") else 200
        assert (head.status_code, whole.status_code) == (expected, expected)
        assert head.content == b""
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert set(head.headers) == set(whole.headers)


def test_what_answers_no_get_answers_no_head(live: Live) -> None:
    with httpx2.Client(base_url=live.url, timeout=180) as client:
        assert client.head("/v1/chat/completions").status_code == 405
        assert client.head("/v1/models/none").status_code == 404
        assert client.head("/nowhere").status_code == 404


def test_a_stream_is_given_up_where_it_begins(live: Live) -> None:
    """The answer goes on for ever, and the connection is there for the next request."""
    body = {"content": "talk", "model": "endless"}
    with httpx2.Client(base_url=live.url, timeout=180) as client:
        conversation = client.post("/conversations", json={}).json()["id"]
        turn = client.post(f"/conversations/{conversation}/turns", json=body).json()["turn_id"]
        path = f"/conversations/{conversation}/turns/{turn}"
        host, port = live.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=180) as connection:
            for _ in range(2):
                asked = f"HEAD {path}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                connection.sendall(asked.encode())
                said = connection.recv(65_536)
                assert said.startswith(b"HTTP/1.1 200")
                assert b"text/event-stream" in said
                assert said.endswith(b"\r\n\r\n"), "nothing but the head"
        assert client.post(f"{path}/cancel").status_code < 300
    live.wait_until_idle()
