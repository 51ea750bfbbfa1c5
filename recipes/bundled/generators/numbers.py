"""Numbers as people write them: in digits, in words, as money, as the calculator returns them."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from recipes.bundled.generators.wording import each_word

ONES = each_word(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
TENS = each_word("- - twenty thirty forty fifty sixty seventy eighty ninety")
CURRENCIES = (("$", "dollars"), ("£", "pounds"), ("€", "euros"))


def in_words(number: int) -> str:
    """A whole number from 0 to 9,999 in words."""
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f"-{ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{ONES[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    joint = " and " if rest < 100 else " "
    return f"{in_words(thousands)} thousand" + (f"{joint}{in_words(rest)}" if rest else "")


def written(number: int | Fraction, decimals: int = 6) -> str:
    """A number in digits, without zeros at its end. Raises ValueError when it needs more decimals
    than that."""
    value = Fraction(number)
    scaled = value * 10**decimals
    if scaled.denominator != 1:
        raise ValueError(f"{value} has more than {decimals} decimals.")
    text = f"{abs(scaled.numerator):0{decimals + 1}d}"
    whole, rest = text[:-decimals], text[-decimals:].rstrip("0")
    return ("-" if value < 0 else "") + whole + (f".{rest}" if rest else "")


def exact(value: Fraction, decimals: int = 2) -> bool:
    """Whether a number can be written with so many decimals."""
    return bool((value * 10**decimals).denominator == 1)


def money(amount: int | Fraction, currency: tuple[str, str], *, spoken: bool = False) -> str:
    """An amount with its sign before it (`$4.50`), or in words behind (`4.50 dollars`)."""
    value = Fraction(amount)
    text = written(value, 2)
    if "." in text:
        text = f"{text}0" if text[-2] == "." else text
    sign, name = currency
    if spoken:
        return f"{text} {name[:-1] if value == 1 else name}"
    return f"{sign}{text}"


def small(random: Random) -> int:
    """Two digits mostly, sometimes one."""
    return random.randint(2, 9) if random.random() < 0.15 else random.randint(10, 99)


def any_size(random: Random) -> int:
    """Two digits mostly, up to four."""
    size = random.random()
    if size < 0.7:
        return small(random)
    return random.randint(100, 999) if size < 0.9 else random.randint(1000, 9999)


def spelled(random: Random, number: int, share: float = 0.2) -> str:
    """A number in digits, or with some probability in words."""
    return in_words(number) if random.random() < share else str(number)
