"""Easy sums in the head: no tool is offered."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.categories import COUNTED, counted, many
from recipes.bundled.generators.names import person
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.sums import two_numbers
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation

MORE = (
    "I have {a} and I get {b} more. How many do I have?",
    "{n} has {a} and finds {b}. How many does {they} have now?",
    "{n} has {a}. {m} gives {them} {b} more. How many is that?",
    "There are {a} in a bowl. {n} puts in {b} more. How many are there now?",
    "{n} has {a} and {m} has {b}. How many do they have together?",
    "if i have {a} and you give me {b}, how many do i have?",
)
LESS = (
    "I have {a} and give away {b}. How many are left?",
    "{n} has {a} and loses {b}. How many does {they} still have?",
    "There are {a} on a plate. {n} takes {b}. How many are left?",
    "{n} had {a}. {they2} gave {b} to {m}. How many does {n} have left?",
    "if you take {b} from {a}, how many are left?",
)
COUNT = (
    ("How much is one more than {x}?", 1),
    ("What is one less than {x}?", -1),
    ("What number comes after {x}?", 1),
    ("Which number comes before {x}?", -1),
    ("What comes right after {x}?", 1),
    ("What is two more than {x}?", 2),
    ("What is ten more than {x}?", 10),
    ("What is ten less than {x}?", -10),
)
SHORT = ("{r}.", "It's {r}.", "That's {r}.", "The answer is {r}.", "{r}")


def easy(random: Random, sign: str) -> tuple[int, int]:
    """One digit each, or two digits without much to carry; division without a rest."""
    if sign == "*":
        return random.randint(1, 10), random.randint(1, 10)
    if sign == "/":
        divisor = random.randint(1, 10)
        return divisor * random.randint(1, 10), divisor
    kind = random.random()
    if kind < 0.55:
        first, second = random.randint(0, 9), random.randint(0, 9)
    elif kind < 0.8:
        first, second = random.randint(10, 99), random.randint(1, 9)
    else:
        first, second = random.randint(1, 9) * 10, random.choice((random.randint(1, 5) * 10, 5))
    return (max(first, second), min(first, second)) if sign == "-" else (first, second)


def generate(random: Random) -> Row:
    """One or two easy sums."""
    question, answer = _one(random)
    said = [as_typed(random, question), answer]
    if random.random() < 0.2:
        question, answer = _one(random)
        said += [as_typed(random, question), answer]
    return conversation("arithmetic", *said)


def _one(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.7:
        problem = two_numbers(random, easy)
        return problem.question, problem.told
    if kind < 0.85:
        return _story(random)
    question, step = random.choice(COUNT)
    number = random.randint(10, 99) if abs(step) > 1 else random.randint(1, 99)
    return question.format(x=number), random.choice(SHORT).format(r=number + step)


def _story(random: Random) -> tuple[str, str]:
    one = person(random)
    other = person(random, one)
    thing = random.choice(COUNTED)
    first, second = random.randint(1, 9), random.randint(1, 9)
    more = random.random() < 0.5
    if not more:
        first, second = max(first, second) + 1, min(first, second)
    shown = (first, second) if random.random() < 0.6 else (in_words(first), in_words(second))
    question = random.choice(MORE if more else LESS).format(
        n=one.name, m=other.name, they=one.they, they2=capital(one.they), them=one.them,
        a=counted(shown[0], thing), b=shown[1],
    )  # fmt: skip
    if first == 1:
        question = question.replace("There are", "There is", 1)
    result = first + second if more else first - second
    told = random.choice(("{r}.", "{r}.", "That makes {r}.", "The answer is {r}.", "It's {r}."))
    text = f"{result} {many(thing)}" if result != 1 else f"1 {thing}"
    return capital(question), told.format(r=random.choice((text, str(result))))
