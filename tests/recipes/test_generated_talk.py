"""Passages are answered from their text alone, and what was told is remembered word for word."""

from __future__ import annotations

import json
import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from recipes.bundled.generators.memory import NEVER, THINGS
from recipes.bundled.generators.numbers import ONES
from recipes.bundled.generators.passages import LONGEST, NOT_SAID, SCENES, written
from recipes.bundled.generators.scene import MakeScene
from recipes.bundled.generators.table import generate
from recipes.bundled.generators.tools import SORRY
from recipes.bundled.generators.wording import each_word

SMALL = frozenset(
    each_word(
        "a an the it is was were are has have had in on at to from of for there they them she he"
        " her his did does do no not yes by with that so like best will would be called name what"
        " who writer everything should you can one out love loves kind about s lie lies lived moved"
        " turned guests goes born went bring wrote starts started closed 3 party ate used stayed"
        " nothing"
        " because"
    )
)
"""Words of answers that say nothing of their own."""


def content(text: str) -> set[str]:
    """The words of a text that say something, numbers in digits."""
    numbers = {word: str(number) for number, word in enumerate(ONES)}
    words = re.findall(r"[a-z0-9]+(?::\d\d)?", text.lower())
    return {numbers.get(word, word) for word in words} - SMALL


@pytest.mark.parametrize("make", SCENES)
def test_answers_come_from_the_sentence_that_answers(make: MakeScene) -> None:
    """A template with the wrong variable in it answers fluently and falsely."""
    for seed in range(60):
        scene = make(Random(seed))
        opening = " ".join(fact.sentence for fact in scene.first)
        for fact in (*scene.first, *scene.more):
            for asked in fact.asked:
                for question in asked.questions:
                    assert question.endswith("?"), question
                    assert "  " not in question
                    assert question not in scene.unknown
                for answer in asked.answers:
                    known = content(f"{opening} {fact.sentence} {' '.join(asked.questions)}")
                    assert content(answer) <= known, (
                        fact.sentence,
                        answer,
                        content(answer) - known,
                    )
                    assert answer[0].isupper() or answer[0].isdigit(), answer
        first = {
            question for fact in scene.first for one in fact.asked for question in one.questions
        }
        more = {question for fact in scene.more for one in fact.asked for question in one.questions}
        assert not first & more, "what is left out must not be answered by what stays"


def test_tools_are_called_with_what_the_user_said() -> None:
    """A call with an invented argument does something that nobody asked for."""
    kinds: Counter[str] = Counter()
    for row in generate("tools", 2000, 23):
        messages: Any = row["messages"]
        offered: Any = row["tools"]
        schemas = {one["function"]["name"]: one["function"]["parameters"] for one in offered}
        assert len(schemas) == len(offered), "no tool is offered twice"
        kinds[str(row["kind"])] += 1
        calls = [one for one in messages if one.get("tool_calls")]
        assert len(calls) == (row["kind"] == "tools")
        if not calls:
            continue
        [call] = calls[0]["tool_calls"]
        arguments = json.loads(call["function"]["arguments"])
        schema = schemas[call["function"]["name"]]
        assert list(arguments) == schema["required"] == list(schema["properties"])
        said, answer = messages[0]["content"].lower(), messages[3]["content"]
        for name, value in arguments.items():
            assert re.search(rf"\b{re.escape(str(value).lower())}\b", said), (said, value)
            kind = schema["properties"][name]["type"]
            assert isinstance(value, int if kind == "integer" else str)
        result = messages[2]["content"]
        if result.startswith("error"):
            assert answer in SORRY
            kinds["failed"] += 1
        elif call["function"]["name"] in ("get_weather", "get_time", "translate"):
            assert result.lower() in answer.lower()
    assert min(kinds.values()) > 60
    assert set(kinds) == {"tools", "tools-not-needed", "tools-none-fits", "failed"}


def test_a_text_says_what_it_is_said_to_say() -> None:
    for seed in range(300):
        random = Random(seed)
        scene = SCENES[seed % len(SCENES)](random)
        text, stated, left_out = written(random, scene)
        assert len(stated) <= LONGEST
        assert all(fact.sentence in text for fact in stated)
        assert not any(fact.sentence in text for fact in left_out)
        assert set(scene.first) <= set(stated)


def test_a_quarter_of_the_questions_is_not_answered_by_the_text() -> None:
    """A model that never saw one would answer everything with a word from the text."""
    answers: list[str] = []
    turns: Counter[int] = Counter()
    for row in generate("passages", 3000, 21):
        messages: Any = row["messages"]
        turns[len(messages) // 2] += 1
        answers += [one["content"] for one in messages if one["role"] == "assistant"]
    missing = sum(answer in NOT_SAID for answer in answers)
    assert 0.21 < missing / len(answers) < 0.28
    assert min(turns[2], turns[3]) > 300


def pattern(said: str) -> str:
    """An answer as a pattern whose group is the value."""
    return re.sub(r"\\\{[vV]\\\}", "(.+?)", re.escape(said))


def test_what_was_told_is_said_back_exactly_and_nothing_else_is_known() -> None:
    """The old model answered "What is my name?" with somebody else's."""
    questions = {
        question.lower().rstrip("?"): key for key, one in THINGS.items() for question in one.ask
    }
    remembered: Counter[bool] = Counter()
    for row in generate("memory", 3000, 22):
        messages: Any = row["messages"]
        for place, message in enumerate(messages):
            if message["role"] != "user":
                continue
            text = message["content"].lower().rstrip("?")
            key = next((key for asked, key in questions.items() if text.endswith(asked)), None)
            if key is None:
                continue
            answer = messages[place + 1]["content"]
            earlier = [one["content"] for one in messages[:place] if one["role"] == "user"]
            before = " ".join(earlier).lower()
            if answer in NEVER:
                for tell in THINGS[key].tell:
                    start = tell.split("{")[0].strip().lower()
                    if len(start) > 8:
                        assert start not in before or key in ("name", "job"), (key, before)
                remembered[False] += 1
                continue
            values = [
                found[1].lower().replace("your ", "my ")
                for said in THINGS[key].answers
                if (found := re.fullmatch(pattern(said), answer))
            ]
            assert any(value in before for value in values), (answer, before)
            remembered[True] += 1
    assert remembered[True] > 2000
    assert remembered[False] > 400
