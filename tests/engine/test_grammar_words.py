"""What the library cannot do with a schema is told in our words, its own behind them; and how many
properties an object may have."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.engine.grammar import json_grammar
from miniclaude.engine.grammar_check import SHARED, refused
from miniclaude.engine.json_schema import MAX_PROPERTIES, enforceable
from miniclaude.engine.matching import Grammars
from miniclaude.errors import InvalidRequestError
from tests.engine.tiny import ByteVocabulary

RAW = ("Parser Error", "grammar left-recursive", "Failed to generate", "Regex is empty", "Some(")


def grammar(schema: dict[str, Any]) -> str:
    return json_grammar(enforceable(schema, "s"), spaced=False)


def an_object(count: int, prefix: str = "p", **more: Any) -> dict[str, Any]:
    """None of its properties is required."""
    properties = {f"{prefix}{n}": {"type": "integer"} for n in range(count)}
    return {"type": "object", "properties": properties, **more}


@pytest.mark.parametrize(
    "more", [{}, {"additionalProperties": True}, {"patternProperties": {"^x": {}, "^y": {}}}]
)
def test_an_object_may_have_as_many_properties_as_is_said(more: dict[str, Any]) -> None:
    """From 501 on that may be left out, it was refused at the answer's first character, in the
    middle of a stream."""
    matcher = Grammars(ByteVocabulary(), 260).compile(grammar(an_object(MAX_PROPERTIES, **more)))
    for byte in b'{"p1": 1, "p998": 12, "p999": 3}':
        assert matcher.allowed()[byte], chr(byte)
        matcher.take(byte)
        assert matcher.error is None
    assert matcher.complete


@pytest.mark.parametrize("how", ["anyOf", "allOf"])
def test_more_at_one_place_are_refused_before_an_answer_begins(how: str) -> None:
    fits = {how: [an_object(550), an_object(550, "q")]}
    SHARED.check(grammar(fits))
    with pytest.raises(InvalidRequestError, match="too many properties that may be left") as caught:
        SHARED.check(grammar({how: [an_object(600), an_object(600, "q")]}))
    assert caught.value.code == "invalid_grammar"
    assert "Name more of them in `required`" in caught.value.hint
    assert not any(word in str(caught.value) for word in RAW)


@pytest.mark.parametrize(
    ("schema", "reason", "cure"),
    [
        (
            {"type": "string", "pattern": "^a$", "minLength": 5},
            r"no text fits all that is asked of it together: .*/\^a\$/",
            "bounds of its length",
        ),
        (
            {"type": "integer", "minimum": 2**63 - 1},
            "bounds of a number are too large to be followed: min=9223372036854775807",
            "between -1e18 and 1e18",
        ),
        (
            {"type": "number", "minimum": -1e300, "maximum": 1e300},
            "bounds of a number are too large to be followed: min=-1e300, max=1e300",
            "between -1e18 and 1e18",
        ),
        (
            {"type": "object", "patternProperties": {"^b": {}, "b$": {"type": "integer"}}},
            r"a name could fit two of its patternProperties: /\^b/ and /b\$/",
            "of which no name fits two",
        ),
        (
            {**an_object(2), "minProperties": 2},
            "minProperties and maxProperties cannot be followed beside",
            "name every property in `required`",
        ),
    ],
)
def test_what_the_library_cannot_do_is_told_in_our_words(
    schema: dict[str, Any], reason: str, cure: str
) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        SHARED.check(grammar(schema))
    assert cure in caught.value.hint
    assert not any(word in str(caught.value) for word in RAW)


def test_long_words_of_the_library_are_cut() -> None:
    """Of a format they are an expression of half a page."""
    for why in ("Regex is empty:  (And " + "x" * 500, "some new word " + "x" * 500):
        assert len(str(refused("It cannot be compiled", why))) < 400
    assert "asks for what cannot be followed here (some new word x" in str(
        refused("It cannot be compiled", "some new word x")
    )


@pytest.mark.parametrize("keyword", ["Length", "Items", "Properties"])
def test_counts_that_no_answer_reaches(keyword: str) -> None:
    """A library that writes its largest integer for "no limit" was told of an expression that
    nobody had written."""
    kind = {"Length": "string", "Items": "array", "Properties": "object"}[keyword]
    free = {"type": kind, f"max{keyword}": 2**63 - 1}
    assert enforceable(free, "s") == {"type": kind}
    SHARED.check(grammar(free))
    with pytest.raises(InvalidRequestError, match=f"s.min{keyword}: it is beyond 4,294,967,295"):
        enforceable({"type": kind, f"min{keyword}": 2**63 - 1}, "s")
    whole = {"type": kind, f"max{keyword}": 3.0}
    assert str(enforceable(whole, "s")[f"max{keyword}"]) == "3"
    SHARED.check(grammar(whole))
