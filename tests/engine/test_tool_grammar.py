"""Answers that call tools: which texts a grammar lets pass, and where it takes hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from miniclaude.engine.engine import Engine
from miniclaude.engine.json_schema import enforceable
from miniclaude.engine.matching import Grammars
from miniclaude.engine.tool_grammar import CallableTool, shown_tokens, tool_grammar
from miniclaude.errors import InvalidRequestError
from miniclaude.tokenizer.tool_format import ANY_ID, PLAIN, ToolFormat
from tests.engine.tiny import ByteVocabulary, ask, finishes, run, texts, tiny_engine

MARK = 258
SPECIAL = {"<|end|>": 256, "[TOOL_CALLS]": MARK}
BARE = ToolFormat('{"name": "', '", "parameters": ', "}", None, "")
LISTED = ToolFormat(
    '[TOOL_CALLS] [{"name": "',
    '", "arguments": ',
    f', "id": "{ANY_ID}"}}]',
    f', "id": "{ANY_ID}"}}, {{"name": "',
    "[TOOL_CALLS]",
)
NUMBERS: dict[str, Any] = {
    "properties": {"a": {"enum": [1, 2]}},
    "required": ["a"],
    "type": "object",
}
TOOLS = [
    CallableTool("add", enforceable(NUMBERS, "s")),
    CallableTool("add_all", enforceable({"type": "object", "properties": {}}, "s")),
]


class MarkedVocabulary(ByteVocabulary):
    """Bytes, and a special token that begins calls."""

    def token_bytes(self, token_id: int) -> bytes:
        return b"[TOOL_CALLS]" if token_id == MARK else super().token_bytes(token_id)

    def is_special(self, token_id: int) -> bool:
        return token_id in SPECIAL.values()


GRAMMARS = Grammars(MarkedVocabulary(), 260)


def verdict(grammar: str, answer: str, *, special: bool = True) -> str:
    """`whole`, `begun`, or what of the answer passed before it was refused."""
    matcher = GRAMMARS.compile(grammar)
    ids: list[int] = []
    for n, part in enumerate(answer.split("[TOOL_CALLS]") if special else [answer]):
        ids += [MARK] * (n > 0) + list(part.encode())
    for place, token in enumerate(ids):
        if not matcher.allowed()[token]:
            return bytes(i for i in ids[:place] if i < 256).decode()
        matcher.take(token)
        assert matcher.error is None
    return "whole" if matcher.allowed()[256] else "begun"


def grammar(form: ToolFormat, **options: Any) -> str:
    settings = {"required": False, "several": True, "spaced": False, **options}
    return tool_grammar(TOOLS, form, SPECIAL, **settings)


ADD = '{"name": "add", "arguments": {"a": 1}}'
ALL = '{"name": "add_all", "arguments": {}}'


def tagged(*calls: str) -> str:
    return "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls)


@pytest.mark.parametrize(
    ("options", "answer", "expected"),
    [
        ({}, "It is <b>fine</b>, <tool_cal", "whole"),
        ({}, "", "whole"),
        ({}, "Wait.\n" + tagged(ADD), "whole"),
        ({}, tagged(ADD, ALL), "whole"),
        ({}, "x<tool_call>", "begun"),
        ({}, "x<tool_call>{", "x<tool_call>"),
        ({}, tagged('{"name": "sub'), '<tool_call>\n{"name": "'),
        ({}, tagged(ADD.replace("1", "3")), '<tool_call>\n{"name": "add", "arguments": {"a": '),
        ({}, tagged(ADD) + "x", tagged(ADD)),
        ({"several": False}, tagged(ADD) + "\n", tagged(ADD)),
        ({"required": True}, tagged(ADD, ADD), "whole"),
        ({"required": True}, "I", ""),
        ({"required": True, "spaced": True}, " " + tagged(ADD), "whole"),
        ({"otherwise": {"enum": [7]}}, "7", "whole"),
        ({"otherwise": {"enum": [7]}}, tagged(ALL), "whole"),
        ({"otherwise": {"enum": [7]}}, "x", ""),
    ],
)
def test_the_plain_form(options: dict[str, Any], answer: str, expected: str) -> None:
    assert verdict(grammar(PLAIN, **options), answer) == expected


@pytest.mark.parametrize(
    ("options", "answer", "expected"),
    [
        ({}, "Is {x} fine?", "whole"),
        ({}, '{"name": "add", "parameters": {"a": 2}}', "whole"),
        ({}, '{"x', '{"'),
        ({"required": True}, '{"name": "add_all", "parameters": { }}', "whole"),
        ({"required": True}, "x", ""),
    ],
)
def test_a_form_without_a_mark(options: dict[str, Any], answer: str, expected: str) -> None:
    """Only the very beginning tells a call: a brace later on is text."""
    assert verdict(grammar(BARE, **options), answer) == expected


def test_a_form_whose_mark_is_a_special_token() -> None:
    """The token calls, and only it: its letters are text like any other."""
    calls = (
        '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}, "id": "abcdefgh1"}, '
        '{"name": "add_all", "arguments": {}, "id": "abcdefgh2"}]'
    )
    assert verdict(grammar(LISTED), calls) == "whole"
    assert verdict(grammar(LISTED), "So: " + calls) == "whole"
    assert verdict(grammar(LISTED), "[TOOL_CALLS]x") == ""
    assert verdict(grammar(LISTED), "[TOOL_CALLS]x", special=False) == "whole"
    assert verdict(grammar(LISTED, required=True), calls) == "whole"
    assert verdict(grammar(LISTED, several=False), calls).endswith('"id": "abcdefgh1"}')
    assert shown_tokens(LISTED, SPECIAL) == (MARK,)
    assert shown_tokens(PLAIN, SPECIAL) == ()


@pytest.mark.parametrize("form", [PLAIN, BARE, LISTED])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 40.0])
def test_a_random_model_that_must_call_does(form: ToolFormat, temperature: float) -> None:
    engine: Engine = tiny_engine(context=256, kv_tokens=2048)
    engine.tokenizer = MarkedVocabulary()
    engine.grammars = Grammars(engine.tokenizer, 260)
    request = ask("a", "go", temperature=temperature, n=2, max_tokens=200, seed=4)
    bound = grammar(form, required=True, several=False)
    request = replace(request, grammar=bound, shown=shown_tokens(form, SPECIAL))
    outputs = run(engine, request)
    assert set(finishes(outputs).values()) == {"stop"}
    for answer in texts(outputs).values():
        assert answer.startswith(form.before)
        assert verdict(bound, answer) == "whole"


def test_schemas_too_long_together_are_refused() -> None:
    long = {"type": "object", "properties": {"a": {"enum": ["x" * 100_000]}}}
    tools = [CallableTool(f"f{n}", enforceable(long, "s")) for n in range(3)]
    with pytest.raises(InvalidRequestError, match=r"tools: as a grammar it has 30\d,\d+ char") as e:
        tool_grammar(tools, PLAIN, {}, required=True, several=True, spaced=False)
    assert e.value.code == "grammar_too_large"
