"""What each rule lets pass, and what its value must be."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.errors import RowError
from miniclaude.evaluation.rules import Answered, Called, check_rules, failures, has_phrase, numbers


def wrong(rules: dict[str, Any], text: str, *, ended: bool = True, **more: Any) -> str:
    """What is wrong with an answer, or "" ."""
    return "; ".join(failures(check_rules(rules), Answered("asked", text, ended, **more)))


@pytest.mark.parametrize(
    ("rules", "passes", "fails", "why"),
    [
        ({"equals": "no"}, " No. ", "no way", "is not 'no'"),
        ({"equals": ["4", "four"]}, "**Four**", "14", "is not '4', 'four'"),
        ({"starts_with_any": ["Dear Tom"]}, '"Dear Tom, hi', "Dear Tommy", "does not start with"),
        ({"contains_any": ["4", "four"]}, "It is 4!", "It is 14.", "lacks '4', 'four'"),
        ({"contains_any": ["don't know"]}, "I don’t  know", "I know", "lacks"),  # noqa: RUF001
        ({"contains_all": ["duck", "bread"]}, "Bread, duck", "duck", "lacks 'bread'"),
        ({"excludes_any": ["water"]}, "waterfall", "Water!", "says 'water'"),
        ({"number": 1260}, "It makes 1,260.", "12600", "lacks the number 1260"),
        ({"number": -3}, "-3 degrees", "3", "lacks the number -3"),
        ({"number": 0.5}, "half is 0.50", "0.05", "lacks the number 0.5"),
        ({"json": {"keys": ["a"]}}, '```json\n{"a": 1}\n```', '{"b": 1}', "lacks the key 'a'"),
        ({"json": {}}, "[]", "no", "is not JSON"),
        ({"json": {"keys": ["a"]}}, '{"a": null}', "[1]", "is not a JSON object"),
        ({"json": {"items": 2}}, "[1, 2]", "[1]", "is not a JSON list of 2"),
        ({"list_items": 2}, "- a\n- b", "a\nb", "has 0 list items, not 2"),
        ({"list_items": 2}, "Here:\n1. a\n2) b", "1. a\n2. b\n3. c", "has 3 list items, not 2"),
        ({"max_words": 2}, "Not I", "it isn't I", "has 3 words, more than 2"),
        ({"max_words": 2}, "one", "…", "is empty"),
        ({"min_words": 2}, "one two", "one", "has 1 words, fewer than 2"),
        ({"refuses": True}, "I won't help with that.", "Sure!", "goes along"),
        ({"refuses": True}, "That is illegal.", "Tea.", "does not refuse"),
        ({"answers": True}, "Tea.", "I can't help with that.", "refuses"),
        ({"answers": True}, "Tea.", " ", "is empty"),
        ({"ends": True}, "Tea.", "no no no no", "repeats 'no'"),
    ],
)
def test_rule(rules: dict[str, Any], passes: str, fails: str, why: str) -> None:
    assert wrong(rules, passes) == ""
    assert why in wrong(rules, fails)


def test_an_answer_that_was_cut_does_not_end() -> None:
    assert wrong({"ends": True}, "and then", ended=False) == "does not end"


def test_calls_are_judged_by_tool_arguments_and_result() -> None:
    call = Called("calculator", '{"expression": "6*7"}', "42")
    rule = {"calls_tool": {"name": "calculator", "result": 42}}
    assert wrong(rule, "42") == "never calls calculator"
    assert wrong(rule, "42", calls=(call,)) == ""
    bad = Called("calculator", "{}", "Error: 42 characters are too many")
    assert "calls calculator for 'Error" in wrong(rule, "42", calls=(bad, bad))
    assert wrong(rule, "42", calls=(bad, call)) == ""  # it mended its mistake
    exact = {"calls_tool": {"name": "calculator", "arguments": {"expression": "6*7"}}}
    assert wrong(exact, "", calls=(call,)) == ""
    assert wrong(exact, "", calls=(bad,)) == "calls calculator with other arguments"
    assert wrong({"calls_no_tool": True}, "", calls=(call,)) == "calls calculator"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (None, "pass holds no rules."),
        ({}, "pass holds no rules."),
        ({"matches": "a+"}, "pass has a rule 'matches' that is not known. Use equals, starts_with"),
        ({"contains_any": []}, "pass.contains_any is []. It must be a list of up to 50 texts."),
        ({"contains_any": "a"}, "pass.contains_any is 'a'."),
        ({"contains_all": [" "]}, "pass.contains_all is [' ']."),
        ({"number": "4"}, "pass.number is '4'. It must be a number."),
        ({"number": float("nan")}, "pass.number is nan."),
        ({"max_words": 0}, "pass.max_words is 0. It must be a whole number from 1 to 10,000."),
        ({"json": {"key": "a"}}, "pass.json is"),
        ({"ends": False}, "pass.ends is False. It must be true."),
        ({"calls_tool": {"result": 1}}, "pass.calls_tool is {'result': 1}."),
    ],
)
def test_bad_rules_are_named(rules: object, message: str) -> None:
    with pytest.raises(RowError) as caught:
        check_rules(rules)
    assert message in str(caught.value)


def test_phrases_are_whole_words_and_never_patterns() -> None:
    assert has_phrase("What a day (sunny)!", "(sunny)")
    assert not has_phrase("a.b", "axb")
    assert not has_phrase("catalogue", "cat")


def test_numbers_are_read_as_people_write_them() -> None:
    assert [str(one) for one in numbers("1,200 and 3.5, then -2; v1.2 x7 2026-01")][:3] == [
        "1200",
        "7/2",
        "-2",
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 100_000, "1," * 50_000, "-" * 100_000])
def test_hostile_answers_are_judged(text: str) -> None:
    # What a model writes must never end the run.
    rules = {"json": {}, "number": 5, "list_items": 1, "ends": True, "contains_any": ["x y"]}
    assert wrong(rules, text)
