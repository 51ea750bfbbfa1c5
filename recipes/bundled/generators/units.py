"""Lengths, weights, volumes and times in other units, in whole numbers and simple decimals."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from recipes.bundled.generators.numbers import exact, written
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation


class Unit:
    """A unit by its names: one of it, several, short."""

    def __init__(self, one: str, short: str, many: str = "") -> None:
        self.one, self.short, self.many = one, short, many or f"{one}s"


METRE, KM, CM, MM = (
    Unit("metre", "m"),
    Unit("kilometre", "km"),
    Unit("centimetre", "cm"),
    Unit("millimetre", "mm"),
)
GRAM, KG, TON = Unit("gram", "g"), Unit("kilogram", "kg"), Unit("tonne", "t")
LITRE, ML = Unit("litre", "l"), Unit("millilitre", "ml")
SECOND, MINUTE, HOUR = Unit("second", "s"), Unit("minute", "min"), Unit("hour", "h")
DAY, WEEK, YEAR, MONTH = Unit("day", ""), Unit("week", ""), Unit("year", ""), Unit("month", "")
CENT, DOLLAR = Unit("cent", ""), Unit("dollar", "")
DOZEN, PIECE = Unit("dozen", "", "dozen"), Unit("egg", "")

PAIRS: tuple[tuple[Unit, Unit, int], ...] = (
    (KM, METRE, 1000), (KM, METRE, 1000), (METRE, CM, 100), (METRE, CM, 100), (CM, MM, 10),
    (KG, GRAM, 1000), (KG, GRAM, 1000), (TON, KG, 1000), (LITRE, ML, 1000), (HOUR, MINUTE, 60),
    (HOUR, MINUTE, 60), (MINUTE, SECOND, 60), (DAY, HOUR, 24), (WEEK, DAY, 7), (YEAR, MONTH, 12),
    (DOLLAR, CENT, 100), (DOZEN, PIECE, 12),
)  # fmt: skip
"""Large unit, small unit, how many of the small one make the large one."""

INTO = (
    "How many {small} are in {large}?", "How many {small} is {large}?",
    "What is {large} in {small}?", "Convert {large} to {small}.", "Change {large} into {small}.",
    "{large} in {small}?", "How much is {large} in {small}?", "how many {small} are {large}",
    "{large} is how many {small}?", "Can you convert {large} to {small} for me?",
    "I need {large} in {small}.", "Tell me how many {small} {large} are.",
    "write {large} as {small}",
)  # fmt: skip
SAID = (
    "{large} = {small}.",
    "{small}.",
    "That is {small}.",
    "It's {small}.",
    "{Large} is {small}.",
)
COMPARED = (
    "What is more, {x} or {y}?", "Which is more, {x} or {y}?", "is {x} more than {y}?",
    "What is bigger: {x} or {y}?",
)  # fmt: skip


def amount(value: Fraction, unit: Unit, *, short: bool = False) -> str:
    """So much of a unit, in words or with its sign."""
    if short and unit.short:
        return f"{written(value)} {unit.short}"
    return f"{written(value)} {unit.one if value == 1 else unit.many}"


def generate(random: Random) -> Row:
    """One conversion, or a comparison of two amounts."""
    large, small, factor = random.choice(PAIRS)
    short = random.random() < 0.45
    value = Fraction(random.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20)))
    if factor in (10, 100, 1000, 60, 12) and random.random() < 0.25:
        value += Fraction(1, 2 if factor in (12, 60) else random.choice((2, 2, 4)))
        if not exact(value * factor, 0) or not exact(value):
            value = Fraction(int(value))
    if random.random() < 0.2:
        return _compared(random, value, (large, small, factor), short)
    big = amount(value, large, short=short)
    little = amount(value * factor, small, short=short)
    if random.random() < 0.55:
        asked = "a " + large.one if value == 1 and random.random() < 0.5 and not short else big
        asked = asked.replace("a hour", "an hour")
        unit = small.short if short and small.short else small.many
        question = random.choice(INTO).format(large=asked, small=unit)
        answer = random.choice(SAID).format(large=big, small=little, Large=capital(big))
    else:
        unit = large.short if short and large.short else large.many
        question = random.choice(INTO[2:7]).format(large=little, small=unit)
        answer = random.choice(SAID).format(large=little, small=big, Large=capital(little))
    return conversation("units", as_typed(random, capital(question)), answer)


def _compared(random: Random, value: Fraction, pair: tuple[Unit, Unit, int], short: bool) -> Row:
    large, small, factor = pair
    share = random.choice((Fraction(1, 2), Fraction(3, 4), Fraction(3, 2), Fraction(2)))
    other = Fraction(int(value * factor * share)) or Fraction(1)
    if other == value * factor:
        other += 1
    texts = [amount(value, large, short=short), amount(other, small, short=short)]
    more = texts[0] if value * factor > other else texts[1]
    shown = random.sample(texts, 2)
    question = random.choice(COMPARED).format(x=shown[0], y=shown[1])
    if question.startswith("is "):
        answer = "Yes." if more == shown[0] else "No."
        answer = random.choice((answer, f"{answer[:-1]}, {more} is more."))
    else:
        answer = random.choice((f"{capital(more)} is more.", f"{capital(more)}."))
        if "bigger" in question:
            answer = f"{capital(more)}."
    return conversation("units", as_typed(random, question), answer)
