"""Bodies: capped before they are read, JSON only."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from miniclaude.errors import InvalidRequestError
from miniclaude.server import body as bodies
from miniclaude.server.body import (
    LARGE,
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_VALUES,
    check_values,
    parse_json,
)
from tests.server.conftest import Serve, Served

pytestmark = pytest.mark.anyio

LIMIT = 10_000


async def exchange(
    app: Any, headers: list[tuple[bytes, bytes]], chunks: list[bytes]
) -> tuple[int, int]:
    """POST at the ASGI level. Returns the status, and how many chunks were asked for."""
    status = 0
    asked = 0

    async def receive() -> dict[str, object]:
        nonlocal asked
        asked += 1
        more = asked < len(chunks)
        return {"type": "http.request", "body": chunks[asked - 1], "more_body": more}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
    }
    await app(scope, receive, send)
    return status, asked


async def test_a_declared_length_over_the_cap_is_refused_unread(serve: Serve) -> None:
    async with serve(max_body_bytes=LIMIT) as served:
        for length in (b"10001", b"9" * 30, b"-1", b"abc"):
            status, asked = await exchange(served.app, [(b"content-length", length)], [b"{}"])
            assert (status, asked) == (413, 0)


async def test_a_body_without_a_length_is_read_to_the_cap_and_no_further(serve: Serve) -> None:
    async with serve(max_body_bytes=LIMIT) as served:
        status, asked = await exchange(served.app, [], [b" " * 4000] * 1000)
        assert (status, asked) == (413, 3)


async def test_413_has_the_shape_and_the_cure(serve: Serve) -> None:
    async with serve(max_body_bytes=LIMIT) as served:
        response = await served.raw(b" " * (LIMIT + 1))
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "payload_too_large"
        assert "max_body_bytes" in response.json()["error"]["message"]

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 1000

        headers = {"content-type": "application/json"}
        response = await served.client.post("/completions", content=parts(), headers=headers)
        assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
    ],
)
@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/v1/conversations"])
async def test_only_json_is_read(served: Served, content_type: str, path: str) -> None:
    """A form on another site can send these types without asking us first; JSON it cannot."""
    headers = {"content-type": content_type} if content_type else {}
    response = await served.client.post(path, content=b"{}", headers=headers)
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


async def test_a_charset_is_accepted(served: Served) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await served.client.post("/conversations", content="{}", headers=headers)).is_success


async def test_a_compressed_body_is_refused_by_name(served: Served) -> None:
    """As JSON it would only be called bad UTF-8, which does not say what to change."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = await served.client.post(
        "/v1/conversations", content=gzip.compress(b"{}"), headers=headers
    )
    assert response.status_code == 415
    assert "without Content-Encoding" in response.json()["error"]["message"]


async def test_a_key_that_stands_twice_is_refused(served: Served) -> None:
    """One of the two values would be dropped silently, and who checks the other is fooled."""
    for body in ('{"title": "a", "title": "b"}', '{"title": "a", "\\u0074itle": "a"}'):
        response = await served.raw(body, "/v1/conversations")
        assert response.status_code == 400
        assert "the key 'title' stands twice" in response.json()["error"]["message"]
    response = await served.raw('{"\\ud800": 1, "\\ud800": 2}', "/v1/conversations")
    assert response.status_code == 400


async def test_a_body_that_never_comes_does_not_hold_up_the_stopping(served: Served) -> None:
    """The server would wait for it to the end of its patience, then break the request off with a
    traceback."""
    waiting = anyio.Event()

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        waiting.set()
        await anyio.sleep_forever()

    async def post() -> None:
        headers = {"content-type": "application/json"}
        response = await served.client.post("/v1/completions", content=never(), headers=headers)
        assert response.status_code == 503
        assert "stopping" in response.json()["error"]["message"]

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(post)
            await waiting.wait()
            served.services.stopping.set()


@pytest.mark.parametrize(("size", "beside"), [(LARGE, False), (LARGE + 1, True)])
async def test_a_large_body_is_read_beside_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch, size: int, beside: bool
) -> None:
    """One of a megabyte and a half held every stream of every client up for over a second."""
    threads: list[int] = []

    def parsed(raw: bytes) -> Any:
        threads.append(threading.get_ident())
        return parse_json(raw)

    monkeypatch.setattr(bodies, "parse_json", parsed)
    assert (await served.raw(b"{}".ljust(size), "/conversations")).is_success
    [thread] = threads
    assert (thread != threading.get_ident()) is beside


async def test_what_is_wrong_in_a_large_body_is_told_as_in_a_small_one(served: Served) -> None:
    content = '{"model": "echo", "prompt": "a\\u0000"' + " " * LARGE + "}"
    response = await served.raw(content, "/completions")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "prompt"


def test_nothing_is_made_of_values_that_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each of half a million numbers stood was noted before it was looked at."""

    def noted(parent: object, step: object) -> None:
        raise AssertionError(step)

    monkeypatch.setattr(bodies, "_Place", noted)
    check_values([0, True, None, 1.5, "a", "\u00e4"] * 1000)


def test_values_and_levels_are_counted_to_the_last() -> None:
    check_values([0] * (MAX_VALUES - 1))
    with pytest.raises(InvalidRequestError, match="more than 500,000 values"):
        check_values([[0] * (MAX_VALUES // 2), [0] * (MAX_VALUES // 2)])
    deep: Any = 0
    for _ in range(MAX_DEPTH):
        deep = [deep]
    check_values(deep)
    with pytest.raises(InvalidRequestError, match="nested deeper than 64"):
        check_values([deep])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" + "[]," * MAX_CONTAINERS + "0]", "more than 32,768 objects and lists"),
        ("[" + "{}," * MAX_CONTAINERS + "0]", "more than 32,768 objects and lists"),
        ("[" * (MAX_CONTAINERS + 1), "more than 32,768 objects and lists"),
        ("[" + "0," * MAX_VALUES + "0]", "more than 500,000 values"),
        ("[" + '"",' * MAX_VALUES + "0]", "more than 500,000 values"),
    ],
)
def test_too_many_values_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    """Ten megabytes of empty lists were parsed first and counted then: three seconds in which no
    other thread ran, on a socket at no cost to who sent them."""

    def parsed(*given: object, **named: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(json, "loads", parsed)
    with pytest.raises(InvalidRequestError, match=problem):
        parse_json(text)


def test_counting_ends_in_a_body_of_nothing_but_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five million of them, one beside the other, would be gone through for seconds."""
    monkeypatch.setattr(bodies, "MAX_VALUES", 5)
    with pytest.raises(InvalidRequestError, match="more than 5 values"):
        parse_json('[",,,,,"' + '""' * 10 + "]")


def test_commas_and_brackets_in_texts_are_no_values() -> None:
    """A table of numbers or a file of JSON may be asked about, however long it is."""
    table = '1,2,{[\\,"' * MAX_VALUES
    assert parse_json(json.dumps({"a": table, "b": [1]})) == {"a": table, "b": [1]}
    with pytest.raises(InvalidRequestError, match="Unterminated string"):
        parse_json('{"a": "\\",' + "," * MAX_VALUES + "\\")


def test_as_many_objects_as_are_allowed_are_read() -> None:
    asked: list[dict[str, object]] = [{}] * (MAX_CONTAINERS - 1)
    assert parse_json(json.dumps(asked)) == asked
