"""Numbers and words in order: sorting, comparing, odd and even, what comes next."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.categories import CATEGORIES
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation

UP = (
    "Sort these numbers from smallest to largest: {l}", "Put these numbers in order: {l}",
    "sort {l}", "Arrange these from small to big: {l}", "Order these numbers: {l}",
    "Please sort: {l}", "{l} - put them in order, smallest first",
    "Write these numbers from lowest to highest: {l}", "Can you sort {l} for me?",
    "Sort in ascending order: {l}", "From small to large please: {l}",
)  # fmt: skip
DOWN = (
    "Sort these numbers from largest to smallest: {l}",
    "Put these numbers in order, biggest first: {l}", "sort {l} from big to small",
    "Sort in descending order: {l}", "Arrange from high to low: {l}",
    "Write these from highest to lowest: {l}", "largest first: {l}",
)  # fmt: skip
ALPHABETIC = (
    "Sort these words alphabetically: {l}", "Put these words in alphabetical order: {l}",
    "sort by alphabet: {l}", "Alphabetical order please: {l}",
    "Arrange these words from A to Z: {l}", "Order these words by the alphabet: {l}",
    "{l} - sort them from a to z", "Can you put {l} in alphabetical order?", "Sort this list: {l}",
)  # fmt: skip
TURNED = (
    "Reverse this list: {l}", "Write this list backwards: {l}", "Turn the order around: {l}",
    "Say these in reverse order: {l}", "reverse the order of {l}",
)  # fmt: skip
LARGER = (
    "Which is bigger, {x} or {y}?", "Which is larger: {x} or {y}?", "What is more, {x} or {y}?",
    "{x} or {y}, which one is bigger?", "which number is larger {x} or {y}",
    "Is {x} or {y} bigger?", "Tell me the larger of {x} and {y}.",
    "What is the greater number, {x} or {y}?",
)  # fmt: skip
SMALLER = (
    "Which is smaller, {x} or {y}?", "What is less, {x} or {y}?",
    "{x} or {y}, which one is smaller?", "which number is smaller {x} or {y}",
    "Tell me the smaller of {x} and {y}.", "Is {x} or {y} less?",
)  # fmt: skip
MOST = (
    "What is the biggest number: {l}?", "Which of these is the largest? {l}",
    "Find the largest: {l}", "max of {l}?", "Which number is the highest: {l}?",
    "What's the largest of {l}?",
)  # fmt: skip
LEAST = (
    "What is the smallest number: {l}?", "Which of these is the smallest? {l}",
    "Find the smallest: {l}", "min of {l}?", "Which number is the lowest: {l}?",
    "What's the smallest of {l}?",
)  # fmt: skip
GREATER = ("Is {x} greater than {y}?", "Is {x} more than {y}?", "is {x} bigger than {y}?")
LESS = ("Is {x} less than {y}?", "Is {x} smaller than {y}?", "is {x} lower than {y}?")
PARITY = (
    "Is {x} odd or even?", "Is {x} an odd or an even number?", "{x}: odd or even?",
    "odd or even: {x}", "Tell me if {x} is odd or even.", "is the number {x} even or odd",
)  # fmt: skip
EVEN = ("Is {x} even?", "Is {x} an even number?", "is {x} an even number?")
ODD = ("Is {x} odd?", "Is {x} an odd number?", "is {x} odd?")
SERIES = (
    "What comes next: {l}, ...?", "What number comes next? {l}", "Continue the series: {l}",
    "next number: {l}, ?", "Which number follows? {l}, _", "{l} ... what is next?",
    "What is the next number in {l}?", "Go on: {l}", "Find the next number: {l}",
)  # fmt: skip
COUNT = (
    "Count from {x} to {y}.", "Can you count from {x} to {y}?", "count {x} to {y}",
    "Write the numbers from {x} to {y}.", "List the numbers from {x} to {y}.",
)  # fmt: skip
BACK = (
    "Count down from {y} to {x}.",
    "Count backwards from {y} to {x}.",
    "count back from {y} to {x}",
)
MIDDLE = ("Which number is between {x} and {y}?", "What number comes between {x} and {y}?")
SAID = ("{r}.", "It's {r}.", "{r}", "The answer is {r}.")
SORTED = ("{r}", "{r}", "{r}.", "Here you go: {r}", "In order: {r}", "Sorted: {r}")


def generate(random: Random) -> Row:
    """One task about order."""
    task = random.choice(
        (_sorted_numbers, _sorted_numbers, _sorted_words, _sorted_words, _turned, _compared,
         _compared,
         _extreme, _parity, _series, _series, _counted)
    )  # fmt: skip
    question, answer = task(random)
    return conversation("ordering", as_typed(random, question), answer)


def _numbers(random: Random, least: int = 3, most: int = 6) -> list[int]:
    top = random.choice((20, 100, 100, 999))
    return random.sample(range(1, top + 1), random.randint(least, most))


def _line(random: Random, items: list[str]) -> str:
    return random.choice((", ", ", ", ", ", " ")).join(items)


def _sorted_numbers(random: Random) -> tuple[str, str]:
    numbers = _numbers(random)
    up = random.random() < 0.7
    asked = random.choice(UP if up else DOWN).format(l=_line(random, [str(n) for n in numbers]))
    result = ", ".join(str(number) for number in sorted(numbers, reverse=not up))
    return asked, random.choice(SORTED).format(r=result)


def _sorted_words(random: Random) -> tuple[str, str]:
    members = CATEGORIES[random.choice(list(CATEGORIES))]
    words: list[str] = []
    for word in random.sample(members, len(members)):
        # One letter decides mostly: the second or third is hard enough.
        if all(word[:2].lower() != other[:2].lower() for other in words):
            words.append(word)
    words = words[: random.randint(3, 5)]
    asked = random.choice(ALPHABETIC).format(l=", ".join(words))
    result = ", ".join(sorted(words, key=str.lower))
    return asked, random.choice(SORTED).format(r=result)


def _turned(random: Random) -> tuple[str, str]:
    if random.random() < 0.4:
        items = [str(number) for number in _numbers(random)]
    else:
        items = random.sample(CATEGORIES[random.choice(("fruits", "animals", "colours"))], 4)
        items = items[: random.randint(3, 4)]
    asked = random.choice(TURNED).format(l=", ".join(items))
    return asked, random.choice(SORTED[:4]).format(r=", ".join(items[::-1]))


def _pair(random: Random) -> tuple[int, int]:
    top = random.choice((20, 100, 100, 1000, 10_000))
    first, second = random.sample(range(1, top), 2)
    return first, second


def _compared(random: Random) -> tuple[str, str]:
    first, second = _pair(random)
    shown = (str(first), str(second))
    if max(first, second) < 100 and random.random() < 0.15:
        shown = (in_words(first), in_words(second))
    if random.random() < 0.35:
        more = random.random() < 0.6
        asked = random.choice(GREATER if more else LESS).format(x=shown[0], y=shown[1])
        right = first > second if more else first < second
        word = "more" if first > second else "less"
        told = "Yes" if right else "No"
        return asked, random.choice((f"{told}.", f"{told}, {shown[0]} is {word} than {shown[1]}."))
    more = random.random() < 0.6
    asked = random.choice(LARGER if more else SMALLER).format(x=shown[0], y=shown[1])
    result = shown[0] if (first > second) == more else shown[1]
    word = "larger" if more else "smaller"
    return asked, random.choice(("{R}.", f"{{R}} is {word}.", "{R}")).format(R=capital(result))


def _extreme(random: Random) -> tuple[str, str]:
    numbers = _numbers(random)
    most = random.random() < 0.6
    asked = random.choice(MOST if most else LEAST).format(l=", ".join(map(str, numbers)))
    result = max(numbers) if most else min(numbers)
    word = "largest" if most else "smallest"
    return asked, random.choice((*SAID, f"The {word} number is {{r}}.")).format(r=result)


def _parity(random: Random) -> tuple[str, str]:
    number = random.choice(
        (random.randint(1, 20), random.randint(10, 99), random.randint(100, 999))
    )
    word = "odd" if number % 2 else "even"
    kind = random.random()
    if kind < 0.6:
        told = random.choice(("{x} is {w}.", "{W}.", "It is {w}.", "{x} is an {w} number."))
        asked = random.choice(PARITY).format(x=number)
        return asked, told.format(x=number, w=word, W=capital(word))
    asked_word = "even" if kind < 0.8 else "odd"
    asked = random.choice(EVEN if asked_word == "even" else ODD).format(x=number)
    yes = word == asked_word
    said = ("Yes.", f"Yes, {number} is {word}.") if yes else ("No.", f"No, {number} is {word}.")
    return asked, random.choice(said)


def _series(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.75:
        step = random.choice((1, 2, 2, 3, 4, 5, 5, 10, 10, 20, 100, -1, -2, -5, -10))
        start = random.randint(1, 12) if step > 0 else -step * random.randint(6, 12)
        if abs(step) in (5, 10, 20, 100) and random.random() < 0.7:
            start = abs(step) * random.randint(1 if step > 0 else 6, 9)
        items = [start + step * place for place in range(5)]
    else:
        start = random.randint(1, 6)
        items = [start * 2**place for place in range(5)]
    shown = items[: random.choice((3, 4, 4))]
    result = items[len(shown)]
    asked = random.choice(SERIES).format(l=", ".join(map(str, shown)))
    return asked, random.choice((*SAID, "{r} comes next.", "Next is {r}.")).format(r=result)


def _counted(random: Random) -> tuple[str, str]:
    low = random.randint(1, 20)
    if random.random() < 0.25:
        asked = random.choice(MIDDLE).format(x=low, y=low + 2)
        return asked, random.choice(SAID).format(r=low + 1)
    high = low + random.randint(3, 9)
    numbers = [str(number) for number in range(low, high + 1)]
    if random.random() < 0.7:
        return random.choice(COUNT).format(x=low, y=high), ", ".join(numbers) + random.choice(
            (".", "")
        )
    asked = random.choice(BACK).format(x=low, y=high)
    return asked, ", ".join(numbers[::-1]) + random.choice((".", ""))
