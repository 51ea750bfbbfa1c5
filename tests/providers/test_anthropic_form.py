"""The form of an answer, as Anthropic's service is asked for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import UnsupportedFieldError
from miniclaude.messages import text_message
from miniclaude.providers import anthropic
from miniclaude.providers.anthropic import Anthropic
from miniclaude.providers.base import ChatRequest, Structure
from tests.providers.stand_in import StandIn, running_stand_in
from tests.server.test_library import shelf

pytestmark = pytest.mark.anyio

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
SENT = {"format": {"type": "json_schema", "schema": SCHEMA}}
NAMED = {"type": "json_schema", "name": "n", "schema": SCHEMA}


@pytest.fixture
async def service() -> AsyncIterator[StandIn]:
    async with running_stand_in("anthropic") as running:
        yield running


@pytest.fixture
async def claude(service: StandIn) -> AsyncIterator[Anthropic]:
    provider = anthropic.create({"base_url": service.url, "api_key": "k", "max_retries": 0})
    yield provider
    await provider.aclose()


def asking(structure: Structure) -> ChatRequest:
    return ChatRequest("big", (text_message("user", "hi"),), structure=structure)


@pytest.mark.parametrize(
    ("description", "own", "told"),
    [
        ("", {}, {}),
        ("a person", {}, {"description": "a person"}),
        ("a person", {"description": "its own"}, {"description": "its own"}),
    ],
)
async def test_a_schema_is_passed_on(
    service: StandIn,
    claude: Anthropic,
    description: str,
    own: dict[str, object],
    told: dict[str, object],
) -> None:
    """The service has had structured outputs for long; a caller who asked for them was refused.
    Counting passed the schema over, though the service puts it into the prompt."""
    structure = Structure("json_schema", schema={**SCHEMA, **own}, description=description)
    async with aclosing(claude.chat(asking(structure))) as events:
        assert [event async for event in events]
    expected = {"format": {"type": "json_schema", "schema": {**SCHEMA, **told}}}
    assert service.asked[-1].body["output_config"] == expected
    await claude.count_tokens(asking(structure))
    assert service.asked[-1].path.partition("?")[0].endswith("/count_tokens")
    assert service.asked[-1].body["output_config"] == expected


@pytest.mark.parametrize(
    "structure",
    [
        Structure("json_object"),
        Structure("regex", "guided_regex", pattern="a+"),
        Structure("choice", "structured_outputs.choice", choices=("a", "b")),
    ],
)
async def test_what_is_no_schema_is_refused_by_name(
    service: StandIn, claude: Anthropic, structure: Structure
) -> None:
    """Dropped in silence, any text would come back as if it had that form."""
    with pytest.raises(UnsupportedFieldError, match="no form of an answer but a JSON") as caught:
        await anext(claude.chat(asking(structure)))
    assert caught.value.param == structure.param
    assert service.asked == []


async def test_every_protocol_reaches_it(service: StandIn, tmp_path: Path) -> None:
    """Each asks in a field of its own, and each was refused."""
    said = {"messages": [{"role": "user", "content": "hi"}]}
    asked: list[tuple[str, dict[str, Any]]] = [
        (
            "/chat/completions",
            {
                **said,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA},
                },
            },
        ),
        ("/chat/completions", {**said, "guided_json": SCHEMA}),
        ("/responses", {"input": "hi", "text": {"format": NAMED}}),
        ("/messages", {**said, "max_tokens": 9, "output_config": SENT}),
        ("/messages/count_tokens", {**said, "output_config": SENT}),
    ]
    async with shelf(tmp_path) as served:
        body = {"kind": "anthropic", "base_url": service.url, "api_key": "k"}
        await served.client.put("/providers/claude", json=body)
        for path, fields in asked:
            answer = await served.client.post(path, json={"model": "claude/big", **fields})
            assert answer.status_code == 200, (path, answer.text)
            assert service.asked[-1].body["output_config"] == SENT, path
        service.status = 400
        service.error = {"type": "error", "error": {"message": "output_config: no such keyword"}}
        path, fields = asked[0]
        refused = await served.client.post(path, json={"model": "claude/big", **fields})
        assert refused.status_code == 400
        assert "output_config: no such keyword" in refused.json()["error"]["message"]
