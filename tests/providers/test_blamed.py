"""What the engine cannot follow of a schema is told with its place in the request."""

from __future__ import annotations

import pytest

from miniclaude.engine.grammar_check import SHARED
from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Tool, text_message
from miniclaude.model.library import Library
from miniclaude.providers.base import ChatRequest, Structure
from miniclaude.providers.grammars import answer_form, blamed
from miniclaude.providers.local import Local
from miniclaude.tokenizer.load import load_tokenizer

pytestmark = pytest.mark.anyio

SAID = (text_message("user", "hello"),)
LARGE: dict[str, object] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 3},
        "id": {"type": "integer", "minimum": 2**63 - 1},
    },
}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (LARGE, ".properties.id.minimum"),
        ({"type": "string", "pattern": "^a$", "minLength": 5}, ".pattern"),
        ({"type": "array", "items": {"type": "string", "format": "date", "maxLength": 3}}, ""),
    ],
)
async def test_of_a_schema(local: Local, schema: dict[str, object], place: str) -> None:
    """The engine, which finds the fault, has only the grammar; of a large schema nobody finds by
    its words alone which of many fields is meant."""
    schema = {**schema, "minItems": 1} if "items" in schema else schema
    structure = Structure("json_schema", "guided_json", schema=schema)
    with pytest.raises(InvalidRequestError) as caught:
        await anext(local.chat(ChatRequest("tiny", SAID, structure=structure)))
    assert caught.value.code == "invalid_grammar"
    assert caught.value.param == f"guided_json{place}"
    assert caught.value.message.startswith(f"guided_json{place}: The grammar cannot be compiled: ")


def test_of_a_tool(tiny_library: Library) -> None:
    tools = (
        Tool("f", "", {"type": "object"}, param="tools[0].function.parameters"),
        Tool("g", "", LARGE, param="tools[1].function.parameters"),
    )
    tokenizer = load_tokenizer(tiny_library.find("tiny").weights)
    form = answer_form(ChatRequest("tiny", SAID, tools=tools, tool_choice="required"), tokenizer)
    with pytest.raises(InvalidRequestError) as caught, blamed(form):
        SHARED.check(form.grammar or "")
    assert caught.value.param == "tools[1].function.parameters.properties.id.minimum"
