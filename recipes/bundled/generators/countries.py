"""Countries: capitals, continents, languages, neighbours, currencies (`countries.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from recipes.bundled.generators.wording import (
    Row,
    as_typed,
    capital,
    conversation,
    each_part,
    listed,
)

FILE = Path(__file__).parent / "countries.json"
KNOWN = each_part(
    "France, Germany, Italy, Spain, Portugal, Poland, Greece, Ireland, Austria, Switzerland,"
    "Belgium, Sweden, Norway, Denmark, Finland, Hungary, Romania, Ukraine, Russia, Turkey, Japan,"
    "China, India, Thailand, Vietnam, Nepal, Pakistan, Iran, Iraq, Egypt, Kenya, Nigeria, Ghana,"
    "Ethiopia, Morocco, Canada, Mexico, Cuba, Brazil, Argentina, Chile, Peru, Colombia, Australia,"
    "Iceland, Czechia, Croatia, Jamaica, Malaysia, the United States, the United Kingdom,"
    "the Netherlands, the Philippines, South Korea, New Zealand, Saudi Arabia"
)
"""Asked about more than the others, as people do."""

CAPITAL = (
    "What is the capital of {c}?", "What is the capital of {c}?", "What's the capital of {c}?",
    "Which city is the capital of {c}?", "capital of {c}", "Name the capital of {c}.",
    "Do you know the capital of {c}?", "Can you tell me the capital of {c}?",
    "Tell me the capital of {c}.", "{C} has which capital?", "What is {c}'s capital?",
    "What is the name of the capital city of {c}?", "Which town is the capital of {c}?",
    "I need the capital of {c}.", "the capital of {c} is?", "What's the capital city of {c}?",
    "Hi, what is the capital of {c}?",
)  # fmt: skip
CAPITAL_SAID = (
    "The capital of {c} is {x}.", "The capital of {c} is {x}.", "{x}.", "It's {x}.",
    "{x} is the capital of {c}.", "It is {x}.",
)  # fmt: skip
OF_CAPITAL = (
    "{x} is the capital of which country?", "Which country has the capital {x}?",
    "Of which country is {x} the capital?", "In which country is {x}?", "What country is {x} in?",
    "where is {x}?", "Which country does {x} belong to?", "What country has {x} as its capital?",
)  # fmt: skip
OF_CAPITAL_SAID = ("{C}.", "{x} is the capital of {c}.", "It is the capital of {c}.")
IN_COUNTRY_SAID = ("In {c}.", "{x} is in {c}.", "It is in {c}.")
IS_CAPITAL = (
    "Is {x} the capital of {c}?", "is {x} the capital of {c}?",
    "Is it true that {x} is the capital of {c}?", "{x} is the capital of {c}, right?",
)  # fmt: skip
CONTINENT = (
    "On which continent is {c}?", "Which continent is {c} in?", "What continent is {c} on?",
    "Where is {c}?", "which continent does {c} belong to", "In which part of the world is {c}?",
    "Tell me the continent of {c}.", "{C} is on which continent?",
)  # fmt: skip
CONTINENT_SAID = ("{C} is in {x}.", "In {x}.", "{x}.", "It is in {x}.")
IN_CONTINENT = ("Is {c} in {x}?", "is {c} a country in {x}?", "Does {c} belong to {x}?")
LANGUAGE = (
    "What language do people speak in {c}?", "Which language is spoken in {c}?",
    "What is the official language of {c}?", "what do they speak in {c}?",
    "Which languages are official in {c}?", "What language is spoken in {c}?",
    "I travel to {c}. What language do they speak?", "Tell me the language of {c}.",
)  # fmt: skip
LANGUAGE_SAID = ("{x}.", "In {c} people speak {x}.", "They speak {x}.", "{x}.")
LANGUAGES_SAID = (
    "The official languages of {c} are {x}.",
    "{x} are official there.",
    "{x}.",
)
CURRENCY = (
    "What is the currency of {c}?", "What money do they use in {c}?", "currency of {c}?",
    "Which currency does {c} use?", "What do people pay with in {c}?",
    "What is the money of {c} called?",
)  # fmt: skip
CURRENCY_SAID = (
    "The {x}.",
    "The currency of {c} is the {x}.",
    "They use the {x}.",
    "It is the {x}.",
)
NEIGHBOURS = (
    "Which countries border {c}?", "What are the neighbours of {c}?", "Name the neighbours of {c}.",
    "which countries are next to {c}?", "What countries does {c} share a border with?",
)  # fmt: skip
ONE_NEIGHBOUR = (
    "Name a neighbour of {c}.", "Which country borders {c}? Name one.",
    "Tell me one country next to {c}.", "Give me a country that borders {c}.",
)  # fmt: skip
BORDER = ("Does {c} border {x}?", "Is {x} a neighbour of {c}?", "Do {c} and {x} share a border?")


@dataclass(frozen=True)
class Country:
    """What is known of a country; empty where it is not plain. name: with its article."""

    name: str
    capital: str
    continent: str
    languages: list[str]
    currency: str
    neighbours: list[str]


@cache
def countries() -> dict[str, Country]:
    """The table, by name."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {row["name"]: Country(**row) for row in rows}


def generate(random: Random) -> Row:
    """One to three questions about countries."""
    said = _one(random)
    while random.random() < 0.2 and len(said) < 6:
        said += _one(random)
    return conversation("countries", *said)


def _one(random: Random) -> list[str]:
    while True:
        name = random.choice(KNOWN) if random.random() < 0.6 else random.choice(list(countries()))
        kind = random.choice(
            (
                _capital,
                _capital,
                _capital,
                _of_capital,
                _continent,
                _language,
                _currency,
                _neighbours,
            )
        )
        asked = kind(random, countries()[name])
        if asked is not None:
            question, answer = asked
            # Washington, D.C. has its own full stop.
            return [as_typed(random, capital(question)), capital(answer).replace("..", ".")]


def _other(random: Random, one: Country) -> Country:
    while True:
        other = countries()[random.choice(KNOWN)]
        if other != one:
            return other


def _capital(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.capital:
        return None
    values = {"c": one.name, "C": capital(one.name), "x": one.capital}
    if random.random() < 0.15:
        other = one if random.random() < 0.5 else _other(random, one)
        if not other.capital:
            return None
        question = random.choice(IS_CAPITAL).format(c=one.name, x=other.capital)
        right = f"the capital of {one.name} is {one.capital}."
        if other == one:
            return question, random.choice(("Yes.", "Yes, it is.", f"Yes, {right}"))
        return question, random.choice(("No.", f"No, {right}", f"No, {right}"))
    said = random.choice(CAPITAL_SAID).format(**values)
    return random.choice(CAPITAL).format(**values), said


def _of_capital(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.capital or one.capital == one.name:
        return None
    values = {"c": one.name, "C": capital(one.name), "x": one.capital}
    question = random.choice(OF_CAPITAL).format(**values)
    said = OF_CAPITAL_SAID
    if question.startswith(("In which", "where", "What country is")):
        said = IN_COUNTRY_SAID
    return question, random.choice(said).format(**values)


def _continent(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.continent:
        return None
    if random.random() < 0.25:
        guess = random.choice(
            (one.continent, random.choice(("Africa", "Asia", "Europe", "South America")))
        )
        question = random.choice(IN_CONTINENT).format(c=one.name, x=guess)
        if guess == one.continent:
            return question, random.choice(("Yes.", f"Yes, {one.name} is in {guess}."))
        return question, random.choice(("No.", f"No, it is in {one.continent}."))
    values = {"c": one.name, "C": capital(one.name), "x": one.continent}
    return random.choice(CONTINENT).format(**values), random.choice(CONTINENT_SAID).format(**values)


def _language(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.languages:
        return None
    several = len(one.languages) > 1
    question = random.choice(LANGUAGE).format(c=one.name)
    said = random.choice(LANGUAGES_SAID if several else LANGUAGE_SAID)
    if not several:
        question = question.replace("Which languages are official", "Which language is official")
    return question, said.format(c=one.name, x=listed(one.languages))


def _currency(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.currency:
        return None
    question = random.choice(CURRENCY).format(c=one.name)
    return question, random.choice(CURRENCY_SAID).format(c=one.name, x=one.currency)


def _neighbours(random: Random, one: Country) -> tuple[str, str] | None:
    if not one.neighbours:
        return None
    kind = random.random()
    if kind < 0.4:
        neighbour = random.choice(one.neighbours)
        question = random.choice(ONE_NEIGHBOUR).format(c=one.name)
        return question, random.choice(("{x}.", "{x} borders {c}.")).format(
            x=capital(neighbour), c=one.name
        )
    if kind < 0.7:
        other = random.choice((random.choice(one.neighbours), _other(random, one).name))
        question = random.choice(BORDER).format(c=one.name, x=other)
        yes = other in one.neighbours
        return question, random.choice(("Yes.", "Yes, they share a border.") if yes else
                                       ("No.", "No, they do not share a border."))  # fmt: skip
    if len(one.neighbours) > 5:
        return None
    question = random.choice(NEIGHBOURS).format(c=one.name)
    said = ("{x}.", "{c} borders {x}.")
    if len(one.neighbours) == 1:
        question = random.choice(
            (f"Which country borders {one.name}?", f"Which country is next to {one.name}?")
        )
    return question, random.choice(said).format(x=listed(one.neighbours), c=one.name)
