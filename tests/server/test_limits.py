"""How many answers at once, and what happens when a client or the server leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from miniclaude.engine.turns import group_and_user
from miniclaude.errors import OverloadedError
from miniclaude.messages import TextDelta
from miniclaude.providers.base import ChatRequest
from miniclaude.providers.local import Local
from miniclaude.server import body
from miniclaude.server.admitted import Admitted
from miniclaude.server.body import parse_json
from miniclaude.server.limits import Admission
from miniclaude.server.rate_limits import COUNTED
from miniclaude.server.services import open_services
from miniclaude.settings import ServerSettings, load_settings
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


async def test_the_owner_s_conversations_are_the_owner_s_in_the_engine_too(served: Served) -> None:
    """They were a caller of their own there: the owner had two parts, one for the page."""
    conversation = (await served.client.post("/v1/conversations", json={})).json()["id"]
    path = f"/v1/conversations/{conversation}/turns"
    asked = {"content": "Hello?", "model": "scripted/m"}
    assert (await served.client.post(path, json=asked)).status_code == 201
    with anyio.fail_after(180):
        await served.scripted.closed.wait()
    assert group_and_user(served.scripted.asked[0].user)[0] == "owner"


@pytest.mark.parametrize(("keys", "callers"), [({}, 1), ({"bob": {"key": "bob's own key"}}, 2)])
async def test_engines_know_how_many_callers_there_are(
    tmp_path: Path, keys: dict[str, Any], callers: int
) -> None:
    """Where there are keys a local engine keeps room for who comes last; else it keeps none."""
    own = {**load_settings(tmp_path).model_dump(), "keys": keys}
    settings = ServerSettings.model_validate(own)
    async with open_services(settings) as services:
        local, name = services.registry.resolve("")
        assert isinstance(local, Local)
        model = next(each for each in local._library.list() if each.name == name)
        assert local._models._make_spec(model).limits.callers == callers


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


async def test_no_request_looks_for_telemetry(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI asked the environment and OpenTelemetry who might want to know, a dozen calls for
    each of hundreds of refusals at one instant, all of which the last one waits for."""

    def asked() -> None:
        raise AssertionError

    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", asked)
    assert (await served.chat()).status_code == 200


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


def take_all(admission: Admission, caller: str) -> int:
    """How many more places a caller gets."""
    for count in range(admission.limit + 1):
        try:
            admission.enter(caller)
        except OverloadedError:
            return count
    raise AssertionError("there is no end of places")


def test_one_caller_with_many_answers_leaves_room_for_others() -> None:
    """All were counted together: a key with 256 open streams shut everybody else out."""
    admission = Admission(256, callers=4)
    assert take_all(admission, "greedy") == 224
    with pytest.raises(OverloadedError, match="of which this caller has 224; the last 32 are for"):
        admission.check("greedy")
    assert take_all(admission, "second") == 30
    # What becomes free goes to those that have less than their share, here a third ...
    for _ in range(85 - 30):
        admission.leave("greedy")
        with pytest.raises(OverloadedError):
            admission.check("greedy")
        admission.enter("second")
    # ... and then is kept again for who comes next.
    for _ in range(30):
        admission.leave("greedy")
        assert take_all(admission, "greedy") == take_all(admission, "second") == 0
    assert take_all(admission, "third") == 31


@pytest.mark.parametrize(("limit", "callers"), [(256, 4), (256, 33), (24, 4), (8, 2), (64, 9)])
def test_two_callers_together_leave_a_place_for_each_of_the_others(
    limit: int, callers: int
) -> None:
    """The second had all that the first had to leave, and the owner of the machine got nothing."""
    admission = Admission(limit, callers=callers)
    assert take_all(admission, "alice") == limit - limit // 8
    for number in range(callers - 1):
        assert take_all(admission, f"caller {number}") > 0
    assert admission.active == limit


def test_where_callers_are_many_who_holds_little_gets_more() -> None:
    """Were the whole reserve for newcomers, a second caller would have one place for ever."""
    admission = Admission(256, callers=301)
    assert take_all(admission, "alice") == 224
    assert take_all(admission, "bob") == 16
    for _ in range(10):
        admission.leave("alice")
        assert (take_all(admission, "alice"), take_all(admission, "bob")) == (0, 1)
    for number in range(16):
        assert take_all(admission, f"caller {number}") == 1
    assert admission.active == 256
    # A small one works too.
    admission = Admission(8, callers=301)
    assert (take_all(admission, "alice"), take_all(admission, "bob")) == (7, 1)


def test_whoever_cannot_be_shutting_others_out_has_all_places() -> None:
    """Without other keys there is one caller; and where all there are have come, nothing need be
    kept for one more."""
    assert take_all(Admission(256), "owner") == 256
    admission = Admission(256, callers=2)
    assert take_all(admission, "owner") == 224
    assert take_all(admission, "alice") == 32
    for _ in range(224 - 128):
        admission.leave("owner")
        with pytest.raises(OverloadedError):
            admission.check("owner")
        admission.enter("alice")
    admission.leave("alice")
    with pytest.raises(OverloadedError):
        admission.check("owner")
    admission.enter("alice")
    assert admission.active == 256


@pytest.mark.parametrize(("limit", "first"), [(1, 1), (2, 1), (7, 6), (16, 14)])
def test_the_smallest_servers_keep_one_place(limit: int, first: int) -> None:
    """Also where there are more callers than places, of which a share is less than one."""
    admission = Admission(limit, callers=1001)
    assert take_all(admission, "first") == first
    for number in range(limit - first):
        admission.enter(f"caller {number}")
    assert admission.active == limit


def test_the_room_of_a_request_that_has_come_is_its_own() -> None:
    """Others come while it is read, and its fair share is less then."""
    admission = Admission(8, callers=9)
    arrivals = [admission.arrive("first") for _ in range(7)]
    admission.enter("second")
    for arrival in arrivals:
        admission.enter("first", arrival)
    assert (admission.active, admission.arriving) == (8, 0)
    # One request that asks for several answers, one after the other, has kept room for one.
    with pytest.raises(OverloadedError):
        admission.enter("first", arrivals[0])


async def test_a_key_with_many_streams_leaves_room_for_another(serve: Serve) -> None:
    """Over HTTP, where what is refused is refused before its body is looked at."""
    keys = {"alice": {"key": "alice's own key"}, "bob": {"key": "bob's own key"}}
    async with serve(max_answers=4, keys=keys) as served, anyio.create_task_group() as group:
        served.client.headers["authorization"] = "Bearer alice's own key"
        served.scripted.script = [None]
        for _ in range(3):
            group.start_soon(lambda: served.chat(model="scripted/m", stream=True))
        await anyio.wait_all_tasks_blocked()
        assert served.services.admission.active == 3
        for path in COUNTED:
            refused = await served.raw("{", f"/v1{path}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert "this caller has 3" in refused.json()["error"]["message"]
        served.client.headers["authorization"] = "Bearer bob's own key"
        assert (await served.chat()).status_code == 200
        # Whoever has conversations is the owner, as without a key.
        del served.client.headers["authorization"]
        assert (await served.chat()).status_code == 200
        group.cancel_scope.cancel()
