"""Little stories with numbers: sharing, shopping, ages, days, distances."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from recipes.bundled.generators.categories import COUNTED, many
from recipes.bundled.generators.names import person
from recipes.bundled.generators.numbers import CURRENCIES, money, spelled, written
from recipes.bundled.generators.sums import Problem
from recipes.bundled.generators.wording import capital

MORE = (
    "{n} has {a} {t} and gets {b} more. How many {t} does {n} have now?",
    "{n} had {a} {t}. Then {they} found {b} more. How many does {they} have now?",
    "{n} has {a} {t}. {m} gives {them} {b} more. How many {t} does {n} have?",
    "{n} has {a} {t} and {m} has {b}. How many do they have together?",
    "There are {a} {t} on the table and {b} in the box. How many {t} are there in all?",
    "I had {a} {t} and bought {b} more. How many do I have now?",
    "i have {a} {t}, my friend has {b}. how many do we have together?",
    "{n} picked up {a} {t} in the morning and {b} in the afternoon. How many is that in total?",
    "A shop sold {a} {t} on Monday and {b} on Tuesday. How many were sold on both days?",
    "First there were {a} {t}, then {b} were added. How many are there now?",
)
LESS = (
    "{n} has {a} {t} and gives {b} to {m}. How many {t} are left?",
    "{n} had {a} {t} and lost {b}. How many does {they} have left?",
    "There were {a} {t} in a box. {n} took {b} out. How many are still in the box?",
    "I had {a} {t} and gave away {b}. How many do I have left?",
    "i've got {a} {t} and i give {b} to my sister, how many are left?",
    "A shop had {a} {t} and sold {b}. How many are left in the shop?",
    "{n} needs {a} {t} and already has {b}. How many more does {they} need?",
    "{n} has {a} {t} and {m} has {b}. How many more does {n} have than {m}?",
    "Of {a} {t}, {b} are broken. How many are good?",
    "{n} wants {a} {t} and has {b} of them. How many are missing?",
)
TIMES = (
    "There are {a} boxes with {b} {t} in each. How many {t} are there?",
    "{n} buys {a} bags of {t}. Each bag has {b} {t}. How many {t} is that?",
    "{n} gets {b} {t} every day. How many does {they} get in {a} days?",
    "There are {a} tables and {b} {t} on each table. How many {t} are there in all?",
    "{a} children each have {b} {t}. How many {t} do they have together?",
    "i have {a} shelves with {b} {t} on each shelf. how many is that?",
    "A box holds {b} {t}. How many {t} fit in {a} boxes?",
    "{n} put {b} {t} in each of {a} rows. How many {t} are there?",
)
SHARED = (
    "{n} shares {a} {t} between {b} friends. How many does each friend get?",
    "{a} {t} are put into {b} boxes, the same number in each. How many are in one box?",
    "We are {b} people and have {a} {t}. How many does each of us get?",
    "{n} has {a} {t} and wants to give the same number to {b} children. How many does each get?",
    "How many {t} does each of {b} people get if there are {a}?",
    "if {b} kids share {a} {t}, how many does each one get?",
    "A farmer packs {a} {t} into bags of {b}. How many bags are needed?",
    "{n} reads or counts {b} {t} a day. How many days do {a} {t} take?",
)
COUNT_ANSWERS = {
    "+": ("That makes {r} {t}.", "There are {r} {t} in all.", "{r} {t}.", "The answer is {r}."),
    "-": ("{r} {t}.", "The answer is {r}.", "The answer is {r} {t}.", "That is {r} {t}."),
    "*": ("That makes {r} {t}.", "{r} {t}.", "There are {r} {t} in all.", "The answer is {r}."),
    "/": ("The answer is {r}.", "It is {r}.", "{r}.", "That makes {r}."),
}
PRICED = {
    "an ice cream": 4, "a coffee": 4, "a tea": 3, "a sandwich": 6, "a cake": 15, "a book": 14,
    "a pen": 2, "a notebook": 5, "a ticket": 12, "a shirt": 22, "a hat": 18, "a pizza": 11,
    "a ball": 9, "a toy": 13, "a bag of rice": 7, "a bottle of juice": 3, "a lamp": 35, "a cup": 8,
    "a scarf": 16, "a plant": 10,
}  # fmt: skip
PLURALS = {"a bag of rice": "bags of rice", "a bottle of juice": "bottles of juice"}


def counting_things(random: Random) -> Problem:
    """Things that are got, given away, packed or shared."""
    sign = random.choice("++--*/")
    one = person(random)
    other = person(random, one)
    things = many(random.choice(COUNTED))
    first, second = random.randint(5, 99), random.randint(2, 60)
    if sign == "-":
        first, second = max(first, second) + 1, min(first, second)
    if sign == "*":
        first, second = random.randint(3, 20), random.randint(2, 25)
    if sign == "/":
        second = random.randint(2, 12)
        first = second * random.randint(2, 20)
    question = random.choice({"+": MORE, "-": LESS, "*": TIMES, "/": SHARED}[sign]).format(
        n=one.name, m=other.name, they=one.they, them=one.them, t=things,
        a=spelled(random, first, 0.12), b=spelled(random, second, 0.12),
    )  # fmt: skip
    question = question.replace("reads or counts", "uses")
    result = {"+": first + second, "-": first - second, "*": first * second, "/": first // second}
    answer = random.choice(COUNT_ANSWERS[sign]).replace("{t}", things)
    if result[sign] == 1:
        answer = "The answer is {r}."
    return Problem(capital(question), f"{first} {sign} {second}", str(result[sign]), answer)


def price(random: Random, around: int) -> Fraction:
    """A price near a number: whole, or with cents."""
    value = Fraction(max(1, around + random.randint(-around // 3, around // 3)))
    cents = random.choice((0, 0, 50, 25, 75, 99, 20, 49, 95))
    return value + Fraction(cents, 100)


def digits(amount: Fraction) -> str:
    """An amount of money as it is read in the question, without its sign."""
    return money(amount, ("", ""))


def shopping(random: Random) -> Problem:
    """Several of a thing, two things together, and change."""
    currency = random.choice(CURRENCIES)
    thing, around = random.choice(list(PRICED.items()))
    each = price(random, around)
    spoken = random.random() < 0.3
    said = money(each, currency, spoken=spoken)
    kind = random.random()
    if kind < 0.4:
        count = random.randint(2, 12)
        things = PLURALS.get(thing) or many(thing.split(" ", 1)[1])
        question = random.choice(
            (
                "{T} costs {p}. How much do {c} {ts} cost?",
                "How much are {c} {ts} if one costs {p}?",
                "{n} buys {c} {ts} for {p} each. How much does {they} pay?",
                "I want to buy {c} {ts} at {p} each. How much is that?",
                "{c} {ts}, {p} each, what's the total?",
                "One costs {p}. What do {c} {ts} cost?",
            )
        )
        expression, total = f"{count} * {digits(each)}", count * each
        answers = ("That costs {r}.", "The total is {r}.", "It comes to {r}.", "{r}.")
    elif kind < 0.7:
        count, things = 2, thing
        other, near = random.choice([one for one in PRICED.items() if one[0] != thing])
        second = price(random, near)
        question = random.choice(
            (
                "{T} costs {p} and {o} costs {q}. How much is that together?",
                "{n} buys {t} for {p} and {o} for {q}. How much does {they} pay?",
                "How much do I pay for {t} at {p} and {o} at {q}?",
                "what do {t} for {p} and {o} for {q} cost together",
                "I bought {t} for {p} and {o} for {q}. How much did I spend?",
            )
        ).replace("{o}", other).replace("{q}", money(second, currency, spoken=spoken))  # fmt: skip
        expression, total = f"{digits(each)} + {digits(second)}", each + second
        answers = ("Together that is {r}.", "The total is {r}.", "It comes to {r}.", "{r}.")
    else:
        count, things = 1, thing
        paid = random.choice([note for note in (10, 20, 50, 100) if note > each])
        question = random.choice(
            (
                "{T} costs {p}. {n} pays with {q}. How much change does {they} get?",
                "I buy {t} for {p} and pay with {q}. How much do I get back?",
                "{n} has {q} and buys {t} for {p}. How much money is left?",
                "how much change do i get from {q} if {t} costs {p}?",
            )
        ).replace("{q}", money(paid, currency, spoken=spoken))  # fmt: skip
        expression, total = f"{paid} - {digits(each)}", paid - each
        answers = ("The change is {r}.", "{r} is left.", "The answer is {r}.", "That leaves {r}.")
    one = person(random)
    question = question.format(
        T=capital(thing), t=thing, ts=things, p=said, c=count, n=one.name, they=one.they
    )
    answer = random.choice(answers)
    told = money(total, currency, spoken=spoken)
    return Problem(capital(question), expression, written(total), answer, told)


def ages_and_trips(random: Random) -> Problem:
    """Ages, distances, pages, savings."""
    one = person(random)
    other = person(random, one)
    a, b = random.randint(5, 70), random.randint(2, 25)
    speed, hours = random.choice((40, 50, 60, 70, 80, 90, 100, 120)), random.randint(2, 9)
    pages, days = random.randint(4, 30), random.randint(3, 20)
    week = random.randint(3, 40)
    low, high = sorted(random.sample(range(1930, 2025), 2))
    forms: tuple[tuple[str, str, int, str], ...] = (
        ("{n} is {a} years old. {m} is {b} years older. How old is {m}?",
         f"{a} + {b}", a + b, "{m} is {r} years old."),
        ("{n} is {a} now. How old will {they} be in {b} years?",
         f"{a} + {b}", a + b, "{n} will be {r}."),
        ("I am {a} years old. How old will I be in {b} years?", f"{a} + {b}", a + b,
         "You will be {r}."),
        ("{n} is {x} years old and {m} is {b} years younger. How old is {m}?",
         f"{a + b} - {b}", a, "{m} is {r} years old."),
        ("{n} was born in {l}. How old did {they} turn in {h}?",
         f"{high} - {low}", high - low, "{N} turned {r}."),
        ("how many years are there between {l} and {h}?",
         f"{high} - {low}", high - low, "There are {r} years between them."),
        ("A train goes {s} km in an hour. How far does it go in {k} hours?",
         f"{speed} * {hours}", speed * hours, "It goes {r} km."),
        ("{n} drives {k} hours at {s} km an hour. How far is that?",
         f"{hours} * {speed}", hours * speed, "That is {r} km."),
        ("A trip is {d} km long. {n} drives {s} km an hour. How many hours does it take?",
         f"{speed * hours} / {speed}", hours, "It takes {r} hours."),
        ("{n} reads {p} pages a day. How many pages does {they} read in {w} days?",
         f"{pages} * {days}", pages * days, "{n} reads {r} pages."),
        ("A book has {q} pages. {n} reads {p} pages a day. How many days does it take?",
         f"{pages * days} / {pages}", days, "It takes {r} days."),
        ("{n} saves {v} dollars a week. How much is that in {w} weeks?",
         f"{week} * {days}", week * days, "That is {r} dollars."),
        ("I have {x} km to go and have done {b}. How many are left?",
         f"{a + b} - {b}", a, "There are {r} km left."),
        ("A class has {a} girls and {b} boys. How many children is that?",
         f"{a} + {b}", a + b, "That is {r} children."),
    )  # fmt: skip
    question, expression, result, answer = random.choice(forms)
    values = {
        "n": one.name, "N": one.name, "m": other.name, "they": one.they, "a": a, "b": b, "x": a + b,
        "l": low, "h": high, "s": speed, "k": hours, "d": speed * hours, "p": pages, "w": days,
        "q": pages * days, "v": week,
    }  # fmt: skip
    if result == 1:
        answer = "The answer is {r}."
    told = answer.format(**values, r="{r}") if random.random() < 0.7 else "The answer is {r}."
    return Problem(capital(question.format(**values)), expression, str(result), told)


def story_problem(random: Random) -> Problem:
    """One of the above."""
    return random.choice((counting_things, counting_things, shopping, ages_and_trips))(random)
