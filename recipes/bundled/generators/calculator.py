"""Sums for which the assistant calls the calculator, and talk in which it leaves it alone.

The calculator is the product's own (`miniclaude.tools.calculator`), which also gives the results;
in a part of the rows it is described in other words, as other programs do. With it at hand every
sum is left to it. The call, the result and the answer are messages as OpenAI writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from random import Random

from miniclaude.data.conversation import write_tools
from miniclaude.tools.calculator import CALCULATOR, run_calculator
from recipes.bundled.generators import small_talk, today
from recipes.bundled.generators.numbers import exact, written
from recipes.bundled.generators.story_problems import story_problem
from recipes.bundled.generators.sums import Problem, hard_sum, plain_sum
from recipes.bundled.generators.wording import Row, as_typed, conversation

DESCRIPTIONS = (
    "Works out an arithmetic expression.",
    "Calculates the value of an arithmetic expression.",
    "Does sums: +, -, * and / with numbers and brackets.",
    "A calculator. Returns the result of an expression.",
    "Evaluate an arithmetic expression and return the result.",
    "Calculate with numbers.",
)
PARAMETERS = (
    "The expression, such as 12 + 30.",
    "What to calculate, for example 3 * 4.",
    "An arithmetic expression.",
    "The expression to work out",
    "",
)
SYSTEMS = (
    "You are Mini-Claude, a small and friendly assistant.",
    "You are a helpful assistant.",
    "You are a helpful assistant. Use the tools when they help.",
    "You are a friendly assistant who answers shortly.",
    "Answer the user as well as you can.",
)
THEN = (
    ("+", "Now add {k}.", "And plus {k}?", "and {k} more?", "What if I add {k} to that?"),
    ("-", "Now take away {k}.", "And minus {k}?", "And {k} less?", "subtract {k} from that"),
    (
        "*",
        "Now times {k}.",
        "And {k} times that?",
        "multiply that by {k}",
        "What is that times {k}?",
    ),
    ("/", "Now divide that by {k}.", "And divided by {k}?", "what is that divided by {k}"),
)
ONE_CALL = 5
"""Messages of a row with one call, and perhaps a system message: short enough for two tools."""
THANKS = (
    "Thanks!",
    "thank you",
    "Great, thanks.",
    "thx",
    "Perfect.",
    "Nice, thank you!",
    "ok thanks",
)
WELCOME = (
    "You're welcome!",
    "You're welcome.",
    "Happy to help!",
    "Any time!",
    "Glad I could help.",
    "No problem!",
)


def tool(random: Random) -> dict[str, object]:
    """The calculator as it is offered: as the product does, or described in another way."""
    if random.random() < 0.6:
        return write_tools([CALCULATOR])[0]
    expression = {"type": "string"}
    described = random.choice(PARAMETERS)
    if described:
        expression["description"] = described
    return {
        "type": "function",
        "function": {
            "name": CALCULATOR.name,
            "description": random.choice(DESCRIPTIONS),
            "parameters": {
                "type": "object",
                "properties": {"expression": expression},
                "required": ["expression"],
            },
        },
    }


def called(problem: Problem, number: int = 1) -> list[dict[str, object]]:
    """The messages of one sum: question, call, result, answer."""
    call = f"call_{number}"
    arguments = json.dumps({"expression": problem.expression})
    function = {"name": CALCULATOR.name, "arguments": arguments}
    result = run_calculator(arguments)
    calls = [{"id": call, "type": "function", "function": function}]
    return [
        {"role": "user", "content": problem.question},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": call, "content": result},
        {"role": "assistant", "content": problem.told},
    ]


def typed(random: Random, problem: Problem) -> Problem:
    """The problem as a person may type it."""
    return Problem(
        as_typed(random, problem.question),
        problem.expression,
        problem.result,
        problem.answer,
        problem.spoken,
    )


def next_step(random: Random, before: Problem) -> Problem | None:
    """A sum that goes on from the last result; None where that gives no handy number."""
    value = Fraction(before.result)
    sign, *questions = random.choice(THEN)
    number = random.randint(2, 10) if sign in "*/" else random.randint(2, 60)
    results = {"+": value + number, "-": value - number, "*": value * number, "/": value / number}
    result = results[sign]
    if result < 0 or not exact(result) or result > 100_000:
        return None
    question = random.choice(questions).format(k=number)
    answer = random.choice(("That makes {r}.", "Then it is {r}.", "{r}.", "That's {r}."))
    expression = f"{before.result} {sign} {number}"
    return Problem(question, expression, written(result), answer)


def generate(random: Random) -> Row:
    """A conversation with the calculator at hand."""
    kind = random.random()
    if kind < 0.12:
        row = random.choice(NOT_NEEDED)(random)
        row["kind"] = "calculator-not-needed"
    elif kind < 0.16:
        row = _after_talk(random)
    else:
        row = _sums(random)
    tools = [tool(random)]
    messages = row["messages"]
    short = isinstance(messages, list) and len(messages) <= ONE_CALL
    if short and random.random() < 0.15:
        tools.insert(random.randint(0, 1), today.tool(random))
    return {**row, "tools": tools}


def _sums(random: Random) -> Row:
    first = random.choice((plain_sum, story_problem, plain_sum, story_problem, hard_sum))(random)
    messages = called(typed(random, first))
    more = random.random()
    if more < 0.1:
        then = next_step(random, first) if first.result else None
        if then is not None:
            messages += called(typed(random, then), 2)
    elif more < 0.16:
        messages += called(typed(random, plain_sum(random)), 2)
    elif more < 0.22:
        messages.append({"role": "user", "content": random.choice(THANKS)})
        messages.append({"role": "assistant", "content": random.choice(WELCOME)})
    if random.random() < 0.12:
        messages.insert(0, {"role": "system", "content": random.choice(SYSTEMS)})
    return {"kind": "calculator", "messages": messages}


def _after_talk(random: Random) -> Row:
    talk = conversation("calculator", *small_talk.exchange(random))
    said = talk["messages"]
    assert isinstance(said, list)  # noqa: S101  # as `conversation` makes it
    return {**talk, "messages": said + called(typed(random, plain_sum(random)))}


def _talk(random: Random) -> Row:
    said = small_talk.exchange(random)
    if random.random() < 0.3:
        said += small_talk.exchange(random)
    return conversation("small-talk", *said)


NOT_NEEDED: list[Callable[[Random], Row]] = [_talk, _talk]
"""What is talked about without a sum; `table.py` adds other generators."""
