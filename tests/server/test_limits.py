"""How many answers at once, and what happens when a client or the server leaves."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from miniclaude.engine.turns import group_and_user
from miniclaude.errors import OverloadedError
from miniclaude.messages import TextDelta
from miniclaude.providers.base import ChatRequest
from miniclaude.server import body
from miniclaude.server.admitted import Admitted
from miniclaude.server.body import parse_json
from miniclaude.server.limits import Admission
from miniclaude.server.rate_limits import COUNTED
from tests.server.conftest import Scripted, Serve, Served

pytestmark = pytest.mark.anyio


async def test_a_slot_is_held_while_an_answer_is_made() -> None:
    scripted = Scripted()
    admission = Admission(1)
    provider = Admitted(scripted, admission)
    first = provider.chat(ChatRequest("m", ()))
    assert admission.active == 0
    await anext(first)
    assert admission.active == 1
    with pytest.raises(OverloadedError, match="already making 1"):
        await anext(provider.chat(ChatRequest("m", ())))
    assert admission.active == 1
    async for _ in first:
        pass
    assert admission.active == 0


async def test_every_key_has_turns_of_its_own(serve: Serve) -> None:
    """A local model's engine lets users take turns: what it is told of them must begin with whose
    key it is, also where the body names nobody, and whatever it names."""
    keys = {"alice": {"key": "alice's own key"}, "bob": {"key": "bob's own key"}}
    async with serve(api_key="correct horse battery", keys=keys) as served:
        for key in ("correct horse battery", "alice's own key", "bob's own key"):
            served.client.headers["authorization"] = f"Bearer {key}"
            for fields in ({}, {"user": "bob/user/"}):
                assert (await served.chat(model="scripted/m", **fields)).status_code == 200
                body = {"model": "scripted/m", "input": "one", **fields}
                assert (await served.client.post("/v1/embeddings", json=body)).status_code == 200
    for asked in (served.scripted.asked, served.scripted.embedded):
        groups = [group_and_user(request.user)[0] for request in asked]
        assert groups == ["owner", "owner", "alice", "alice", "bob", "bob"]


async def test_a_slot_is_freed_by_a_failure_and_by_closing() -> None:
    scripted = Scripted()
    admission = Admission(1)
    scripted.script = [RuntimeError()]
    with pytest.raises(RuntimeError):
        await anext(Admitted(scripted, admission).chat(ChatRequest("m", ())))
    assert admission.active == 0
    scripted.script = [TextDelta(0, "a"), None]
    events = Admitted(scripted, admission).chat(ChatRequest("m", ()))
    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]
    assert admission.active == 0
    assert scripted.closed.is_set()


async def test_refusals_of_a_full_server_are_counted_and_not_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Hundreds come at once, and each of them waits for the lines of those before it."""
    async with serve(max_answers=1) as served, anyio.create_task_group() as group:
        served.scripted.script = [None]
        group.start_soon(lambda: served.chat(model="scripted/m"))
        await served.scripted.waiting.wait()
        caplog.clear()
        for _ in range(3):
            response = await served.chat()
            assert response.status_code == 503
            assert response.headers["retry-after"] == "2"
        assert caplog.records == []
        metrics = (await served.client.get("/metrics")).text
        assert 'mini_claude_refused_total{reason="OverloadedError"} 3.0' in metrics
        group.cancel_scope.cancel()


async def test_a_full_server_says_when_to_come_back(serve: Serve) -> None:
    async with serve(max_answers=1) as served, anyio.create_task_group() as group:
        served.scripted.script = [None]
        group.start_soon(lambda: served.chat(model="scripted/m"))
        await served.scripted.waiting.wait()
        for stream in (False, True):
            response = await served.chat(stream=stream)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "server_overloaded"
            assert 1 <= int(response.headers["retry-after"]) <= 120
        # Not even the body is looked at, in any protocol: others wait for the one event loop.
        for path in COUNTED:
            response = await served.raw("{", f"/v1{path}")
            assert response.status_code == 503
            assert "already making 1 answers" in response.json()["error"]["message"]
            assert response.headers["retry-after"] == "2"
        assert (await served.client.get("/health")).status_code == 200
        group.cancel_scope.cancel()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stopping_server_ends_what_waits(served: Served, stream: bool) -> None:
    served.scripted.script = [None]
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            response = await served.chat(model="scripted/m", stream=stream)
            assert response.status_code == 503
            assert "stopping" in response.json()["error"]["message"]

        group.start_soon(ask)
        await served.scripted.waiting.wait()
        await served.services.stop()
    assert served.scripted.closed.is_set()
    assert served.services.admission.active == 0


async def test_a_stopping_server_tells_its_streams(served: Served) -> None:
    served.scripted.script = [TextDelta(0, "so far"), None]
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            response = await served.chat(model="scripted/m", stream=True)
            *_, said, error = response.text.strip().split("\n\n")
            assert "so far" in said
            assert "stopping" in error

        group.start_soon(ask)
        await served.scripted.waiting.wait()
        await served.services.stop()
    assert served.scripted.closed.is_set()


async def test_of_many_at_once_the_refused_are_told_before_the_others_are_read(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a body takes the event loop's time; a refusal must not stand in line behind it."""
    told: list[str] = []

    def parsed(raw: bytes) -> Any:
        told.append("read")
        return parse_json(raw)

    monkeypatch.setattr(body, "parse_json", parsed)
    async with serve(max_answers=4) as served:
        served.scripted.script = [None]

        async def ask() -> None:
            told.append(str((await served.chat(model="scripted/m")).status_code))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)
            while told.count("503") < 16:
                await anyio.lowlevel.checkpoint()
            await served.scripted.waiting.wait()
            await anyio.wait_all_tasks_blocked()
            assert told.count("read") == 4
            assert told[:16].count("503") >= 12
            assert (served.services.admission.active, served.services.admission.arriving) == (4, 0)
            group.cancel_scope.cancel()
        assert served.services.admission.active == 0


async def test_a_request_that_comes_to_nothing_gives_its_room_back(serve: Serve) -> None:
    async with serve(max_answers=1) as served:
        for content in ("{", "{}", '{"model": "none", "messages": []}'):
            assert (await served.raw(content)).status_code == 400
        assert (await served.chat()).status_code == 200
        assert (served.services.admission.active, served.services.admission.arriving) == (0, 0)


async def test_counting_tokens_takes_room(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long conversation is as much work for the tokenizer as a short one is for the model; a
    hundred clients could count at once, and answers would wait for them."""
    began = anyio.Event()

    async def count(request: ChatRequest) -> int:
        began.set()
        await anyio.sleep_forever()
        return 0

    body = {"model": "scripted/m", "messages": [{"role": "user", "content": "a"}]}
    async with serve(max_answers=1) as served, anyio.create_task_group() as group:
        monkeypatch.setattr(served.scripted, "count_tokens", count)
        path = "/v1/messages/count_tokens"
        group.start_soon(lambda: served.client.post(path, json=body))
        await began.wait()
        assert (await served.client.post(path, json=body)).status_code == 503
        assert (await served.chat()).status_code == 503
        group.cancel_scope.cancel()
    assert served.services.admission.arriving == 0
