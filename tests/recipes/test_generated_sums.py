"""Sums, dates, times and units worked out again, from the text of the question alone."""

from __future__ import annotations

import ast
import calendar
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from miniclaude.data.conversation import write_tools
from miniclaude.tools.calculator import CALCULATOR
from recipes.bundled.generators.numbers import in_words, written
from recipes.bundled.generators.table import generate
from recipes.bundled.generators.wording import SLIPS

ROWS = 3000
OPERATIONS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
WORDS = {in_words(number): number for number in range(9999, -1, -1)}
MEANT = {slip: word for word, slips in SLIPS.items() for slip in slips}
DAYS, MONTHS = list(calendar.day_name), list(calendar.month_name)[1:]


def value(expression: str) -> Fraction:
    """The value of an expression of numbers, + - * / ^ and brackets."""

    def of(node: ast.AST) -> Fraction:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return Fraction(of(node.left) ** int(of(node.right)))
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](of(node.left), of(node.right))
        assert isinstance(node, ast.Constant)
        return Fraction(ast.get_source_segment(expression, node) or "")

    return of(ast.parse(expression, mode="eval").body)


def exchanges(name: str, rows: int = ROWS, seed: int = 11) -> Iterator[tuple[str, str]]:
    """What the user says and what the assistant answers, of rows without tools."""
    for row in generate(name, rows, seed):
        messages: Any = row["messages"]
        turns = [one for one in messages if one["role"] != "system"]
        for asked, answered in zip(turns[::2], turns[1::2], strict=True):
            yield meant(asked["content"]), answered["content"]


def meant(text: str) -> str:
    """The text without slips of the keyboard."""
    return re.sub(r"(?<![A-Za-z])[a-z']+", lambda word: MEANT.get(word[0], word[0]), text)


def numbers(text: str) -> list[Fraction]:
    """The numbers of a text in digits or in words, in order."""
    text = re.sub(r"(?<=\d)x(?=\d)", " x ", text.lower())
    words = re.findall(r"\d+(?:\.\d+)?|[a-z]+(?:-[a-z]+)?", text)
    found: list[Fraction] = []
    place = 0
    while place < len(words):
        length = next(
            (n for n in range(6, 0, -1) if " ".join(words[place : place + n]) in WORDS), 0
        )
        if length:
            found.append(Fraction(WORDS[" ".join(words[place : place + length])]))
        elif words[place][0].isdigit():
            found.append(Fraction(words[place]))
        place += length or 1
    return found


def test_numbers_in_words_are_those_that_are_said() -> None:
    assert in_words(0) == "zero"
    assert in_words(21) == "twenty-one"
    assert in_words(300) == "three hundred"
    assert in_words(845) == "eight hundred and forty-five"
    assert in_words(9007) == "nine thousand and seven"
    assert in_words(4310) == "four thousand three hundred and ten"
    assert len(WORDS) == 10_000, "no two numbers have the same name"
    assert [written(Fraction(n)) for n in ("1/2", "100", "-7/4", "0")] == [
        "0.5",
        "100",
        "-1.75",
        "0",
    ]


FACTORS = {
    **{"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10, "double": 2, "twice": 2},
    **{"triple": 3, "three times": 3, "ten times": 10, "percent": 100, "per cent": 100, "%": 100},
    **{"square": 2, "cube": 3},
}
"""Numbers that are said by a word."""


def test_the_calculator_is_asked_what_the_user_asked_and_gives_the_result() -> None:
    """A wrong expression would teach the model to trust a tool that it fed with something else."""
    calls = 0
    kinds: Counter[str] = Counter()
    for row in generate("calculator", ROWS, 12):
        messages: Any = row["messages"]
        result = ""
        for place, message in enumerate(messages):
            if not message.get("tool_calls"):
                continue
            calls += 1
            [call] = message["tool_calls"]
            assert call["function"]["name"] == "calculator"
            expression = json.loads(call["function"]["arguments"])["expression"]
            question = messages[place - 1]["content"].lower()
            known = numbers(question)
            known += [Fraction(n) for word, n in FACTORS.items() if word in question]
            # The sum before may be gone on from: "And plus 10?"
            known += [Fraction(result)] if result else []
            used = [Fraction(n) for n in re.findall(r"\d+(?:\.\d+)?", expression)]
            assert all(number in known for number in used), (question, expression)
            result = messages[place + 1]["content"]
            assert messages[place + 1]["role"] == "tool"
            answer = messages[place + 2]["content"]
            if expression.endswith("/ 0"):
                assert result.startswith("Error: ")
                assert re.search("zero", answer)
                result, kinds["zero"] = "", kinds["zero"] + 1
                continue
            expected = value(expression)
            assert abs(Fraction(result) - expected) < Fraction(1, 10**8)
            told = numbers(re.sub(r"\d+\^\d+ (?:=|is)", "", answer).rstrip("."))
            if re.search("(?i)about|roughly", answer):
                assert abs(told[-1] - expected) <= Fraction(1, 200), (answer, expected)
                kinds["rounded"] += 1
            else:
                assert told[-1] == Fraction(result) == expected, (answer, result)
                kinds["exact"] += 1
    assert calls > 2000
    assert min(kinds["zero"], kinds["rounded"]) > 20
    named = {row["kind"] for row in generate("calculator", 300, 1)}
    assert named == {"calculator", "calculator-not-needed"}


def test_the_calculator_is_mostly_offered_as_the_product_does() -> None:
    """A model that only ever saw it described otherwise would have to guess."""
    ours = write_tools([CALCULATOR])[0]
    rows: list[Any] = list(generate("calculator", 500, 14))
    share = sum(ours in row["tools"] for row in rows) / len(rows)
    assert 0.5 < share < 0.7


BACK, TIMES = "subtract|take N away", "does N go into"
SIGNS = (
    ("*", "N times N", "N ?[x*] ?N", "multiplied by", "multiply", "product", "N taken N times"),
    ("/", "divided by", "N ?[/÷] ?N", "N over N", "divide N", "share N", "split N", TIMES),
    ("-", "N minus N", "N ?- ?N", "take away", "N less N", "difference", "and then N less", BACK),
    ("+", "N plus N", r"N ?\+ ?N", "N and N together", "add", "sum", "make together"),
)
"""Signs, and words that stand for them where two numbers are asked about. N: a number."""


def test_sums_in_the_head_are_right() -> None:
    checked = 0
    for question, answer in exchanges("arithmetic"):
        found = numbers(question)
        text = re.sub("[a-z]+(?:-[a-z]+)?", lambda m: str(WORDS.get(m[0], m[0])), question.lower())
        if len(found) != 2 or re.search("ha[sd]|have|there|far|more|how many are|less than", text):
            continue
        for sign, *patterns in SIGNS:
            if re.search("|".join(patterns).replace("N", r"\d+"), text):
                first, second = (
                    found[::-1]
                    if re.search(f"{BACK}|{TIMES}".replace("N", r"\d+"), text)
                    else found
                )
                expected = value(f"{first} {sign} {second}")
                assert numbers(answer)[-1] == expected, (question, answer)
                checked += 1
                break
        else:
            raise AssertionError(f"What does {question!r} ask?")
    assert checked > 1400


def test_stories_in_the_head_are_right() -> None:
    checked = 0
    for question, answer in exchanges("arithmetic"):
        found = numbers(question)
        text = question.lower()
        if len(found) != 2 or not re.search("many|left", text) or re.search("times|each", text):
            continue
        less = re.search(r"left|loses|still|give away|take", text)
        if re.search(r"\bhas\b|\bhave\b|there are|there is|had", text):
            expected = found[0] - found[1] if less else found[0] + found[1]
            assert numbers(answer)[-1] == expected, (question, answer)
            checked += 1
    assert checked > 200


def test_days_and_months_are_right() -> None:
    checked = 0
    for question, answer in exchanges("calendar"):
        text = question.lower()
        for names, unit in ((DAYS, "days"), (MONTHS, "months")):
            named = [name for name in names if re.search(rf"\b{name.lower()}\b", text)]
            if len(named) != 1:
                continue
            place = names.index(named[0])
            steps = re.search(rf"(\d+) {unit}", text)
            if steps:
                step = int(steps[1])
                step *= -1 if re.search("before|ago", text) else 1
            elif re.search("tomorrow|after|follow|next", text):
                step = 1
            elif re.search("yesterday|before", text):
                step = -1
            else:
                continue
            if unit == "days" and re.search("week", text):
                continue
            expected = names[(place + step) % len(names)]
            assert expected in answer, (question, answer)
            checked += 1
    assert checked > 1500


def test_lengths_of_months_and_years_are_right() -> None:
    checked = 0
    for question, answer in exchanges("calendar"):
        year = re.search(r"\b(?:19|20|21)\d\d\b", question)
        text = question.lower()
        if year:
            leap = calendar.isleap(int(year[0]))
            if "leap" in text or "29 days" in text:
                assert answer.startswith("Yes" if leap else "No"), (question, answer)
            else:
                days = (29 if leap else 28) if "feb" in text else 366 if leap else 365
                assert re.search(rf"\b{days}\b", answer), (question, answer)
            checked += 1
        for number, month in enumerate(MONTHS, 1):
            if not year and re.search(
                rf"days.*\b{month.lower()}\b|\b{month.lower()}\b.*days", text
            ):
                assert str(calendar.monthrange(2023, number)[1]) in answer, (question, answer)
                checked += 1
            named = rf"\b{month.lower()}\b"
            asked = rf"number (?:is )?(?:the month )?{named}|{named} among|{named} is which"
            if re.search(asked, text):
                assert re.search(rf"\b{number}\b", answer), (question, answer)
                checked += 1
    assert checked > 800


TIME = r"(\d{1,2}):(\d\d)(?: (am|pm))?"


def minutes(found: tuple[str, str, str]) -> int:
    hour = int(found[0]) % 12 + (12 if found[2] == "pm" else 0) if found[2] else int(found[0])
    return hour * 60 + int(found[1])


def lasting(text: str) -> int:
    units = {"hour": 60, "minute": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+) (hour|minute)", text))


def test_times_of_day_are_right() -> None:
    checked = 0
    for question, answer in exchanges("clock"):
        text = question.lower()
        times = [minutes(one) for one in re.findall(TIME, text)]
        told = [minutes(one) for one in re.findall(TIME, answer)]
        length = 0 if "clock" in text else lasting(text)
        if len(times) == 2 and re.search("earlier|first", text):
            assert told == [min(times)], (question, answer)
        elif len(times) == 2 and "later" in text:
            assert told == [max(times)], (question, answer)
        elif len(times) == 2:
            assert lasting(answer) == times[1] - times[0], (question, answer)
        elif length:
            back = re.search("before|ago|earlier|should", text)
            assert told == [times[0] - length if back else times[0] + length], (question, answer)
        else:
            assert told == times, (question, answer)
        checked += 1
    assert checked == ROWS


BASE: dict[str, Fraction | int] = {
    **{"km": 1000, "kilometre": 1000, "m": 1, "metre": 1, "cm": Fraction(1, 100)},
    **{"centimetre": Fraction(1, 100), "mm": Fraction(1, 1000), "millimetre": Fraction(1, 1000)},
    **{"kg": 1000, "kilogram": 1000, "g": 1, "gram": 1, "t": 1_000_000, "tonne": 1_000_000},
    **{"l": 1000, "litre": 1000, "ml": 1, "millilitre": 1, "h": 3600, "hour": 3600, "min": 60},
    **{"minute": 60, "s": 1, "second": 1, "day": 86_400, "week": 604_800, "year": 12, "month": 1},
    **{"dollar": 100, "cent": 1, "dozen": 12, "egg": 1},
}


def amounts(text: str) -> list[Fraction]:
    """The amounts in a text, in a unit that all of their kind share."""
    text = re.sub(r"\ban? (?=[a-z])", "1 ", text.lower())
    found = []
    for number, unit in re.findall(r"(\d+(?:\.\d+)?) ([a-z]+)", text):
        unit = unit if unit in BASE else unit.removesuffix("s")
        if unit in BASE:
            found.append(Fraction(number) * BASE[unit])
    return found


def test_units_are_right() -> None:
    checked = 0
    for question, answer in exchanges("units"):
        asked, told = amounts(question), amounts(answer)
        if len(asked) == 2:
            more = max(asked)
            if question.lower().startswith("is "):
                assert answer.startswith("Yes" if asked[0] > asked[1] else "No"), (question, answer)
            assert all(amount == more for amount in told), (question, answer)
        else:
            assert len(asked) == 1, question
            assert set(told) == set(asked), (question, answer)
        checked += 1
    assert checked == ROWS


def test_the_date_is_read_from_the_tool() -> None:
    for row in generate("today", 1000, 13):
        question, _, tool, answer = (message["content"] for message in row["messages"])  # type: ignore[attr-defined]
        day = datetime.strptime(tool, "%A, %d %B %Y").date()
        text = question.lower()
        if "tomorrow" in text:
            day += timedelta(days=1)
        if "monday" in text:
            assert answer == (
                "Yes, it is Monday." if day.weekday() == 0 else f"No, it is {day:%A}."
            )
        elif "date" in text:
            assert f"{day:%A}, {day.day} {day:%B %Y}" in answer
        elif "year" in text:
            assert str(day.year) in answer
        elif "month" in text:
            assert f"{day:%B}" in answer
        else:
            assert f"{day:%A}" in answer, (question, answer)
    assert date(2024, 1, 1).weekday() == 0
