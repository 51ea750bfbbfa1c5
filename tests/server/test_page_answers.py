"""What the page's routes answer is what the document, and so the page's types, say."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from miniclaude.server.app import API_ROUTERS
from miniclaude.server.openapi import openapi_document
from miniclaude.server.wire.page_answers import ANSWERS, Answer, TurnEventAnswer
from tests.server.conftest import Serve, Served
from tests.web.live import ROOT

pytestmark = pytest.mark.anyio
DOCUMENT = openapi_document(API_ROUTERS, needs_key=False)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`web/api_types.py`, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("api_types", ROOT / "web" / "api_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["api_types"] = module
    spec.loader.exec_module(module)
    return module


class Client:
    """Sends a request, and holds its answer to the shape that is told for the route."""

    def __init__(self, served: Served) -> None:
        self._client = served.client
        self.seen: set[tuple[str, str]] = set()

    async def __call__(self, method: str, route: str, body: Any = None, **names: str) -> Any:
        answer = await self._client.request(method, route.format(**names), json=body)
        assert answer.is_success, answer.text
        shape: type[Answer] = ANSWERS[method, route]
        shape.model_validate_json(answer.content)
        self.seen.add((method, route))
        return answer.json()


async def test_every_answer_has_the_shape_that_is_told(served: Served) -> None:
    ask = Client(served)
    conversation = await ask("post", "/conversations", {"title": "Shapes"})
    place = {"conversation_id": conversation["id"]}
    one, turns = "/conversations/{conversation_id}", "/conversations/{conversation_id}/turns"
    turn = await ask("post", turns, {"content": "Hello"}, **place)
    stream = await served.client.get(turns.format(**place) + f"/{turn['turn_id']}/events")
    events = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
    assert len(events) >= 2
    for event in events:
        TurnEventAnswer.model_validate_json(f'{{"event": {event}}}')
    whole = await ask("get", one, **place)
    assert [message["role"] for message in whole["messages"]] == ["user", "assistant"]
    changes = {"pinned": True, "folder": "Kept", "settings": {"temperature": 0.5, "tools": []}}
    await ask("patch", one, {**changes, "head_id": whole["head_id"]}, **place)
    rating = {"thumb": "up", "reason": "helpful", "note": "", "correction": "Better"}
    rate = "/conversations/{conversation_id}/messages/{message_id}/rating"
    await ask("put", rate, rating, **place, message_id=whole["head_id"])
    whole = await ask("get", one, **place)
    assert whole["settings"] == changes["settings"]
    assert whole["messages"][1]["rating"]["thumb"] == "up"
    await ask("get", "/conversations")
    await ask("get", "/conversations/folders")
    await ask("post", "/presets", {"name": "Calm", "settings": {"temperature": 0.5}})
    await ask("get", "/presets")
    await ask("get", "/tools")
    await ask("post", turns + "/{turn_id}/cancel", **place, turn_id=turn["turn_id"])
    models = await ask("get", "/models")
    await ask("get", "/models/{model}", model=models["data"][0]["id"])
    untried = {("post", turns + "/{turn_id}/tools/{call_id}")}  # needs a model that calls tools
    assert ask.seen == set(ANSWERS) - untried


async def test_what_a_search_finds_has_the_shape_that_is_told(served: Served) -> None:
    """Its `match` is there on no other answer."""
    ask = Client(served)
    await ask("post", "/conversations", {"title": "Foxes and hens"})
    found = await served.client.get("/conversations", params={"q": "hens"})
    ANSWERS["get", "/conversations"].model_validate_json(found.content)
    assert found.json()["data"][0]["match"]["title"] == [[10, 14]]


async def test_a_failed_answer_has_the_shape_that_is_told(serve: Serve) -> None:
    async with serve() as served:
        served.scripted.script = [RuntimeError("inside")]
        ask = Client(served)
        conversation = await ask("post", "/conversations", {})
        place = {"conversation_id": conversation["id"]}
        turns = "/conversations/{conversation_id}/turns"
        turn = await ask("post", turns, {"content": "Hi", "model": "scripted/m"}, **place)
        stream = await served.client.get(turns.format(**place) + f"/{turn['turn_id']}/events")
        [event] = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
        TurnEventAnswer.model_validate_json(f'{{"event": {event}}}')
        whole = await ask("get", "/conversations/{conversation_id}", **place)
        assert whole["messages"][1]["error"]["message"]


def test_the_document_tells_the_answers() -> None:
    for (method, path), shape in ANSWERS.items():
        responses = DOCUMENT["paths"][path][method]["responses"]
        good = next(answer for status, answer in responses.items() if status[0] == "2")
        schema = good["content"]["application/json"]["schema"]
        [first, *_] = schema.get("anyOf", [schema])  # who speaks Anthropic's gets another
        assert first["$ref"].endswith(f"/{shape.__name__}")


def test_the_pages_types_are_what_the_document_gives(script: ModuleType) -> None:
    """Else the page would be checked against a server of the past. Mend: npm run types."""
    assert script.FILE.read_text(encoding="utf-8") == script.schema_file(DOCUMENT, ANSWERS)


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, "number | null"),
        ({"enum": ["a", None]}, '"a" | null'),
        ({"const": True}, "true"),
        ({"$ref": "#/components/schemas/Thing"}, "Thing"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"enum": [1, 2]}}, "(1 | 2)[]"),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
            "[number, string]",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "Record<string, number>",
        ),
        (
            {
                "type": "object",
                "required": ["a"],
                "properties": {"a": {"type": "boolean"}, "b-c": {}},
            },
            '{ a: boolean; "b-c"?: unknown; }',
        ),
    ],
)
def test_a_schema_as_typescript(script: ModuleType, schema: Any, written: str) -> None:
    assert script.type_of(schema) == written
