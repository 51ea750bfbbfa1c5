"""Answers about words, order, lists, forms and countries, checked against the question's text."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from recipes.bundled.generators.categories import CATEGORIES, many
from recipes.bundled.generators.countries import FILE, countries
from recipes.bundled.generators.countries_from_factbook import derive
from recipes.bundled.generators.lists import APART, plural
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.word_tables import (
    IRREGULAR_PLURALS,
    OPPOSITES,
    PAST,
    RHYMES,
    SHORT_WORDS,
    SYNONYMS,
)
from recipes.bundled.generators.world_tables import NUMBERS, ONE_WORD, YES_NO
from tests.recipes.test_generated_sums import WORDS, exchanges

ORDERED = ("months", "planets", "days of the week", "seasons")
COUNTS = {in_words(number): number for number in range(2, 10)}


def integers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def test_numbers_are_sorted_compared_and_continued_rightly() -> None:
    checked: Counter[str] = Counter()
    for question, answer in exchanges("ordering"):
        text = question.lower()
        given, told = integers(text), integers(answer)
        spelt = [WORDS[word] for word in re.findall("[a-z]+(?:-[a-z]+)?", text) if word in WORDS]
        if len(spelt) == 2 and not given:
            given = spelt
            told = [
                WORDS[w] for w in re.findall("[a-z]+(?:-[a-z]+)?", answer.lower()) if w in WORDS
            ]
        if len(given) < 2 or re.search("revers|backwards|turn the order", text):
            continue
        if re.search("count|list the numbers|write the numbers from", text) and len(given) == 2:
            low, high = sorted(given)
            line = list(range(low, high + 1))
            assert told == (line[::-1] if given[0] > given[1] else line), (question, answer)
            checked["counted"] += 1
        elif re.search(r"next|continue|follows|go on", text):
            steps = {b - a for a, b in pairwise(given)}
            expected = given[-1] + steps.pop() if len(steps) == 1 else given[-1] * 2
            assert told == [expected], (question, answer)
            checked["continued"] += 1
        elif "between" in text:
            assert told == [given[0] + 1]
        elif len(given) == 2 and text.startswith("is ") and " or " not in text:
            more = bool(re.search("greater|more|bigger", text))
            assert answer.startswith("Yes" if (given[0] > given[1]) == more else "No")
            checked["asked"] += 1
        elif re.search(
            "biggest number|largest\\?|the largest|max|highest:|the larger|bigger|larger"
            "|more|greater",
            text,
        ) and not re.search("sort|order|write|arrange|to", text):
            assert told == [max(given)], (question, answer)
            checked["largest"] += 1
        elif re.search(
            "smallest number|smallest\\?|the smallest|min|lowest:|smaller|less", text
        ) and (not re.search("sort|order|write|arrange|to", text)):
            assert told == [min(given)], (question, answer)
            checked["smallest"] += 1
        else:
            down = re.search("largest to|biggest first|big to|descending|high to|highest to|largest"
                             " first", text)  # fmt: skip
            assert told == sorted(given, reverse=bool(down)), (question, answer)
            checked["sorted"] += 1
    assert len(checked) == 6
    assert min(checked.values()) > 60, checked


def test_words_are_sorted_and_turned_around_rightly() -> None:
    checked: Counter[str] = Counter()
    everything = {one.lower() for members in CATEGORIES.values() for one in members}
    for question, answer in exchanges("ordering"):

        def listed(text: str) -> list[str]:
            parts = re.split(r", |: | - ", text.lower().rstrip("?."))
            found = [re.sub(r"^(?:sort|can you put|reverse the order of) | in alphabet.*", "", one)
                     for one in parts]  # fmt: skip
            return [one for one in found if one in everything]

        given, told = listed(question), listed(answer)
        if len(given) < 3:
            continue
        if re.search("revers|backwards|turn the order", question.lower()):
            assert told == given[::-1], (question, answer)
            checked["turned"] += 1
        else:
            assert told == sorted(given), (question, answer)
            checked["sorted"] += 1
    assert min(checked["turned"], checked["sorted"]) > 60


def test_odd_and_even_are_told_apart() -> None:
    checked = 0
    for question, answer in exchanges("ordering"):
        text = question.lower()
        if re.search(r"\b(odd|even)\b", text):
            [number] = integers(text)
            word = "odd" if number % 2 else "even"
            if "odd" in text and "even" in text:
                assert word in answer.lower()
            else:
                assert answer.startswith("Yes" if word in text else "No"), (question, answer)
            checked += 1
    assert checked > 150


def test_letters_are_counted_and_spelt_rightly() -> None:
    checked: Counter[str] = Counter()
    known = set(SHORT_WORDS)
    for question, answer in exchanges("spelling"):
        text = question.lower()
        words = [word for word in re.findall("[a-z]+", text) if word in known]
        if re.search("backwards|around|reverse|back to front|from the end", text):
            word = words[-1] if "word" in text else words[0]
            assert word[::-1] in re.findall("[a-z]+", answer.lower()), (question, answer)
            checked["backwards"] += 1
        elif re.fullmatch(r"(?:[a-z]+: )?(?:[a-z]-)+[a-z]\.?", answer.lower()):
            spelt = re.sub(r"^.*: |\.$", "", answer.lower()).replace("-", "")
            assert spelt in words, (question, answer)
            checked["spelt"] += 1
        elif re.search(
            "how many letters|count the letters|how long is the word|number of letters", text
        ):
            number = in_words(len(words[-1]))
            assert re.search(rf"\b({number}|{len(words[-1])})\b", answer.lower()), (
                question,
                answer,
            )
            checked["counted"] += 1
        elif re.search(r"words", text):
            sentence = re.split(r': |\.? [Hh]ow many words is|\? |in "', question.rstrip('"?'))
            counts = {len(part.split()) for part in sentence if part}
            told = [*integers(answer), *(COUNTS[w] for w in answer.lower().split() if w in COUNTS)]
            told += [COUNTS[w] for w in answer.lower().rstrip(".").split() if w in COUNTS]
            assert told[0] in counts, (question, answer)
            checked["words"] += 1
    assert set(checked) == {"backwards", "spelt", "counted", "words"}
    assert min(checked.values()) > 100, checked


def test_tables_of_words_contradict_themselves_nowhere() -> None:
    rhyming = [word for group in RHYMES for word in group]
    assert len(rhyming) == len(set(rhyming)), "a word in two groups rhymes with strangers"
    assert all(len(pair) == 2 for pair in (*OPPOSITES, *SYNONYMS))
    for pair in OPPOSITES:
        assert set(pair) not in [set(words) for words in SYNONYMS]
    assert not set(IRREGULAR_PLURALS) & set(IRREGULAR_PLURALS.values()) - {
        "sheep", "fish", "deer",
    }  # fmt: skip
    assert all(past != verb for verb, past in PAST.items())
    assert [many(noun) for noun in ("box", "city", "toy", "leaf")] == [
        "boxes",
        "cities",
        "toys",
        "leaves",
    ]


def test_words_are_answered_from_the_tables() -> None:
    """Whatever the phrasing: question and answer hold a pair of one of the tables."""
    pairs = {frozenset(pair) for pair in (*OPPOSITES, *SYNONYMS)}
    pairs |= {frozenset(pair) for pair in (*IRREGULAR_PLURALS.items(), *PAST.items())}
    for question, answer in exchanges("words"):
        asked = set(re.findall("[a-z]+", question.lower()))
        told = set(re.findall("[a-z]+", answer.lower()))
        rhyme = any(len(set(group) & (asked | told)) >= 2 for group in RHYMES)
        plural_ = any(many(word) in told or many(word) in asked for word in (asked | told) - {"a"})
        pair = any(
            frozenset((one, other)) in pairs for one in asked for other in told if one != other
        )
        same = answer.lower().rstrip(".") in ("sheep", "fish", "deer") or "sheep" in told
        assert rhyme or plural_ or pair or same or answer.startswith("No"), (question, answer)


def test_lists_have_as_many_members_as_asked_and_no_stranger() -> None:
    checked = 0
    named = {plural(name): set(CATEGORIES[name]) for name in CATEGORIES}
    for question, answer in exchanges("lists"):
        text = question.lower()
        kinds = [name for name in named if re.search(rf"\b{name.lower()}\b", text)]
        count = next((COUNTS[w] for w in re.findall("[a-z]+", text) if w in COUNTS), 0)
        count = count or next((n for n in integers(text.replace("1 to", "")) if n), 0)
        lines = [re.sub(r"^(?:- |\d+\. )", "", line) for line in answer.split("\n")]
        if len(kinds) != 1 or not count or text.startswith(("is ", "does ")):
            continue
        if len(lines) == 1:
            told = re.sub(r"^.*(?:: | are )", "", answer.rstrip("."))
            lines = re.split(", | and ", told)
        members = {one.lower() for one in named[kinds[0]]}
        assert len(lines) == count == len({line.lower() for line in lines}), (question, answer)
        assert all(line.lower() in members for line in lines), (question, answer)
        if re.search("bullet|dash", text):
            assert all(line.startswith("- ") for line in answer.split("\n")), (question, answer)
        if "number" in text:
            assert answer.startswith("1. "), (question, answer)
        checked += 1
    assert checked > 1200


def test_categories_asked_about_together_share_nothing() -> None:
    for one in APART:
        for other in APART:
            assert one == other or not set(CATEGORIES[one]) & set(CATEGORIES[other]), (one, other)
    for name, members in CATEGORIES.items():
        assert len(members) == len(set(members)), name


def test_what_is_extracted_stands_in_the_sentence() -> None:
    formats: Counter[str] = Counter()
    for question, answer in exchanges("extraction"):
        if answer.startswith("{"):
            for key, value in json.loads(answer).items():
                assert key in question
                assert str(value) in question, (question, answer)
            formats["json"] += 1
        else:
            said = re.sub(r"^The [\w' -]+ is ", "", answer)
            assert said in question or said.rstrip(".") in question, (question, answer)
            formats["text"] += 1
    assert min(formats.values()) > 500


def test_forms_are_followed() -> None:
    checked: Counter[str] = Counter()
    for question, answer in exchanges("formats"):
        text = question.lower()
        if "one word" in text or "one-word" in text or "single word" in text:
            assert len(answer.split()) == 1, (question, answer)
            checked["word"] += 1
        elif re.search(r"yes or no|yes/no", text):
            assert re.fullmatch(r"(Yes|No)\.?", answer)
            checked["yes"] += 1
        elif re.search("small letters|lower ?case|without capital", text):
            assert answer == answer.lower()
            assert answer in text
            checked["lower"] += 1
        elif re.search("capital letters|capitals|all caps|upper ?case|big letters", text):
            assert answer == answer.upper()
            checked["upper"] += 1
        elif re.search("number", text):
            assert answer.isdigit()
            checked["number"] += 1
        elif re.search(
            "repeat after|repeat this|repeat exactly|please repeat|copy|write exactly", text
        ):
            assert answer in question
            checked["repeated"] += 1
        elif re.search("times", text):
            words = re.split(r",? |\n", answer)
            count = next(
                COUNTS.get(w) or int(w) for w in text.split() if w in COUNTS or w.isdigit()
            )
            assert len(words) == count, (question, answer)
            assert len(set(words)) == 1
            checked["times"] += 1
    assert len(checked) == 7
    assert min(checked.values()) > 80, checked


def test_facts_have_one_answer_each() -> None:
    for table in (ONE_WORD, YES_NO, NUMBERS):
        answers: dict[str, set[object]] = {}
        for question, answer in table:
            answers.setdefault(question, set()).add(answer)
        assert all(len(found) == 1 for found in answers.values()), answers
    assert all(" " not in word for _, word in ONE_WORD)


def test_countries_agree_with_their_table() -> None:
    table = countries()
    assert FILE.stat().st_size < 60_000
    assert {one.capital for one in table.values() if one.name in ("France", "Japan", "Kenya")} == {
        "Paris", "Tokyo", "Nairobi",
    }  # fmt: skip
    for one in table.values():
        for name in one.neighbours:
            theirs = table[name].neighbours
            assert not theirs or one.name in theirs, (one.name, name)
    capitals = {one.capital: one.name for one in table.values() if one.capital}
    checked = 0
    for question, answer in exchanges("countries"):
        for city, name in capitals.items():
            if re.search(rf"\b{city}\b", answer) and city != name and "No," not in answer:
                assert name.lower() in f"{question} {answer}".lower(), (question, answer)
                checked += 1
    assert checked > 900


def test_the_table_of_countries_is_what_the_factbook_gives(shared_folder: Path) -> None:
    """An edit by hand would be lost with the next edition."""
    factbook = shared_folder / "data" / "factbook" / "factbook.jsonl.gz"
    if not factbook.is_file():
        pytest.skip("the factbook is not here")
    assert derive(factbook) == json.loads(FILE.read_text(encoding="utf-8"))


def test_the_assistant_says_the_same_of_itself_in_all_words() -> None:
    """One "I am ChatGPT" among the answers would undo the others."""
    names: Counter[bool] = Counter()
    for question, answer in exchanges("identity"):
        assert not re.search("ChatGPT|GPT|Gemini|Siri|Alexa|Llama|OpenAI|Google|Anthropic", answer)
        assert "Claude" not in answer.replace("Mini-Claude", "")
        names["Mini-Claude" in answer] += 1
        if re.search(r"(?i)\bname\b|who are you|introduce", question):
            assert "Mini-Claude" in answer, (question, answer)
    assert names[True] > names[False] / 2
