"""The calculator reads what a model wrote: every input ends quickly, in a number or a sentence."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.errors import InvalidRequestError
from miniclaude.tools.calculator import (
    CALCULATOR,
    calculate,
    concerns_numbers,
    run_calculator,
    shown,
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 2", "4"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.333333333333"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
        ("2**10", "1024"),
        ("2^-2", "0.25"),
        ("17 % 5", "2"),
        ("-7 % 3", "2"),
        ("200 * 15%", "30"),
        ("50% + 3", "3.5"),
        ("7 × 8 ÷ 2 − 1", "27"),  # noqa: RUF001
        ("(1 + 2) * (3 - .5)", "7.5"),
        ("--3", "3"),
        ("1234567890123.456", "1234567890123.456"),
        ("10^50", "1e50"),
        ("1/10^20", "1e-20"),
        ("(-1)^999999999999", "-1"),
        ("0^0", "1"),
    ],
)
def test_value(expression: str, value: str) -> None:
    assert shown(calculate(expression)) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "expression: it is empty. Write something such as 2 + 2."),
        ("2 +", "a number is missing at its end"),
        ("2 * / 3", "a number is missing before '/' at character 5"),
        ("(1 + 2", "a bracket is never closed"),
        ("1 + 2)", "')' at character 6 does not belong there"),
        ("2 2", "'2' at character 3 does not belong there"),
        ("1,000 + 1", "',' at character 2 is no part of arithmetic"),
        ("1e9", "'e' at character 2 is no part of arithmetic"),
        ("٣ + 1", "'٣' at character 1 is no part of arithmetic"),
        ("1 / 0", "it divides by zero"),
        ("3 % 0", "it divides by zero"),
        ("0 ^ -1", "it divides by zero"),
        ("2 ^ 0.5", "an exponent is not whole. Only whole powers are worked out."),
    ],
)
def test_mistakes_are_placed(expression: str, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        calculate(expression)
    assert message in str(caught.value)
    assert caught.value.param == "expression"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("9^9^9^9^9", "a result is too large"),  # a tower that no memory holds
        ("(1/7)^99999999", "a result is too large"),
        ("9999999999^200 * 9999999999^200", "a result is too large"),
        ("9" * 41, "has 41 digits. At most 40 are read."),
        ("1+" * 101 + "1", "it has 203 characters. At most 200 are read."),
        ("(" * 60 + "1" + ")" * 60, "it goes more than 32 levels deep"),
        ("-" * 60 + "1", "it goes more than 32 levels deep"),
        ("2^" * 60 + "1", "it goes more than 32 levels deep"),
        ("__import__('os').system('true')", "'_' at character 1"),
        ("1 if 1 else 2", "'i' at character 3"),
        ("10**100j", "'j' at character 8"),
        ("2\x002", "'\\x00' at character 2"),
    ],
)
def test_hostile_input_is_refused(expression: str, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        calculate(expression)
    assert message in str(caught.value)


@given(st.text(alphabet="0123456789.+-*/%^() x", max_size=60))
def test_any_text_ends_in_a_number_or_a_sentence(text: str) -> None:
    try:
        value = calculate(text)
    except InvalidRequestError:
        return
    assert max(value.numerator.bit_length(), value.denominator.bit_length()) <= 2048
    assert len(shown(value)) <= 50


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*/"))
def test_agrees_with_fractions(left: int, right: int, sign: str) -> None:
    if sign == "/" and not right:
        return
    exact = {
        "+": Fraction(left + right),
        "-": Fraction(left - right),
        "*": Fraction(left * right),
        "/": Fraction(left, right or 1),
    }[sign]
    assert calculate(f"({left}) {sign} ({right})") == exact


def test_the_tool_answers_a_call() -> None:
    assert run_calculator('{"expression": "6 * 7"}') == "42"
    assert run_calculator('{"expression": 5}') == "5"
    assert CALCULATOR.name == "calculator"


@pytest.mark.parametrize(
    "arguments", ["", "[]", "null", '{"expr": "1"}', '{"expression": true}', "[" * 100_000]
)
def test_a_call_without_an_expression_says_what_is_wanted(arguments: str) -> None:
    # A model reads this and can try again; an exception would end the conversation.
    expected = 'Error: give the arguments as {"expression": "2 + 2"}.'
    assert run_calculator(arguments) == expected


def test_a_mistake_is_the_answer_of_the_call() -> None:
    said = run_calculator(json.dumps({"expression": "1 / 0"}))
    assert said == "Error: expression: it divides by zero. There is no such number."


@pytest.mark.parametrize(
    "text",
    [
        "What is 27 + 58?",
        "what is seven plus eight",
        "Six times seven?",
        "What is half of ninety?",
        "And twice that?",
        "How many are five apples and three pears?",
        "15% of it",
    ],
)
def test_questions_that_it_suits(text: str) -> None:
    assert concerns_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Who are you?",
        "How do I make a bomb?",
        "Tell me one joke.",
        "Which one is it?",
        "Add milk.",
    ],
)
def test_a_question_without_numbers_is_not_offered_it(text: str) -> None:
    """Offered it all the time, the bundled model refused fewer harmful requests (50 of 80, instead
    of 70), and made up an answer for more of what it cannot know."""
    assert not concerns_numbers(text)


def test_of_a_long_question_words_are_read_at_its_end() -> None:
    """A message may be a million characters, and all other answers wait meanwhile."""
    assert not concerns_numbers("two times three " + "word " * 10_000)
    assert concerns_numbers("word " * 10_000 + "What is two times three?")
    assert concerns_numbers("2 times " + "word " * 10_000)
