"""What is wrong with a schema is said before it is compiled, in our words and with its place."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.engine.json_schema import enforceable
from miniclaude.engine.schema_check import COUNTS, NUMBERS
from miniclaude.errors import InvalidRequestError

ITSELF = {"$ref": "#"}


def told(schema: dict[str, Any]) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        enforceable(schema, "s")
    assert caught.value.code == "invalid_schema"
    return caught.value


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (ITSELF, "s.$ref"),
        ({"allOf": [ITSELF]}, "s.allOf[0].$ref"),
        ({"anyOf": [ITSELF, {"allOf": [ITSELF]}]}, "s.anyOf[0].$ref"),
        (an_object(child=ITSELF), "s.properties.child.$ref"),
        ({"type": ["array"], "items": ITSELF, "minItems": 1}, "s.items.$ref"),
        ({"type": "array", "prefixItems": [{}, ITSELF], "minItems": 2}, "s.prefixItems[1].$ref"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": an_object(b={"$ref": "#/$defs/b"}),
                    "b": an_object(n={}, a={"$ref": "#/$defs/a"}),
                },
            },
            "s.$defs.b.properties.a.$ref",
        ),
    ],
)
def test_a_schema_without_end_is_refused_where_it_leads_back(
    schema: dict[str, Any], place: str
) -> None:
    """Some of these made the library stop with a word of its own, the others made an answer that
    opened one object inside of another until its tokens were used up."""
    error = told(schema)
    assert error.param == place
    told_so = "it leads back into itself without end: each value would have to hold another one."
    assert error.message == f"{place}: {told_so}"
    assert "Leave it out of `required`" in error.hint
    assert '{"type": "null"}' in error.hint


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"child": ITSELF}},
        an_object(child={"anyOf": [ITSELF, {"type": "null"}]}),
        an_object(children={"type": "array", "items": ITSELF}),
        {"type": "array", "items": ITSELF},
        {"type": "array", "prefixItems": [{}, ITSELF], "minItems": 1},
        {"properties": {"child": ITSELF}, "required": ["child"]},
        {"$defs": {"never": {"$ref": "#/$defs/never"}}, "type": "string"},
        {"const": 1, "allOf": [ITSELF]},
    ],
)
def test_a_schema_that_refers_to_itself_and_ends_is_taken(schema: dict[str, Any]) -> None:
    """A tree is one: what has no child, an empty list, or null there ends it."""
    enforceable(schema, "s")


def test_a_long_way_through_references_is_walked_once() -> None:
    """A chain of thousands must not be gone through anew for each of its links."""
    links: dict[str, Any] = {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(3000)}
    enforceable({"$ref": "#/$defs/0", "$defs": {**links, "3000": {}}}, "s")
    links["3000"] = {"$ref": "#/$defs/0"}
    assert told({"$ref": "#/$defs/0", "$defs": links}).param == "s.$defs.3000.$ref"


@pytest.mark.parametrize("reference", ["#/$defs/none", "#anchor", "#/anyOf/2", "#/title"])
def test_a_reference_to_nothing_is_named(reference: str) -> None:
    error = told({"title": "t", "anyOf": [{"type": "null"}, {"$ref": reference}]})
    assert error.param == "s.anyOf[1].$ref"
    assert f"nothing stands at {reference!r} in the schema" in error.message
    assert "#/$defs/name" in error.hint


def test_names_in_references_are_read_as_they_are_written() -> None:
    named: dict[str, Any] = {"a b": {}, "c/d": {}, "e~f": {}}
    for reference in ("#/$defs/a%20b", "#/$defs/c~1d", "#/$defs/e~0f"):
        enforceable({"$ref": reference, "$defs": named}, "s")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "strin"}, "s.type: 'strin' is none of array, boolean, integer, null, number"),
        ({"type": ["string", 3]}, "s.type: '3' is none of"),
        ({"items": {"type": []}}, "s.items.type: '[]' is none of"),
        ({"required": "a"}, "s.required: it must be a list of property names."),
        ({"required": [1]}, "s.required: it must be a list of property names."),
        ({"enum": []}, "s.enum: it must be a list of values, and not empty."),
        ({"pattern": 3}, "s.pattern: it must be a text."),
        ({"minimum": "3"}, "s.minimum: it must be a number."),
        ({"maximum": True}, "s.maximum: it must be a number."),
        ({"multipleOf": 0}, "s.multipleOf: it must be greater than 0."),
        ({"minLength": 1.5}, "s.minLength: it must be a whole number, 0 or greater."),
        ({"maxItems": -1}, "s.maxItems: it must be a whole number, 0 or greater."),
        ({"minimum": 3, "maximum": 1}, "s.minimum: it is 3, and maximum is 1: nothing lies"),
        ({"anyOf": [{"minItems": 2, "maxItems": 1}]}, "s.anyOf[0].minItems: it is 2, and maxItems"),
    ],
)
def test_values_that_a_keyword_does_not_take(schema: dict[str, Any], message: str) -> None:
    error = told(schema)
    assert error.message.startswith(message)
    assert error.param == message.partition(":")[0]


HUGE = 10**400


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *((keyword, HUGE) for keyword in (*NUMBERS, *COUNTS, "const")),
        ("minimum", -HUGE),
        ("enum", [1, {"a": [HUGE]}]),
    ],
    ids=lambda value: str(value)[:16],
)
def test_a_number_of_hundreds_of_digits_is_named(keyword: str, value: object) -> None:
    """Python could not compare it with a floating point number, and the request ended as a fault of
    the server's; in `const` and `enum` it was refused without its place."""
    error = told({"properties": {"a": {keyword: value}}})
    assert error.param == f"s.properties.a.{keyword}"
    assert "beyond what 64 bits of floating point hold" in error.message


@pytest.mark.parametrize("value", [2**64 - 1, 1.5e308, -(10**308)])
def test_a_large_number_that_has_its_place_is_taken(value: float) -> None:
    """Programs in Rust and Go write the largest value of 64 bits into their schemas."""
    enforceable({"maximum": value, "const": value}, "s")
