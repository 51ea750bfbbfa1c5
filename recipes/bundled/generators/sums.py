"""Plain sums in words and digits: what is asked, the expression, and how the result is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from recipes.bundled.generators.numbers import any_size, exact, in_words, small, written


@dataclass(frozen=True)
class Problem:
    """question: as the user asks. expression: for the calculator. result: a number, as the
    calculator writes it; empty where it gives none to go on from. answer: with `{r}` where the
    result stands. spoken: the result as the answer writes it (`13.5` is `$13.50`)."""

    question: str
    expression: str
    result: str
    answer: str
    spoken: str = ""

    @property
    def told(self) -> str:
        """The answer with the result in its place."""
        return self.answer.replace("{r}", self.spoken or self.result)


ASKED = (
    "What is {e}?",
    "What is {e}?",
    "What's {e}?",
    "what's {e}",
    "How much is {e}?",
    "How much is {e}?",
    "What does {e} make?",
    "What do you get for {e}?",
    "Calculate {e}.",
    "Please calculate {e}.",
    "Work out {e}.",
    "Can you work out {e}?",
    "Can you calculate {e} for me?",
    "Could you tell me what {e} is?",
    "Tell me what {e} is.",
    "I need to know what {e} is.",
    "Do you know what {e} is?",
    "Please solve {e}.",
    "{e}?",
    "{e} = ?",
    "{e}=",
    "{e}",
    "Find {e}.",
    "Quick question: what is {e}?",
    "Help me with this: {e}",
    "My homework says {e}. What is the answer?",
    "give me the answer to {e}",
    "So, how much is {e}?",
    "Hi! What is {e}?",
    "hello, can you do {e}?",
    "What is the result of {e}?",
    "What would {e} be?",
    "And {e}?",
    "ok what is {e}",
)
ANSWERS = (
    "{e} = {r}.",
    "{e} is {r}.",
    "{e} is {r}.",
    "The answer is {r}.",
    "The answer is {r}.",
    "That's {r}.",
    "It's {r}.",
    "That makes {r}.",
    "The result is {r}.",
    "It comes to {r}.",
    "{r}.",
    "You get {r}.",
)
SAID: dict[str, tuple[str, ...]] = {
    "+": ("{a} plus {b}", "{a} + {b}", "{a}+{b}", "{a} and {b} together", "{a} added to {b}"),
    "-": ("{a} minus {b}", "{a} - {b}", "{a}-{b}", "{a} take away {b}", "{a} less {b}"),
    "*": ("{a} times {b}", "{a} x {b}", "{a} * {b}", "{a} multiplied by {b}", "{a}*{b}", "{a}x{b}"),
    "/": ("{a} divided by {b}", "{a} / {b}", "{a}/{b}", "{a} over {b}", "{a} ÷ {b}"),
}
OWN: dict[str, tuple[str, ...]] = {
    "+": (
        "Add {a} and {b}.",
        "Add {b} to {a}.",
        "What is the sum of {a} and {b}?",
        "What do {a} and {b} add up to?",
        "If I add {a} and {b}, what do I get?",
        "I have {a} and get {b} more. How many is that?",
        "sum {a} and {b} please",
        "How much do {a} and {b} make together?",
    ),
    "-": (
        "Subtract {b} from {a}.",
        "Take {b} away from {a}.",
        "What is the difference between {a} and {b}?",
        "What is left of {a} if I take away {b}?",
        "How much more is {a} than {b}?",
        "I had {a} and lost {b}. How many are left?",
        "How far is it from {b} to {a}?",
        "{a} and then {b} less, how much is that?",
    ),
    "*": (
        "Multiply {a} by {b}.",
        "What is the product of {a} and {b}?",
        "Multiply {a} and {b} please.",
        "If I have {a} boxes with {b} in each, how many is that?",
        "How much is {a} taken {b} times?",
        "what do i get if i multiply {a} with {b}",
    ),
    "/": (
        "Divide {a} by {b}.",
        "How many times does {b} go into {a}?",
        "Split {a} into {b} equal parts. How big is each part?",
        "If I share {a} between {b} people, how much does each get?",
        "What do you get when you divide {a} by {b}?",
        "divide {a} into {b} parts",
    ),
}
NAMES = {"+": "+", "-": "-", "*": "x", "/": "/"}
PARTS = (
    ("half", 2, ("Half of {a} is {r}.", "It's {r}.", "Half of {a} is {r}.")),
    ("a third", 3, ("A third of {a} is {r}.", "It's {r}.")),
    ("a quarter", 4, ("A quarter of {a} is {r}.", "That's {r}.")),
    ("a fifth", 5, ("A fifth of {a} is {r}.", "That's {r}.")),
    ("a tenth", 10, ("A tenth of {a} is {r}.", "It's {r}.")),
)
FOLDS = (("double", 2), ("twice", 2), ("triple", 3), ("three times", 3), ("ten times", 10))


def operands(random: Random, sign: str) -> tuple[int, int]:
    """Two numbers for an operation: no result below zero, and divisions with two decimals at
    most."""
    if sign == "*":
        first, second = small(random), random.choice((random.randint(2, 12), small(random)))
        return (first, second) if random.random() < 0.9 else (random.randint(100, 999), second)
    if sign == "/":
        while True:
            divisor = random.choice((random.randint(2, 12), random.randint(2, 25)))
            result = Fraction(random.randint(2, 99))
            if random.random() < 0.2:
                result += random.choice((Fraction(1, 2), Fraction(1, 4), Fraction(1, 5)))
            if (result * divisor).denominator == 1:
                return int(result * divisor), divisor
    first, second = any_size(random), any_size(random)
    return (max(first, second), min(first, second)) if sign == "-" else (first, second)


def two_numbers(random: Random, numbers: Callable[[Random, str], tuple[int, int]]) -> Problem:
    """One operation on two numbers."""
    sign = random.choice("+++---**/")
    first, second = numbers(random, sign)
    result = {
        "+": Fraction(first + second),
        "-": Fraction(first - second),
        "*": Fraction(first * second),
        "/": Fraction(first, second or 1),
    }[sign]
    form = random.choice(SAID[sign]) if random.random() < 0.75 else random.choice(OWN[sign])
    # "seven times six" is said, "7xsix" is not.
    spoken = " " in form and not set(form) & set("+-*/÷") and " x " not in form
    # "one hundred and five together" would be two sums.
    spelt = spoken and max(first, second) < 100 and random.random() < 0.25
    a, b = (in_words(first), in_words(second)) if spelt else (str(first), str(second))
    question = form.format(a=a, b=b)
    if form in SAID[sign]:
        question = random.choice(ASKED).format(e=question)
    answer = random.choice(ANSWERS).replace("{e}", f"{first} {NAMES[sign]} {second}")
    return Problem(question, f"{first} {sign} {second}", written(result), answer)


def part_of(random: Random) -> Problem:
    """A half, a quarter, the double of a number."""
    if random.random() < 0.3:
        word, times = random.choice(FOLDS)
        number = small(random)
        question = random.choice(ASKED).format(e=f"{word} {number}")
        answer = random.choice(("{w} {a} is {r}.", "That's {r}.", "It's {r}."))
        answer = answer.replace("{w}", word.capitalize()).replace("{a}", str(number))
        return Problem(question, f"{number} * {times}", str(number * times), answer)
    word, size, answers = random.choice(PARTS)
    number = random.randint(2, 60) * size
    if size in (2, 4, 5, 10) and random.random() < 0.25:
        number = random.randint(3, 200)
    question = random.choice(ASKED).format(e=f"{word} of {number}")
    answer = random.choice(answers).replace("{a}", str(number))
    return Problem(question, f"{number} / {size}", written(Fraction(number, size)), answer)


def percent_of(random: Random) -> Problem:
    """So many percent of a number."""
    while True:
        percent = random.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 12, 8, 3))
        number = random.choice((random.randint(1, 40) * 10, random.randint(10, 999)))
        if exact(Fraction(percent * number, 100)):
            break
    sign = random.choice(("%", " percent", " per cent", "%"))
    question = random.choice(ASKED).format(e=f"{percent}{sign} of {number}")
    answer = random.choice(
        ("{p}% of {n} is {r}.", "It's {r}.", "That's {r}.", "The answer is {r}.")
    )
    answer = answer.replace("{p}", str(percent)).replace("{n}", str(number))
    result = written(Fraction(percent * number, 100))
    return Problem(question, f"{number} * {percent} / 100", result, answer)


def three_numbers(random: Random) -> Problem:
    """Two operations in a row, read from left to right or with a bracket."""
    a, b, c = small(random), small(random), random.randint(2, 20)
    shape = random.choice(("a + b + c", "a + b - c", "a * c + b", "(a + b) * c", "a + b + c"))
    result = {
        "a + b + c": a + b + c,
        "a + b - c": a + b - c,
        "a * c + b": a * c + b,
        "(a + b) * c": (a + b) * c,
    }[shape]
    if result < 0:
        return three_numbers(random)
    values = {"a": str(a), "b": str(b), "c": str(c)}
    expression = "".join(values.get(letter, letter) for letter in shape)
    said = expression.replace("*", "x") if random.random() < 0.5 else expression
    if "(" not in shape and random.random() < 0.4:
        said = expression.replace("+", "plus").replace("-", "minus").replace("*", "times")
    question = random.choice(ASKED).format(e=said)
    answer = random.choice(ANSWERS).replace("{e}", expression.replace("*", "x"))
    return Problem(question, expression, str(result), answer)


def power_of(random: Random) -> Problem:
    """Squares, cubes and small powers."""
    kind = random.random()
    base, exponent = random.randint(2, 40), 2
    if kind < 0.5:
        said = random.choice(("{a} squared", "the square of {a}", "{a}^2", "{a} to the power of 2"))
    elif kind < 0.7:
        base, exponent = random.randint(2, 15), 3
        said = random.choice(("{a} cubed", "{a}^3", "{a} to the power of 3"))
    else:
        base, exponent = random.randint(2, 10), random.randint(2, 8)
        said = random.choice(("{a} to the power of {b}", "{a} ^ {b}", "{a}^{b}"))
    question = random.choice(ASKED).format(e=said.format(a=base, b=exponent))
    answer = random.choice(ANSWERS).replace("{e}", f"{base}^{exponent}")
    return Problem(question, f"{base} ^ {exponent}", str(base**exponent), answer)


def uneven(random: Random) -> Problem:
    """A division that does not come out even; the answer is rounded."""
    while True:
        first, second = random.randint(10, 999), random.randint(3, 60)
        if not exact(Fraction(first, second), 6):
            break
    forms = (*SAID["/"], "{a} divided by {b}")
    question = random.choice(ASKED).format(e=random.choice(forms).format(a=first, b=second))
    if random.random() < 0.3:
        question = random.choice(OWN["/"]).format(a=first, b=second)
    answer = random.choice(("About {r}.", "It's about {r}.", "{e} is about {r}.", "Roughly {r}."))
    answer = answer.replace("{e}", f"{first} / {second}")
    rounded = written(Fraction(round(Fraction(first * 100, second)), 100))
    return Problem(question, f"{first} / {second}", "", answer, rounded)


def by_zero(random: Random) -> Problem:
    """A division by zero, which the calculator refuses."""
    number = small(random)
    said = random.choice(SAID["/"]).format(a=number, b=0)
    answer = random.choice(
        ("You cannot divide by zero.", "That has no answer: nothing can be divided by zero.",
         "Dividing by zero is not possible.")
    )  # fmt: skip
    return Problem(random.choice(ASKED).format(e=said), f"{number} / 0", "", answer)


def hard_sum(random: Random) -> Problem:
    """One of those that only the calculator should do."""
    return random.choice((power_of, power_of, power_of, uneven, uneven, uneven, by_zero))(random)


def plain_sum(random: Random) -> Problem:
    """One of the above."""
    kind = random.random()
    if kind < 0.68:
        return two_numbers(random, operands)
    if kind < 0.8:
        return part_of(random)
    return percent_of(random) if kind < 0.9 else three_numbers(random)
