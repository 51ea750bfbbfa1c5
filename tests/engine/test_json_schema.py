"""What is refused of a schema, by name, and what is added to it."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from miniclaude.engine.grammar import json_grammar
from miniclaude.engine.grammar_trial import trial
from miniclaude.engine.json_schema import MAX_DEPTH, MAX_SCHEMA, enforceable
from miniclaude.errors import InvalidRequestError, UnsupportedFieldError


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"not": {}}, "s.not"),
        (
            {"properties": {"a": {"items": {"uniqueItems": True}}}},
            "s.properties.a.items.uniqueItems",
        ),
        ({"anyOf": [{}, {"if": {}}]}, "s.anyOf[1].if"),
        ({"$defs": {"x": {"dependentRequired": {}}}}, "s.$defs.x.dependentRequired"),
        ({"format": "made-up"}, "s.format"),
        ({"$ref": "https://example.com/schema"}, "s.$ref"),
        ({"x-guidance": {"lenient": True}}, "s.x-guidance"),
        ({"nullable": True}, "s.nullable"),
    ],
)
def test_what_is_not_implemented_is_named(schema: dict[str, Any], place: str) -> None:
    """A keyword dropped in silence would give answers that break the schema now and then."""
    with pytest.raises(UnsupportedFieldError) as caught:
        enforceable(schema, "s")
    assert caught.value.param == place
    assert caught.value.code == "unsupported_schema"


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ([], "s: a schema must be an object"),
        ({"properties": []}, "s.properties: it must be an object of schemas"),
        ({"anyOf": []}, "s.anyOf: it must be a list of schemas"),
        ({"items": 3}, "s.items: a schema must be an object or a boolean"),
        ({"properties": {str(n): {} for n in range(1001)}}, "may name 1,000 properties"),
        ({"enum": ["x" * MAX_SCHEMA]}, r"the schema has 131,\d+ characters; at most 131,072"),
    ],
)
def test_what_is_no_schema_is_refused(schema: object, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        enforceable(schema, "s")


@pytest.mark.parametrize("lenient", [False, True])
def test_what_constrains_nothing_is_left_out(lenient: bool) -> None:
    """Generators for OpenAPI put `x-…` into every schema, and none of them could be used."""
    said = {
        **{"x-order": 1, "x-ms-enum": {"name": "A"}, "externalDocs": {}, "xml": {}},
        **{"contentSchema": {"not": {}}, "markdownDescription": "m", "nullable": False},
    }
    schema = {"type": "object", "properties": {"x-a": {"type": "string", **said}}, **said}
    read = enforceable(schema, "s", lenient=lenient)
    read.pop("x-guidance", None)
    assert read == {
        "type": "object",
        "properties": {"x-a": {"type": "string"}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "string"}, ["string", "null"]),
        ({"type": ["string", "null"]}, ["string", "null"]),
        ({"type": ["string", "integer"]}, ["string", "integer", "null"]),
        ({"type": "null"}, ["null"]),
    ],
)
def test_nullable_adds_null_to_the_type(schema: dict[str, Any], kinds: list[str]) -> None:
    """OpenAPI 3.0's. Lenient, it was left out, and then null was impossible."""
    for lenient in (False, True):
        read = enforceable({**schema, "nullable": True}, "s", lenient=lenient)
        assert "nullable" not in read
        assert read["type"] in (kinds, *kinds)
        written = json_grammar({"type": read["type"]}, spaced=False)
        matcher = LLMatcher(LLTokenizer("byte"), written)
        assert matcher.consume_tokens(list(b"null"))
        assert matcher.is_accepting()


def test_a_tool_may_allow_null_beside_a_reference() -> None:
    """Such schemas are common in OpenAPI's documents; null could never be written."""
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/b", "nullable": True}},
        "$defs": {"b": {"type": "integer"}},
    }
    read = enforceable(schema, "s", lenient=True)
    assert read["properties"]["a"] == {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}
    assert "nullable" not in enforceable({"type": "string", "nullable": "yes"}, "s", lenient=True)


def test_a_wrong_type_beside_nullable_is_still_told() -> None:
    wrong: tuple[object, ...] = ("text", [], {})
    for kind in wrong:
        with pytest.raises(InvalidRequestError, match=r"s\.type: .* is none of array"):
            enforceable({"type": kind, "nullable": True}, "s")
    with pytest.raises(InvalidRequestError, match=r"s\.nullable: it must be true or false"):
        enforceable({"type": "string", "nullable": "yes"}, "s")


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 1):
        schema = {"items": schema}
    with pytest.raises(InvalidRequestError, match="nested 48 deep"):
        enforceable(schema, "s")
    for _ in range(100_000):
        schema = {"items": schema}
    with pytest.raises(InvalidRequestError, match="cannot be written as JSON"):
        enforceable(schema, "s")


def test_an_object_that_names_its_properties_is_closed() -> None:
    """Else a weak model goes on inventing more of them until its tokens are used up."""
    schema = {"title": "T", "properties": {"a": {"properties": {"b": {}}}}, "required": ["a"]}
    closed = enforceable(schema, "s")
    assert closed["additionalProperties"] is False
    assert closed["properties"]["a"]["additionalProperties"] is False
    assert "title" not in closed
    assert "additionalProperties" not in schema, "the caller's own is not touched"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"properties": {"a": {}}, "additionalProperties": True},
        {"properties": {"a": {}}, "required": ["b"]},
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}]},
        {"properties": {"a": {}}, "patternProperties": {"^x": {}}},
    ],
)
def test_an_object_that_must_stay_open_is_left_so(schema: dict[str, Any]) -> None:
    """Closing one part of what is combined would forbid the properties of the other."""
    assert enforceable(schema, "s") == schema


def test_lenient_leaves_out_what_is_not_implemented() -> None:
    """A tool's schema, unless it is strict, says what is wanted; its tool checks it again."""
    schema = {"not": {}, "format": "made-up", "type": "string", "x-guidance": {"lenient": False}}
    assert enforceable(schema, "s", lenient=True) == {
        "type": "string",
        "x-guidance": {"coerce_one_of": True},
    }


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        (r"^(?!\.)(?!.*\.\.)[^@]+@[^@]+$", False),
        (r"(?<=a)b", False),
        (r"(?>a)", False),
        (r"\bword\b", False),
        (r"(a)\1", False),
        (r"(?<x>a)\k<x>", False),
        (r"\cA", False),
        (r"^a|[]$", False),
        (r"^(?:a|(?<x>b)|(?i)c)$", True),
        (r"\(?=\\bad\/\.\_", True),
        (r"^\p{L}+\u0041\x41\d\s\w$", True),
    ],
)
def test_lenient_leaves_out_what_only_javascript_reads(pattern: str, kept: bool) -> None:
    """Schemas are made by libraries (zod writes look-ahead for an e-mail address), and a tool that
    could not be offered at all for it is of no use."""
    schema = {"type": "string", "format": "email", "pattern": pattern}
    read = enforceable(schema, "s", lenient=True)
    assert read["format"] == "email"
    assert (read.get("pattern") == pattern) == kept
    # Where grammars are made, in the same syntax.
    why = trial(LLTokenizer("byte"), json_grammar({"pattern": pattern}, spaced=False))
    assert (why == "") == kept
    assert enforceable(schema, "s")["pattern"] == pattern, "strict: told of by the engine"


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        (r"^[^]{1,9}$", r"^[\s\S]{1,9}$"),
        (r"^a[^]*[a-z][^]+\]$", r"^a[\s\S]*[a-z][\s\S]+\]$"),
        # No classes, or such as every syntax reads.
        (r"^\[^]$", None),
        (r"^[a[^]$", None),
        (r"^[\]^][^\]]$", None),
        # Python's for "no ]", which is Rust's too.
        (r"^[^]]+[^],]*$", None),
    ],
)
def test_javascript_s_class_of_all_characters_is_translated(pattern: str, read: str | None) -> None:
    """Rust's `regex` takes its end for a character: a tool with such a schema was refused."""
    for lenient in (False, True):
        schema = {"pattern": pattern, "patternProperties": {pattern: {}}}
        found = enforceable(schema, "s", lenient=lenient)
        assert found["pattern"] == (read or pattern)
        assert list(found["patternProperties"]) == [read or pattern]
    if read:
        grammar = json_grammar({"type": "string", "pattern": read}, spaced=False)
        assert trial(LLTokenizer("byte"), grammar) == ""


def test_classes_without_an_end_are_read_in_one_go() -> None:
    """Looking for the end of each would take minutes."""
    began = time.perf_counter()
    enforceable({"pattern": "[" * (MAX_SCHEMA - 100)}, "s", lenient=True)
    assert time.perf_counter() - began < 5


def test_a_name_that_cannot_be_checked_is_not_forbidden() -> None:
    names = {"patternProperties": {"^(?!a)": {}, "^b": {}}, "additionalProperties": False}
    read = enforceable(names, "s", lenient=True)
    assert read["patternProperties"] == {"^b": {}}
    assert read["additionalProperties"] is True


@pytest.mark.parametrize("lenient", [False, True])
def test_patterns_that_are_one_when_translated_both_hold(lenient: bool) -> None:
    """One of the schemas was lost, and then any property was allowed."""
    texts, short = {"type": "string"}, {"maxLength": 3}
    schema = {
        "type": "object",
        "patternProperties": {"^[^]$": texts, r"^[\s\S]$": short, "^bb": {}},
        "additionalProperties": False,
    }
    read = enforceable(schema, "s", lenient=lenient)
    assert read["patternProperties"] == {r"^[\s\S]$": {"allOf": [texts, short]}, "^bb": {}}
    assert read["additionalProperties"] is False
    assert trial(LLTokenizer("byte"), json_grammar(read, spaced=False)) == ""


def test_many_patterns_that_are_one_are_not_nested() -> None:
    """Each inside of the last, a thousand would be too deep to look through."""
    both = ("[^]", r"[\s\S]")
    names = ["".join(parts) for parts in itertools.product(both, repeat=10)]
    read = enforceable({"patternProperties": dict.fromkeys(names, True)}, "s")
    assert read["patternProperties"] == {r"[\s\S]" * 10: {"allOf": [True] * 1024}}
