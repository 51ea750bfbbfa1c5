"""What a tool's arguments may be, as the services are told of it: a tool need not have any."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.messages import Tool
from miniclaude.providers import anthropic_wire, openai_wire
from miniclaude.server.wire.chat import FunctionField

A_PLACE = {"place": {"type": "string"}}


@pytest.mark.parametrize("given", [{}, {"parameters": None}, {"parameters": {}}])
def test_a_tool_without_parameters_is_one_that_services_take(given: dict[str, Any]) -> None:
    """Anthropic's API refuses an `input_schema` of `{}`, which is what it got: OpenAI's tools may
    leave `parameters` out. OpenAI's was told of a schema that nobody had given."""
    function = FunctionField.model_validate({"name": "now", **given})
    tool = Tool(function.name, function.description, function.parameters)
    fields: Any = anthropic_wire.tools_json((tool,), "auto", True)
    assert fields["tools"][0]["input_schema"] == {"type": "object", "properties": {}}
    fields = openai_wire.tools_json((tool,), "auto", True)
    assert fields["tools"][0]["function"] == {"name": "now", "description": ""}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"properties": A_PLACE}, {"type": "object", "properties": A_PLACE}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        (
            {"additionalProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
        ),
    ],
)
def test_anthropic_is_always_told_of_an_object(schema: Any, told: Any) -> None:
    """A schema without a `type` was refused there, though arguments can be nothing else."""
    tool = Tool("weather", "", schema)
    fields: Any = anthropic_wire.tools_json((tool,), "auto", True)
    assert fields["tools"][0]["input_schema"] == told
    fields = openai_wire.tools_json((tool,), "auto", True)
    assert fields["tools"][0]["function"]["parameters"] == schema
