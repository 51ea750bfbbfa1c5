"""`GET /openapi.json` says what is served: no more, no less."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from miniclaude.server.app import API_ROUTERS
from miniclaude.server.examples import example_bodies
from miniclaude.server.openapi import BODIES, SCHEMAS, openapi_document
from miniclaude.server.routes.page import STATIC, StaticPage
from miniclaude.server.wire.validation import validate
from tests.server.conftest import Serve, Served

pytestmark = pytest.mark.anyio

PAGE = {"/", "/app", "/app/{rest:path}", *StaticPage.read(STATIC).files}
DOCUMENT = openapi_document(API_ROUTERS, needs_key=False)


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def served_routes(served: Served) -> Iterator[tuple[str, str, Any]]:
    """Method, address and handler of every route of the API, under both prefixes."""
    for route in iter_route_contexts(served.app.routes):
        path = str(route.path)
        if path not in PAGE and route.methods:
            for method in route.methods - {"HEAD"}:
                yield method.lower(), path.replace(":path}", "}"), route.endpoint


async def test_every_route_is_in_it_and_nothing_else(served: Served) -> None:
    """Walks the routes that there are, so that a new one is told the day it is added."""
    there = {(method, path) for method, path, _ in served_routes(served)}
    told = {(method, path) for method, path, _ in operations()}
    assert there == told | {(method, f"/v1{path}") for method, path in told}
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/v1", "/"]


async def test_every_route_that_reads_a_body_tells_which(served: Served) -> None:
    reading = {
        (method, path)
        for method, path, handler in served_routes(served)
        if "read_json(" in inspect.getsource(handler) and not path.startswith("/v1")
    }
    assert reading == set(BODIES)
    for method, path, operation in operations():
        body = operation.get("requestBody")
        kinds = set(body["content"]) if body else set()
        if (method, path) in BODIES:
            assert kinds == {"application/json"}
        elif (method, path) == ("post", "/files"):
            assert kinds == {"multipart/form-data"}
        elif (method, path) == ("post", "/attachments"):
            assert kinds == {"application/octet-stream"}
        elif (method, path) == ("post", "/conversations/import"):
            assert kinds == {"application/json"}
        else:
            assert not kinds, (method, path)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found = set(references(DOCUMENT))
    assert len(found) > 40
    assert {reference.removeprefix(SCHEMAS) for reference in found} <= set(schemas)


@pytest.mark.parametrize("place", sorted(BODIES))
def test_a_bodys_fields_are_those_that_its_model_reads_or_refuses(place: tuple[str, str]) -> None:
    reads = BODIES[place]
    operation = DOCUMENT["paths"][place[1]][place[0]]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][reference.removeprefix(SCHEMAS)]
    assert set(schema["properties"]) == set(reads.body.model_fields) | set(reads.refused)
    assert schema["additionalProperties"] is False
    needed = {name for name, field in reads.body.model_fields.items() if field.is_required()}
    assert set(schema.get("required", ())) == needed
    good = next(answer for status, answer in operation["responses"].items() if status[0] == "2")
    assert ("text/event-stream" in good["content"]) is ("stream" in reads.body.model_fields)


def test_every_operation_tells_its_errors_in_its_own_protocol() -> None:
    for _, path, operation in operations():
        schema = operation["responses"]["4XX"]["content"]["application/json"]["schema"]
        kind = "AnthropicError" if path.startswith("/messages") else "Error"
        assert schema == {"$ref": SCHEMAS + kind}
        assert "422" not in operation["responses"]
        assert operation["summary"]
        assert operation["description"]


def test_null_and_the_short_forms_are_in_the_schemas() -> None:
    """What the readers take besides the plain form of a field."""
    schemas = DOCUMENT["components"]["schemas"]
    fields = schemas["ChatBody"]["properties"]
    assert {"type": "null"} in fields["stream"]["anyOf"]
    assert {"type": "null"} in fields["stop"]["anyOf"]
    assert any(choice.get("type") == "string" for choice in fields["stop"]["anyOf"])
    assert fields["store"]["enum"] == [False, None]
    assert schemas["EmbeddingBody"]["properties"]["input"]["anyOf"][0]["minLength"] == 1
    assert {"const": "auto"} in schemas["Hyperparameters"]["properties"]["n_epochs"]["anyOf"]


EXAMPLES = example_bodies("scripted/m")
NEED_AN_ID = [place for place in EXAMPLES if "{" in place[1]]


@pytest.mark.parametrize("place", sorted(set(EXAMPLES) - set(NEED_AN_ID)))
async def test_an_example_works_as_it_stands(served: Served, place: tuple[str, str]) -> None:
    """People copy them, and programs that try the API begin from them: of one that is refused
    neither learns anything."""
    for body in EXAMPLES[place]:
        answer = await served.client.request(*place, json=body)
        assert answer.is_success, answer.text


@pytest.mark.parametrize("place", sorted(NEED_AN_ID))
def test_an_example_that_needs_an_id_has_a_body_that_is_read(place: tuple[str, str]) -> None:
    for body in EXAMPLES[place]:
        validate(BODIES[place].body, body)


async def test_the_examples_name_the_default_model_as_it_is_now(serve: Serve) -> None:
    """It can be changed on the page, and there may be none; then no example names one."""

    async def examples() -> list[Any]:
        paths = (await served.client.get("/openapi.json")).json()["paths"]
        [name] = paths["/models/{model}"]["get"]["parameters"]
        body = paths["/chat/completions"]["post"]["requestBody"]["content"]["application/json"]
        told = body.get("examples", {}).values()
        return [name.get("example"), *(example["value"]["model"] for example in told)]

    async with serve() as served:
        assert await examples() == ["echo"] * 3
        served.services.registry.default_model = "scripted/m"
        assert await examples() == ["scripted/m"] * 3
        served.services.registry.default_model = ""
        assert await examples() == [None]


async def test_a_turns_links_lead_to_where_it_is_watched_and_stopped(served: Served) -> None:
    conversation = (await served.client.post("/conversations", json={})).json()["id"]
    path = "/conversations/{conversation_id}/turns"
    post = DOCUMENT["paths"][path]["post"]["responses"]["201"]
    turn = await served.client.post(f"/conversations/{conversation}/turns", json={"content": "Hi"})
    values = {
        "$request.path.conversation_id": conversation,
        "$response.body#/turn_id": turn.json()["turn_id"],
    }
    there = {operation["operationId"]: place for *place, operation in operations()}
    for name, link in post["links"].items():
        method, path = there[link["operationId"]]
        names = {field: values[where] for field, where in link["parameters"].items()}
        answer = await served.client.request(method, path.format(**names))
        assert answer.is_success, (name, answer.text)


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_it_is_served_and_needs_the_key(serve: Serve, prefix: str) -> None:
    async with serve(api_key="correct horse battery") as served:
        address = f"{prefix}/openapi.json"
        assert (await served.client.get(address)).status_code == 401
        headers = {"x-api-key": "correct horse battery"}
        document = (await served.client.get(address, headers=headers)).json()
        told = openapi_document(API_ROUTERS, needs_key=True, model="echo")
        assert document == json.loads(json.dumps(told))
        assert {} not in document["security"]
