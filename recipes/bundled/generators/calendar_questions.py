"""Days, months, years: what comes next, how long they are."""

from __future__ import annotations

import calendar
from random import Random

from recipes.bundled.generators.wording import Row, as_typed, conversation, each_word

DAYS = tuple(calendar.day_name)
MONTHS = tuple(calendar.month_name)[1:]
NUMBERED = each_word(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)

NEXT = (
    "What comes after {x}?", "Which {k} comes after {x}?", "What {k} comes after {x}?",
    "What is the {k} after {x}?", "Which {k} follows {x}?", "After {x} comes which {k}?",
    "tell me the {k} after {x}", "What's the next {k} after {x}?", "{x} is followed by which {k}?",
    "Do you know which {k} comes after {x}?", "what comes right after {x}",
)  # fmt: skip
PREVIOUS = (
    "What comes before {x}?", "Which {k} comes before {x}?", "What {k} comes before {x}?",
    "What is the {k} before {x}?", "Which {k} is right before {x}?", "Before {x} comes which {k}?",
    "tell me the {k} before {x}", "What's the {k} just before {x}?", "what comes right before {x}",
)  # fmt: skip
TOMORROW = (
    "If today is {x}, what day is tomorrow?", "Today is {x}. What day is it tomorrow?",
    "It's {x} today. Which day is tomorrow?", "if it's {x} today what is tomorrow",
    "Today is {x}, so tomorrow is...?", "What day will it be tomorrow if it is {x} now?",
)  # fmt: skip
YESTERDAY = (
    "If today is {x}, what day was yesterday?", "Today is {x}. What day was it yesterday?",
    "It's {x} today. Which day was yesterday?", "if it's {x} today what was yesterday",
    "What day was it yesterday if it is {x} today?",
)  # fmt: skip
AHEAD = (
    "What day is it {n} days after {x}?", "Today is {x}. What day will it be in {n} days?",
    "Which day comes {n} days after {x}?", "If it is {x} now, what day is it in {n} days?",
    "{n} days after {x}, what day is it?", "it's {x}. which day will it be {n} days from now?",
)  # fmt: skip
BEHIND = (
    "What day is it {n} days before {x}?", "Today is {x}. What day was it {n} days ago?",
    "Which day was {n} days before {x}?", "if today is {x} what day was it {n} days ago",
)  # fmt: skip
MONTHS_AHEAD = (
    "Which month is {n} months after {x}?", "What month comes {n} months after {x}?",
    "It is {x}. Which month will it be in {n} months?", "what month is it {n} months from {x}?",
)  # fmt: skip
LONG = (
    "How many days are in {x}?", "How many days does {x} have?", "how long is {x} in days?",
    "What number of days has {x}?", "Tell me how many days {x} has.", "{x} has how many days?",
    "How many days are there in the month of {x}?",
)  # fmt: skip
LEAP = (
    "Is {y} a leap year?", "Was {y} a leap year?", "is {y} a leap year or not?",
    "Tell me if {y} is a leap year.", "Does February have 29 days in {y}?",
)  # fmt: skip
FEBRUARY = (
    "How many days does February have in {y}?", "How long is February in {y}?",
    "How many days are in February {y}?",
)  # fmt: skip
YEAR = (
    "How many days are there in {y}?", "How many days does the year {y} have?",
    "How many days has {y}?",
)  # fmt: skip
NUMBER = (
    "Which month is number {n}?", "What is the {o} month of the year?", "Which is the {o} month?",
    "What month is the {o} in the year?", "name the {o} month",
)  # fmt: skip
WHICH = (
    "Which number is {x} among the months?", "What number is the month {x}?",
    "If January is 1, what number is {x}?", "{x} is which month of the year?",
)  # fmt: skip
WEEK = (
    "What is the {o} day of the week if Monday is the first?",
    "If the week starts on Monday, which day is the {o}?",
    "A week begins with Monday. Which day is number {n}?",
)  # fmt: skip
FIXED = (
    (
        ("How many days are in a week?", "How many days does a week have?", "days in a week?"),
        "7",
        "days",
    ),
    (("How many months are in a year?", "How many months does a year have?"), "12", "months"),
    (("How many weeks are in a year?", "About how many weeks does a year have?"), "52", "weeks"),
    (("How many hours are in a day?", "How many hours does a day have?"), "24", "hours"),
    (("How many minutes are in an hour?", "How many minutes has an hour?"), "60", "minutes"),
    (("How many seconds are in a minute?", "How long is a minute in seconds?"), "60", "seconds"),
    (("How many years are in a decade?", "How long is a decade?"), "10", "years"),
    (("How many years are in a century?", "How long is a century?"), "100", "years"),
)
SAID = ("{r}.", "It's {r}.", "It is {r}.", "{r}", "The answer is {r}.", "That is {r}.")
HAS = ("{x} has {r} days.", "{r} days.", "There are {r} days in {x}.", "{r}.")


def leap(year: int) -> bool:
    """Whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def generate(random: Random) -> Row:
    """One question about the calendar, or two."""
    said = _one(random)
    if random.random() < 0.15:
        said += _one(random)
    return conversation("dates", *said)


def _one(random: Random) -> list[str]:
    question, answer = random.choice(
        (_neighbours, _neighbours, _neighbours, _ahead, _ahead, _lengths, _years, _numbers, _fixed)
    )(random)
    return [as_typed(random, question), answer]


def _neighbours(random: Random) -> tuple[str, str]:
    kind, names = random.choice((("day", DAYS), ("month", MONTHS)))
    place = random.randrange(len(names))
    ahead = random.random() < 0.5
    answer = names[(place + (1 if ahead else -1)) % len(names)]
    said = random.choice(SAID)
    if kind == "day" and random.random() < 0.4:
        question = random.choice(TOMORROW if ahead else YESTERDAY)
        if random.random() < 0.5:
            said = "Tomorrow is {r}." if ahead else "Yesterday was {r}."
    else:
        question = random.choice(NEXT if ahead else PREVIOUS)
        if random.random() < 0.4:
            said = f"{{r}} comes {'after' if ahead else 'before'} {names[place]}."
    return question.format(x=names[place], k=kind), said.format(r=answer)


def _ahead(random: Random) -> tuple[str, str]:
    if random.random() < 0.25:
        place, count = random.randrange(12), random.randint(2, 6)
        question = random.choice(MONTHS_AHEAD).format(x=MONTHS[place], n=count)
        return question, random.choice(SAID).format(r=MONTHS[(place + count) % 12])
    place, count = random.randrange(7), random.choice((2, 2, 3, 3, 4, 5, 6, 7, 10, 14))
    ahead = random.random() < 0.7
    question = random.choice(AHEAD if ahead else BEHIND).format(x=DAYS[place], n=count)
    answer = DAYS[(place + (count if ahead else -count)) % 7]
    return question, random.choice(SAID).format(r=answer)


def _lengths(random: Random) -> tuple[str, str]:
    month = random.randrange(12)
    question = random.choice(LONG).format(x=MONTHS[month])
    if month == 1:
        return question, random.choice(
            (
                "February has 28 days, and 29 in a leap year.",
                "28 days, or 29 in a leap year.",
                "Usually 28. In a leap year it has 29.",
            )
        )
    days = calendar.monthrange(2023, month + 1)[1]
    return question, random.choice(HAS).format(x=MONTHS[month], r=days)


def _years(random: Random) -> tuple[str, str]:
    year = random.choice((random.randint(1996, 2060), random.randint(1900, 2100), 1900, 2000, 2100))
    kind = random.random()
    if kind < 0.5:
        question = random.choice(LEAP).format(y=year)
        if leap(year):
            return question, random.choice((f"Yes, {year} is a leap year.", "Yes, it is.", "Yes."))
        return question, random.choice((f"No, {year} is not a leap year.", "No, it isn't.", "No."))
    if kind < 0.8:
        days = 29 if leap(year) else 28
        question = random.choice(FEBRUARY).format(y=year)
        return question, random.choice((f"{days} days.", f"In {year} it has {days} days."))
    days = 366 if leap(year) else 365
    return random.choice(YEAR).format(y=year), random.choice(
        (f"{days} days.", f"{year} has {days}.")
    )


def _numbers(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.2:
        place = random.randrange(7)
        question = random.choice(WEEK).format(o=NUMBERED[place], n=place + 1)
        return question, random.choice(SAID).format(r=DAYS[place])
    place = random.randrange(12)
    if kind < 0.65:
        question = random.choice(NUMBER).format(o=NUMBERED[place], n=place + 1)
        return question, random.choice(SAID).format(r=MONTHS[place])
    question = random.choice(WHICH).format(x=MONTHS[place])
    said = (f"{MONTHS[place]} is month number {place + 1}.", f"Number {place + 1}.")
    return question, random.choice(said)


def _fixed(random: Random) -> tuple[str, str]:
    questions, number, unit = random.choice(FIXED)
    question = random.choice(questions)
    about = "About " if number == "52" else ""
    return question, f"{about}{number} {unit}." if random.random() < 0.7 else f"{about}{number}."
