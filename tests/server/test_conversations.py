"""Conversations and turns over HTTP."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from miniclaude.errors import ProviderError, StoreError
from miniclaude.messages import Finished, TextDelta, ToolCallDelta, Usage
from miniclaude.providers.base import ChatRequest
from miniclaude.store.database import Database
from miniclaude.store.messages import StoredMessage
from miniclaude.store.turns import TurnStore
from tests.server.conftest import Served, full

pytestmark = pytest.mark.anyio


async def new(served: Served, **fields: Any) -> str:
    """The address of a new conversation."""
    response = await served.client.post("/conversations", json=fields)
    assert response.status_code == 201
    return f"/v1/conversations/{response.json()['id']}"


async def say(served: Served, conversation: str, **fields: Any) -> dict[str, Any]:
    """Start a turn."""
    response = await served.client.post(f"{conversation}/turns", json=fields)
    assert response.status_code == 201, response.text
    started: dict[str, Any] = response.json()
    return started


async def watch(
    served: Served, conversation: str, turn: dict[str, Any], **request: Any
) -> list[tuple[str | None, dict[str, Any]]]:
    """The turn's events to their end: id and data of each."""
    address = f"{conversation}/turns/{turn['turn_id']}/events"
    response = await served.client.get(address, **request)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = []
    for frame in response.text.strip().split("\n\n"):
        *head, data = frame.split("\n")
        id = head[0].removeprefix("id: ") if head else None
        events.append((id, json.loads(data.removeprefix("data: "))))
    return events


async def test_a_stored_answer_costs_what_its_last_event_said(served: Served) -> None:
    """Once it forgot how much of the prompt had been in the cache."""
    served.scripted.script = [TextDelta(0, "hi"), Finished(0, "stop"), Usage(60, 1, 48)]
    conversation = await new(served)
    turn = await say(served, conversation, content="Hello?", model="scripted/org/model")
    (_, told) = (await watch(served, conversation, turn))[-1]
    assert told["usage"]["prompt_tokens_details"] == {"cached_tokens": 48}
    whole = (await served.client.get(conversation)).json()
    assert whole["messages"][-1]["usage"] == told["usage"]
    assert (await watch(served, conversation, turn))[-1] == (None, told)


async def test_a_conversation_from_first_word_to_last(served: Served) -> None:
    conversation = await new(served)
    turn = await say(served, conversation, content="héllo 😀 world")
    events = await watch(served, conversation, turn)
    assert events == [
        ("5", {"type": "delta", "text": "héllo", "offset": 5}),
        ("7", {"type": "delta", "text": " 😀", "offset": 7}),
        ("13", {"type": "delta", "text": " world", "offset": 13}),
        (
            None,
            {
                "type": "done",
                "status": "complete",
                "finish_reason": "stop",
                "usage": {
                    "prompt_tokens": 3,
                    "completion_tokens": 3,
                    "total_tokens": 6,
                    "prompt_tokens_details": {"cached_tokens": 0},
                },
            },
        ),
    ]
    whole = (await served.client.get(conversation)).json()
    assert whole["title"] == "héllo 😀 world"
    assert whole["head_id"] == turn["assistant_message_id"]
    question, answer = whole["messages"]
    assert set(answer) == {
        "id",
        "parent_id",
        "role",
        "content",
        "status",
        "model",
        "created_at",
        "usage",
        "finish_reason",
        "error",
        "steps",
        "pictures",
        "rating",
        "turn_id",
    }
    assert (question["id"], question["parent_id"]) == (turn["user_message_id"], None)
    assert (answer["parent_id"], answer["model"]) == (question["id"], "echo")
    assert (answer["status"], answer["turn_id"]) == ("complete", None)


@pytest.mark.parametrize(("offset", "text"), [(0, "one two"), (3, " two"), (7, None), (99, None)])
async def test_reconnecting_loses_and_repeats_nothing(
    served: Served, offset: int, text: str | None
) -> None:
    conversation = await new(served)
    turn = await say(served, conversation, content="one two")
    await watch(served, conversation, turn)
    for request in (
        {"params": {"offset": offset}},
        {"headers": {"last-event-id": str(offset)}},
        {"params": {"offset": 0}, "headers": {"last-event-id": str(offset)}},
    ):
        *deltas, (_, done) = await watch(served, conversation, turn, **request)
        assert [data["text"] for _, data in deltas] == ([text] if text else [])
        assert done["type"] == "done"


async def test_regenerating_makes_a_sibling_and_null_a_new_root(served: Served) -> None:
    conversation = await new(served)
    first = await say(served, conversation, content="one")
    await watch(served, conversation, first)
    second = await say(served, conversation, parent_id=first["user_message_id"])
    await watch(served, conversation, second)
    assert second["user_message_id"] == first["user_message_id"]
    follow_up = await say(served, conversation, content="two")
    await watch(served, conversation, follow_up)
    root = await say(served, conversation, content="three", parent_id=None)
    await watch(served, conversation, root)
    tree = {
        message["id"]: message["parent_id"]
        for message in (await served.client.get(conversation)).json()["messages"]
    }
    assert tree[second["assistant_message_id"]] == tree[first["assistant_message_id"]]
    assert tree[follow_up["user_message_id"]] == second["assistant_message_id"]
    assert tree[root["user_message_id"]] is None


async def test_settings_reach_the_provider(served: Served) -> None:
    conversation = await new(served)
    settings = {"max_tokens": 9, "temperature": 0, "top_p": None, "seed": 4, "system": "Be kind."}
    turn = await say(
        served, conversation, content="hi", model="scripted/org/model", settings=settings
    )
    await watch(served, conversation, turn)
    (asked,) = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert (asked.settings.max_tokens, asked.settings.temperature) == (9, 0)
    assert (asked.settings.seed, asked.settings.top_p) == (4, None)
    assert [(m.role, m.text) for m in asked.messages] == [("system", "Be kind."), ("user", "hi")]


async def test_stop_keeps_the_part(served: Served) -> None:
    served.scripted.script = [TextDelta(0, "so far"), None]
    conversation = await new(served)
    turn = await say(served, conversation, content="hi", model="scripted/m")
    await served.scripted.waiting.wait()
    streaming = (await served.client.get(conversation)).json()["messages"][-1]
    assert (streaming["status"], streaming["turn_id"]) == ("streaming", turn["turn_id"])
    response = await served.client.post(f"{conversation}/turns/{turn['turn_id']}/cancel")
    assert response.status_code == 200
    assert served.scripted.closed.is_set()
    assert served.services.admission.active == 0
    answer = (await served.client.get(conversation)).json()["messages"][-1]
    assert (answer["status"], answer["content"]) == ("cancelled", "so far")
    *_, (_, done) = await watch(served, conversation, turn)
    assert done["status"] == "cancelled"


@pytest.mark.parametrize("error", [ProviderError("It broke.", hint="Ask again."), full()])
async def test_a_failure_is_told_and_kept(served: Served, error: Exception) -> None:
    served.scripted.script = [TextDelta(0, "so"), error]
    conversation = await new(served)
    turn = await say(served, conversation, content="hi", model="scripted/m")
    *_, (_, last) = await watch(served, conversation, turn)
    assert last["type"] == "error"
    assert last["error"]["message"].startswith(str(error).partition(".")[0])
    answer = (await served.client.get(conversation)).json()["messages"][-1]
    assert (answer["status"], answer["content"]) == ("error", "so")
    assert answer["error"]["code"] == last["error"]["code"]


async def test_deleting_a_conversation_stops_its_answer(served: Served) -> None:
    """It went on unseen, held one of the places there are for answers, and could not be stopped."""
    served.scripted.script = [None]
    conversation, other = await new(served), await new(served)
    await say(served, conversation, content="hi", model="scripted/m")
    await served.scripted.waiting.wait()
    served.scripted.waiting.clear()
    kept = await say(served, other, content="hi", model="scripted/m")
    await served.scripted.waiting.wait()
    assert (await served.client.delete(conversation)).status_code == 204
    assert served.services.admission.active == 1
    answer = (await served.client.get(other)).json()["messages"][-1]
    assert answer["status"] == "streaming"
    await served.client.post(f"{other}/turns/{kept['turn_id']}/cancel")


async def test_a_watcher_that_fails_does_not_end_the_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was told of an error of the answer's, and showed as failed what was whole in the
    store; now the stream breaks off, and the page asks again."""
    conversation = await new(served)
    turn = await say(served, conversation, content="one two")
    await watch(served, conversation, turn)
    read, reads = TurnStore.get, 0

    async def second_fails(store: TurnStore, *which: str) -> StoredMessage:
        nonlocal reads
        reads += 1
        if reads == 2:
            raise StoreError("The database is away.", hint="Start it.")
        return await read(store, *which)

    monkeypatch.setattr(TurnStore, "get", second_fails)
    address = f"{conversation}/turns/{turn['turn_id']}/events"
    broken = await served.client.get(address)
    assert (broken.status_code, broken.text) == (200, "")
    *_, (_, done) = await watch(served, conversation, turn)
    assert (done["type"], done["status"]) == ("done", "complete")


async def test_a_conversation_is_opened_in_one_read(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read one after the other, the conversation, its messages and their ratings could be of
    different moments: a head that was not the newest message's, a rating that was gone."""
    conversation = await new(served)
    turn = await say(served, conversation, content="one two")
    await watch(served, conversation, turn)
    rating = f"{conversation}/messages/{turn['assistant_message_id']}/rating"
    await served.client.put(rating, json={"thumb": "up"})
    reads, read = 0, Database.read

    async def counted(database: Database, work: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(database, work)

    monkeypatch.setattr(Database, "read", counted)
    whole = (await served.client.get(conversation)).json()
    assert (whole["head_id"], reads) == (turn["assistant_message_id"], 1)
    assert whole["messages"][1]["rating"]["thumb"] == "up"


async def test_turns_are_counted_like_every_answer(served: Served) -> None:
    served.scripted.script = [None]
    conversation = await new(served)
    turn = await say(served, conversation, content="hi", model="scripted/m")
    await served.scripted.waiting.wait()
    assert served.services.admission.active == 1
    await served.client.post(f"{conversation}/turns/{turn['turn_id']}/cancel")


async def test_change_list_search_delete(served: Served) -> None:
    first = await new(served, title="Apples")
    second = await new(served)
    await watch(served, second, await say(served, second, content="about pears"))
    changed = await served.client.patch(first, json={"pinned": True, "title": "Green apples"})
    assert (changed.json()["pinned"], changed.json()["title"]) == (True, "Green apples")

    async def titles(**params: Any) -> list[str]:
        page = (await served.client.get("/conversations", params=params)).json()
        return [conversation["title"] for conversation in page["data"]]

    assert await titles() == ["Green apples", "about pears"]
    assert await titles(q="pears") == ["about pears"]
    page = (await served.client.get("/conversations", params={"limit": 1})).json()
    assert page["has_more"] is True
    assert await titles(limit=1, before=page["data"][0]["id"]) == ["about pears"]
    assert await titles(limit=1, before=page["next_before"]) == ["about pears"]
    await served.client.patch(first, json={"archived": True})
    assert await titles() == ["about pears"]
    assert await titles(archived="true") == ["Green apples"]
    assert (await served.client.delete(first)).status_code == 204
    assert (await served.client.get(first)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "parent_id"),
        ({"content": ""}, 400, "content"),
        ({"content": 5}, 400, "content"),
        ({"content": "a", "parent_id": 5}, 400, "parent_id"),
        ({"content": "a", "parent_id": "0" * 32}, 404, None),
        ({"content": "a", "parent_id": "nonsense"}, 404, None),
        ({"content": "a", "model": "gpt-none"}, 404, "model"),
        ({"content": "a", "model": ""}, 400, "model"),
        ({"content": "a", "settings": {"temperature": 3}}, 400, "settings.temperature"),
        ({"content": "a", "settings": {"top": 3}}, 400, "settings.top"),
        ({"content": "a", "settings": []}, 400, "settings"),
        ({"content": "a", "setings": {}}, 400, "setings"),
    ],
)
async def test_a_turn_that_cannot_be(
    served: Served, body: dict[str, Any], status: int, param: str | None
) -> None:
    conversation = await new(served)
    response = await served.client.post(f"{conversation}/turns", json=body)
    assert response.status_code == status, response.text
    assert response.json()["error"]["param"] == param
    assert (await served.client.get(conversation)).json()["messages"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "a"}),
        ("DELETE", "", None),
        ("POST", "/turns", {"content": "a"}),
        ("GET", f"/turns/{'0' * 32}/events", None),
        ("POST", f"/turns/{'0' * 32}/cancel", None),
    ],
)
@pytest.mark.parametrize("id", ["0" * 32, "x", "%00", "..%2f..", "é" * 40])
async def test_what_is_not_there_is_404(
    served: Served, method: str, path: str, body: Any, id: str
) -> None:
    response = await served.client.request(method, f"/conversations/{id}{path}", json=body)
    assert response.status_code in (404, 405)
    assert "error" in response.json()


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=9999", "limit"),
        ("limit=x", "limit"),
        ("archived=2", "archived"),
    ],
)
async def test_a_query_out_of_range_is_named(served: Served, query: str, param: str) -> None:
    response = await served.client.get(f"/conversations?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"title": None}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"pinned": 1}, "pinned"),
        ({"id": "0"}, "id"),
        ({"head_id": "0" * 32}, None),
    ],
)
async def test_a_change_that_cannot_be(served: Served, change: Any, param: str | None) -> None:
    response = await served.client.patch(await new(served), json=change)
    assert response.status_code == (400 if param else 404)
    assert response.json()["error"]["param"] == param


async def test_usage_of_an_answer_without_text(served: Served) -> None:
    served.scripted.script = [Finished(0, "length"), Usage(5, 0)]
    conversation = await new(served)
    turn = await say(served, conversation, content="hi", model="scripted/m")
    ((_, done),) = await watch(served, conversation, turn)
    assert (done["finish_reason"], done["usage"]["total_tokens"]) == ("length", 5)


async def test_a_call_of_a_tool_is_shown_and_can_be_refused(served: Served) -> None:
    conversation = await new(served)
    served.scripted.script = [
        ToolCallDelta(0, 0, "call_1", "calculator", '{"expression": "6*7"}'),
        Finished(0, "tool_calls"),
        Usage(3, 1),
    ]
    settings = {"tools": ["calculator"], "ask_leave": True}
    turn = await say(
        served, conversation, content="6*7?", model="scripted/org/model", settings=settings
    )
    place = f"{conversation}/turns/{turn['turn_id']}/tools/call_1"
    while (await served.client.get(conversation)).json()["messages"][1]["steps"] == []:
        pass  # each look lets the turn run on
    served.scripted.script = [TextDelta(0, "All right."), Finished(0, "stop"), Usage(5, 2)]
    wrong = await served.client.post(place, json={"allow": "yes"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "allow")
    assert (await served.client.post(place, json={"allow": False})).status_code == 200
    events = [data for _, data in await watch(served, conversation, turn)]
    step = {
        "id": "call_1",
        "name": "calculator",
        "arguments": '{"expression": "6*7"}',
        "status": "refused",
        "result": "The user did not allow this call.",
        "offset": 0,
    }
    assert {"type": "tool", "number": 0, **step} in events
    answer = (await served.client.get(conversation)).json()["messages"][1]
    assert (answer["content"], answer["steps"]) == ("All right.", [step])
    gone = await served.client.post(place, json={"allow": True})
    assert gone.status_code == 404
    assert gone.json()["error"]["message"].startswith("There is no such call that waits for leave.")


async def test_an_answer_goes_on_over_http_and_tells_its_probabilities(served: Served) -> None:
    conversation = await new(served)
    settings = {"max_tokens": 1, "logprobs": 1}
    turn = await say(served, conversation, content="one two", settings=settings)
    assert turn["offset"] == 0
    events = await watch(served, conversation, turn)
    assert [data["type"] for _, data in events] == ["delta", "logprobs", "done"]
    half = round(math.log(0.5), 4)
    token = {"offset": 0, "token": "one", "logprob": half}
    assert events[1] == (
        None,
        {
            "type": "logprobs",
            "number": 0,
            "tokens": [{**token, "top": [{"token": "one", "logprob": half}]}],
        },
    )
    more = await say(served, conversation, continue_id=turn["assistant_message_id"])
    assert more["offset"] == 3
    events = await watch(served, conversation, more, params={"offset": 3})
    assert events[0] == ("7", {"type": "delta", "text": " two", "offset": 7})
    stored = (await served.client.get(conversation)).json()["messages"][-1]
    assert (stored["content"], stored["usage"]["completion_tokens"]) == ("one two", 2)


async def test_tools_are_offered_to_models_that_know_how(served: Served) -> None:
    """Unasked, where the question may need them. The provider is behind the one that counts
    answers, which must not hide what it can."""

    async def knows_tools(model: str) -> bool:
        return model == "org/model"

    served.scripted.knows_tools = knows_tools  # type: ignore[attr-defined]
    conversation = await new(served)
    for question, names in (("What is 27 + 58?", ["calculator"]), ("Who are you?", [])):
        turn = await say(served, conversation, content=question, model="scripted/org/model")
        await watch(served, conversation, turn)
        asked = served.scripted.asked[-1]
        assert isinstance(asked, ChatRequest)
        assert [tool.name for tool in asked.tools] == names
