"""What an answer must look like, as clients ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.providers.base import ChatRequest, Structure
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

SCHEMA: dict[str, object] = {"type": "object", "properties": {"a": {"const": None}}}
NAMED: dict[str, object] = {"name": "x", "schema": SCHEMA}


@pytest.mark.parametrize(
    ("fields", "structure"),
    [
        ({}, None),
        ({"response_format": None}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, Structure("json_object")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {**NAMED, "strict": True}}},
            Structure(
                "json_schema",
                "response_format.json_schema.schema",
                schema=SCHEMA,
                name="x",
                strict=True,
            ),
        ),
        (
            {"structured_outputs": {"json": SCHEMA}},
            Structure("json_schema", "structured_outputs.json", schema=SCHEMA),
        ),
        (
            {"structured_outputs": {"regex": "a+"}},
            Structure("regex", "structured_outputs.regex", pattern="a+"),
        ),
        (
            {"structured_outputs": {"choice": ["a", "b"]}},
            Structure("choice", "structured_outputs.choice", choices=("a", "b")),
        ),
        ({"guided_json": SCHEMA}, Structure("json_schema", "guided_json", schema=SCHEMA)),
        ({"guided_regex": "a+"}, Structure("regex", "guided_regex", pattern="a+")),
        ({"guided_choice": ["a"]}, Structure("choice", "guided_choice", choices=("a",))),
    ],
)
async def test_every_way_to_ask_reaches_the_provider(
    served: Served, fields: dict[str, Any], structure: Structure | None
) -> None:
    response = await served.chat(model="scripted/m", **fields)
    assert response.status_code == 200, response.text
    [asked] = served.scripted.asked
    assert isinstance(asked, ChatRequest)
    assert asked.structure == structure


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {**NAMED, "schema": []}}},
            "response_format.json_schema.schema",
        ),
        ({"structured_outputs": {}}, "structured_outputs"),
        ({"structured_outputs": {"regex": "a", "choice": ["a"]}}, "structured_outputs"),
        ({"structured_outputs": {"grammar": "a"}}, "structured_outputs.grammar"),
        ({"structured_outputs": {"regex": "a" * 4097}}, "structured_outputs.regex"),
        ({"structured_outputs": {"choice": []}}, "structured_outputs.choice"),
        ({"structured_outputs": {"choice": ["a"] * 1001}}, "structured_outputs.choice"),
        ({"guided_choice": ["a", ""]}, "guided_choice[1]"),
        ({"guided_regex": "a", "response_format": {"type": "json_object"}}, "guided_regex"),
    ],
)
async def test_a_wrong_one_is_named(served: Served, fields: dict[str, Any], param: str) -> None:
    response = await served.chat(model="scripted/m", **fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert served.scripted.asked == []
