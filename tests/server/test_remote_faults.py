"""A remote service that fails, as the callers of each protocol are told of it: in its own shape,
with the statuses that the docs promise, and the request's place is free again."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from miniclaude.messages import StreamEvent, TextDelta
from miniclaude.providers import listening, retries
from miniclaude.providers.listening import Listening
from tests.providers.stand_in import StandIn, anthropic_answer, openai_answer, running_stand_in
from tests.server.test_library import Shelf, shelf

pytestmark = pytest.mark.anyio

SAID = {"messages": [{"role": "user", "content": "one two three four"}]}
BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": SAID,
    "/responses": {"input": "one two three four"},
    "/messages": {**SAID, "max_tokens": 99},
}
ANTHROPIC_TYPES = {429: "rate_limit_error", 502: "api_error", 503: "overloaded_error"}
OPENAI_TYPES = {429: "rate_limit_error"}
CODES = {429: "rate_limit_exceeded", 502: "provider_error", 503: "server_overloaded"}
WHOLE = {"/chat/completions": "choices", "/responses": "output", "/messages": "content"}
ENDS = {
    "/chat/completions": "[DONE]",
    "/responses": "response.completed",
    "/messages": "message_stop",
}


@dataclass
class Fault:
    """What the service does, and what of it is told. mood: fields of the stand-in. error: put
    behind the first half of an answer."""

    status: int
    told: str
    mood: dict[str, Any] = field(default_factory=dict)
    error: bytes | None = None


BEFORE = {
    "says nothing": Fault(502, "did not answer in time"),
    "429": Fault(429, "the moon", {"status": 429, "headers": {"retry-after": "60"}}),
    "500": Fault(502, "status 500: the moon", {"status": 500}),
    "503": Fault(503, "status 503: the moon", {"status": 503, "headers": {"retry-after": "60"}}),
    "hangs up": Fault(502, "the connection broke", {"refusals": 99}),
    "an empty stream": Fault(502, "closed the stream before", {"raw": b""}),
    "no JSON": Fault(502, "not JSON", {"raw": b"event: message_start\ndata: {broken\n\n"}),
    "a page": Fault(502, "closed the stream before", {"raw": b"<html>Welcome</html>"}),
}
MIDWAY = {
    "is silent": Fault(502, "did not answer in time", {"hold": True}),
    "breaks off": Fault(502, "the connection broke", {"cut": True}),
    "ends early": Fault(502, "closed the stream before", error=b""),
    "no JSON": Fault(502, "not JSON", error=b"event: message_stop\ndata: {broken\n\n"),
    "an error": Fault(
        502, "overheated", error=b'event: error\ndata: {"error": {"message": "overheated"}}\n\n'
    ),
    "no event": Fault(
        502,
        "unknown shape",
        error=b"event: content_block_delta\n"
        b'data: {"type": "content_block_delta", "choices": 5}\n\n',
    ),
}


@dataclass
class Far:
    """A server with one remote service, which fails."""

    served: Shelf
    service: StandIn
    style: str

    async def ask(self, path: str, stream: bool) -> Any:
        body = {"model": "far/big", **BODIES[path], "stream": stream}
        return await self.served.client.post(path, json=body)

    def fails(self, fault: Fault) -> None:
        self.service.error = {"type": "error", "error": {"message": "the moon is wrong"}}
        for name, value in fault.mood.items():
            setattr(self.service, name, value)
        if fault.error is not None:
            answer = openai_answer if self.style == "openai" else anthropic_answer
            events = list(answer("/chat/completions", {**SAID, "model": "big", "max_tokens": 99}))
            self.service.raw = b"".join([*events[: len(events) // 2], fault.error])

    async def is_well(self, path: str, stream: bool) -> None:
        """No place is held, and the next question is answered."""
        assert self.served.services.admission.active == 0
        fresh = StandIn(url=self.service.url)
        for name in ("status", "error", "headers", "hold", "cut", "raw", "refusals"):
            setattr(self.service, name, getattr(fresh, name))
        answer = await self.ask(path, stream)
        assert answer.status_code == 200, answer.text
        assert (ENDS[path] if stream else WHOLE[path]) in answer.text


@pytest.fixture(params=["openai", "anthropic"])
async def far(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Far]:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(request.param))
        served = await stack.enter_async_context(shelf(tmp_path))
        body = {"kind": request.param, "base_url": service.url, "api_key": "k"}
        assert (await served.client.put("/providers/far", json=body)).status_code == 200
        yield Far(served, service, request.param)


def check(path: str, body: dict[str, Any], status: int, told: str) -> None:
    """The error is of the protocol's shape and says what is wrong."""
    error = body["error"]
    assert re.search(told, error["message"]), body
    if path == "/messages":
        assert list(body) == ["type", "error", "request_id"]
        assert (body["type"], error["type"]) == ("error", ANTHROPIC_TYPES[status])
    else:
        assert list(error) == ["message", "type", "param", "code"]
        assert error["type"] == OPENAI_TYPES.get(status, "server_error")
        assert error["code"] == CODES[status]


@pytest.mark.parametrize("path", list(BODIES))
@pytest.mark.parametrize("kind", list(BEFORE))
async def test_a_service_that_fails_before_it_answers(
    far: Far, path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream too has a status then: one that begins with 200 hides the failure from the SDKs'
    retries."""
    fault = BEFORE[kind]
    for stream in (False, True):
        with monkeypatch.context() as patched:
            if kind == "says nothing":
                patched.setattr(retries, "ANSWER_SECONDS", 0)
            far.fails(fault)
            answer = await far.ask(path, stream)
        assert answer.status_code == fault.status, answer.text
        check(path, answer.json(), fault.status, fault.told)
        retry_after = "60" if fault.status in (429, 503) else None
        assert answer.headers.get("retry-after") == retry_after
        await far.is_well(path, stream)


@pytest.mark.parametrize("path", list(BODIES))
@pytest.mark.parametrize("kind", list(MIDWAY))
async def test_a_service_that_fails_midway(
    far: Far, path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole answer is none then, and a stream ends with an error and not as one that is done."""
    fault, counted = MIDWAY[kind], Listening.count

    def count(listens: Listening[Any], news: Iterable[StreamEvent]) -> None:
        counted(listens, news)
        if kind == "is silent" and any(isinstance(event, TextDelta) for event in news):
            monkeypatch.setattr(listening, "EVENT_SECONDS", 0)

    for stream in (False, True):
        with monkeypatch.context() as patched:
            patched.setattr(Listening, "count", count)
            far.fails(fault)
            answer = await far.ask(path, stream)
        monkeypatch.setattr(listening, "EVENT_SECONDS", 600)
        if not stream:
            assert answer.status_code == fault.status, answer.text
            check(path, answer.json(), fault.status, fault.told)
        else:
            assert answer.status_code == 200
            check_end(path, answer.text, fault)
        await far.is_well(path, stream)


def check_end(path: str, text: str, fault: Fault) -> None:
    """The last event is the error; none before it says that the answer is done."""
    assert ENDS[path] not in text
    frames = text.strip().split("\n\n")
    assert "one" in "".join(frames[:-1])
    *named, data = frames[-1].split("\n")
    assert named == ([] if path == "/chat/completions" else ["event: error"])
    body = json.loads(data.removeprefix("data: "))
    check(path, body, fault.status, fault.told)
    if path == "/responses":
        assert body["type"] == "error"
        assert body["sequence_number"] == len(frames) - 1
        assert all(body[name] == body["error"][name] for name in ("message", "code", "param"))
