"""`GET /openapi.json` says what is served: no more, no less."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from miniclaude.server.app import API_ROUTERS
from miniclaude.server.openapi import BODIES, SCHEMAS, openapi_document
from miniclaude.server.routes.page import STATIC, StaticPage
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


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_it_is_served_and_needs_the_key(serve: Serve, prefix: str) -> None:
    async with serve(api_key="correct horse battery") as served:
        address = f"{prefix}/openapi.json"
        assert (await served.client.get(address)).status_code == 401
        headers = {"x-api-key": "correct horse battery"}
        document = (await served.client.get(address, headers=headers)).json()
        assert document["paths"] == DOCUMENT["paths"]
        assert {} not in document["security"]
