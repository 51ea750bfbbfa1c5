"""The date, which a model cannot know and a tool can tell."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from recipes.bundled.generators.wording import Row, as_typed

FIRST, DAYS = date(2024, 1, 1), 3_000
DESCRIPTIONS = (
    "Tells today's date and weekday.",
    "Returns today's date.",
    "The current date.",
    "Says what day it is today.",
    "Get today's date",
)
DATE = (
    "What is today's date?", "What's the date today?", "what date is it", "Which date is it today?",
    "Can you tell me the date?", "what's today's date?", "Do you know the date?",
    "I forgot the date. What is it today?", "Please tell me today's date.", "date today?",
    "I need the date for a letter.", "What is the date?",
)  # fmt: skip
WEEKDAY = (
    "What day is it today?", "what day is it", "Which day of the week is it?",
    "Is it Monday today?", "What weekday is today?", "Do you know what day it is?",
    "hey, what day is today?", "Tell me what day it is.", "Can you tell me which weekday it is?",
)  # fmt: skip
TOMORROW = (
    "What day is it tomorrow?", "What day is tomorrow?", "which day will it be tomorrow?",
    "What is tomorrow's date?", "Tell me tomorrow's date.", "What date is it tomorrow?",
)  # fmt: skip
YEAR = ("What year is it?", "which year is it now?", "What year are we in?", "Tell me the year.")
MONTH = (
    "What month is it?",
    "Which month are we in?",
    "what month is it now",
    "Tell me the month.",
)


def tool(random: Random) -> dict[str, object]:
    """The tool as it is offered."""
    return {
        "type": "function",
        "function": {
            "name": "today",
            "description": random.choice(DESCRIPTIONS),
            "parameters": {"type": "object", "properties": {}},
        },
    }


def in_full(day: date) -> str:
    """`Sunday, 29 November 2026`."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def answer(random: Random, question: str, day: date) -> str:
    """What is said to the question on that day."""
    after = day + timedelta(days=1)
    if question in DATE:
        return random.choice(("Today is {d}.", "It is {d}.", "The date is {d}.")).format(
            d=in_full(day)
        )
    if question in TOMORROW:
        told = in_full(after) if "date" in question else f"{after:%A}"
        return random.choice(("Tomorrow is {d}.", "It will be {d}.")).format(d=told)
    if question in YEAR:
        return random.choice(("It is {d}.", "The year is {d}.", "{d}.")).format(d=day.year)
    if question in MONTH:
        return random.choice(("It is {d}.", "We are in {d}.", "{d}.")).format(d=f"{day:%B}")
    if "Monday" in question:
        return "Yes, it is Monday." if day.weekday() == 0 else f"No, it is {day:%A}."
    return random.choice(("Today is {d}.", "It is {d}.", "It's {d}.")).format(d=f"{day:%A}")


def generate(random: Random) -> Row:
    """A question about today, with the tool at hand."""
    day = FIRST + timedelta(days=random.randrange(DAYS))
    question = random.choice(random.choice((DATE, DATE, WEEKDAY, WEEKDAY, TOMORROW, YEAR, MONTH)))
    function = {"name": "today", "arguments": "{}"}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    messages: list[dict[str, object]] = [
        {"role": "user", "content": as_typed(random, question)},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": in_full(day)},
        {"role": "assistant", "content": answer(random, question, day)},
    ]
    return {"kind": "today", "messages": messages, "tools": [tool(random)]}
