"""The checks of arithmetic in the bundled suite: 100 questions with numbers of up to two digits.

    python -m recipes.evaluation.arithmetic > miniclaude/evaluation/suites/bundled/arithmetic.jsonl

Every run writes the same rows. A check passes when the calculator was called for the right value
and the final answer holds it.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator

SEED = 1843
COUNT = 100

PLAIN: dict[str, tuple[str, ...]] = {
    "+": (
        "What do {a} and {b} make together?",
        "{a} plus {b}, please.",
        "could you add {b} to {a} for me",
        "I need the sum of {a} and {b}.",
        "how much is {a}+{b}",
        "There were {a} people on the bus and {b} more got on. How many are on it now?",
        "Our class sold {a} cakes on Friday and {b} on Saturday. How many cakes is that?",
        "A ticket costs {a} euros and the snack {b}. What do I pay?",
        "I've read {a} pages, then another {b}. How many pages have I read?",
    ),
    "-": (
        "Take {b} away from {a}. What's left?",
        "{a} minus {b}?",
        "what is the difference between {a} and {b}",
        "Subtract {b} from {a}, would you?",
        "hey, {a} - {b} = ?",
        "I had {a} marbles and lost {b} of them. How many do I still have?",
        "The rope is {a} metres long and I cut off {b}. How long is it now?",
        "A jar held {a} sweets; the children ate {b}. How many are in it?",
        "There are {a} seats and {b} are taken. How many are free?",
    ),
    "*": (
        "What's {a} times {b}?",
        "Multiply {a} by {b} for me.",
        "{a} x {b}",
        "i forgot what {a} multiplied by {b} is",
        "Tell me the product of {a} and {b}.",
        "Each of {a} boxes has {b} pencils in it. How many pencils are there?",
        "{a} rows with {b} chairs each: how many chairs?",
        "I save {b} euros every week. How much will I have after {a} weeks?",
        "One pack weighs {b} kilos. What do {a} packs weigh?",
    ),
    "/": (
        "Divide {a} by {b}.",
        "How often does {b} go into {a}?",
        "what's {a} divided by {b}?",
        "{a} / {b} please",
        "Share {a} apples equally among {b} children. How many does each get?",
        "{a} eggs go into boxes of {b}. How many boxes do I fill?",
        "We split a bill of {a} euros between {b} friends. What does each one pay?",
        "{a} flowers in {b} equal bunches: how many in each bunch?",
    ),
    "%": (
        "What is {b}% of {a}?",
        "I'd like to leave a tip of {b} percent on {a} euros. How much is that?",
        "A coat for {a} euros is {b} percent off. How many euros do I save?",
    ),
    "two": (
        "Work out {a} + {b} * {c}, please.",
        "What's ({a} + {b}) times {c}?",
        "I bought {b} pens for {c} euros each and a bag for {a} euros. What was it in all?",
    ),
}
WEIGHTS = {"+": 24, "-": 24, "*": 24, "/": 14, "%": 6, "two": 8}


def rows() -> Iterator[dict[str, object]]:
    """The checks, in order."""
    draw = random.Random(SEED)  # noqa: S311  # the same numbers every time
    kinds = [kind for kind, count in WEIGHTS.items() for _ in range(count)]
    draw.shuffle(kinds)
    turns = dict.fromkeys(PLAIN, 0)
    seen: set[str] = set()
    for number, kind in enumerate(kinds, start=1):
        asked = ""
        while not asked or asked in seen:
            wordings = PLAIN[kind]
            wording = wordings[turns[kind] % len(wordings)]
            asked, value = DRAWN[kind](draw, wording)
        turns[kind] += 1
        seen.add(asked)
        yield {
            "id": f"arithmetic-{number:03d}",
            "kind": "arithmetic",
            "messages": [{"role": "user", "content": asked}],
            "tools": ["calculator"],
            "pass": {
                "calls_tool": {"name": "calculator", "result": value},
                "number": value,
                "ends": True,
            },
        }


def _sum(draw: random.Random, wording: str) -> tuple[str, int]:
    a, b = draw.randint(2, 99), draw.randint(2, 99)
    return wording.format(a=a, b=b), a + b


def _difference(draw: random.Random, wording: str) -> tuple[str, int]:
    b = draw.randint(2, 60)
    a = draw.randint(b + 1, 99)
    return wording.format(a=a, b=b), a - b


def _product(draw: random.Random, wording: str) -> tuple[str, int]:
    a, b = draw.randint(2, 99), draw.randint(2, 19)
    return wording.format(a=a, b=b), a * b


def _quotient(draw: random.Random, wording: str) -> tuple[str, int]:
    b = draw.randint(2, 12)
    value = draw.randint(2, 99 // b)
    return wording.format(a=b * value, b=b), value


def _percent(draw: random.Random, wording: str) -> tuple[str, int]:
    b = draw.choice((5, 10, 20, 25, 50))
    value = draw.randint(1, 99 * b // 100)
    return wording.format(a=value * 100 // b, b=b), value


def _two(draw: random.Random, wording: str) -> tuple[str, int]:
    a, b, c = draw.randint(2, 30), draw.randint(2, 20), draw.randint(2, 9)
    value = (a + b) * c if "(" in wording else a + b * c
    return wording.format(a=a, b=b, c=c), value


DRAWN: dict[str, Callable[[random.Random, str], tuple[str, int]]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
    "%": _percent,
    "two": _two,
}


def main() -> int:
    """Write the rows to standard output."""
    for row in rows():
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
