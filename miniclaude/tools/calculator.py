"""A calculator: exact arithmetic on short expressions, by a parser of its own.

    sum      = product (("+" | "-") product)*
    product  = signed (("*" | "/" | "%") signed)*
    signed   = ("+" | "-")* power
    power    = postfix ("^" signed)?                 # 2^3^2 is 2^(3^2), and -2^2 is -(2^2)
    postfix  = (NUMBER | "(" sum ")") "%"*           # 15% is 15/100

A `%` before a number or a bracket is the remainder (17 % 5 is 2, with the sign of the divisor);
anywhere else it is a hundredth. Numbers are fractions of whole numbers, so 0.1 + 0.2 is 0.3. Every
size is bounded: the text, the depth of brackets, and the digits of each result on the way.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import islice
from typing import NoReturn

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import Tool

MAX_CHARACTERS = 200
MAX_DEPTH = 32
"""Brackets, signs and powers within one another."""
MAX_DIGITS = 40
"""Of one number as it is written."""
MAX_BITS = 2_048
"""Of numerator and denominator of every result, those on the way too: about 600 digits."""
SHOWN_DIGITS = 12
"""Significant digits of a result that is not whole."""
WHOLE_DIGITS = 30
"""Longest whole result that is written out."""

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|(\*\*|[-+*/%^()]))", re.ASCII)
SYNONYMS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})  # noqa: RUF001

CALCULATOR = Tool(
    "calculator",
    "Works out an arithmetic expression exactly.",
    {
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "For example (3 + 4) * 12"}},
        "required": ["expression"],
    },
)


DIGIT = re.compile(r"[\d%]")
COMPUTES = re.compile(
    r"\b(?:plus|minus|multipl(?:y|ied)|divided?|subtract(?:ed)?|squared?|twice|doubled?|tripled?"
    r"|per ?cent|calculate)\b",
    re.IGNORECASE,
)
QUANTITY = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    r"|hundred|thousand|million|billion|dozen|half|times|add(?:ed)?|sum|total|altogether)\b",
    re.IGNORECASE,
)
READ_WORDS = 10_000
"""Characters at the end of a question in which words are looked for."""


def concerns_numbers(text: str) -> bool:
    """Whether there may be something to work out: a digit, a word of reckoning, or two quantities.

    A small model that is offered a tool it has no use for answers worse. English only; in other
    languages digits tell."""
    if DIGIT.search(text):
        return True
    end = text[-READ_WORDS:]
    second = next(islice(QUANTITY.finditer(end), 1, None), None)
    return second is not None or COMPUTES.search(end) is not None


def run_calculator(arguments: str) -> str:
    """What the tool returns for a call. arguments: JSON text, as a model wrote it. A mistake is an
    answer too, for the model to mend."""
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        given = None
    expression = given.get("expression") if isinstance(given, dict) else None
    if isinstance(expression, int | float) and not isinstance(expression, bool):
        expression = str(expression)
    if not isinstance(expression, str):
        return 'Error: give the arguments as {"expression": "2 + 2"}.'
    try:
        return shown(calculate(expression))
    except InvalidRequestError as error:
        return f"Error: {error}"


def calculate(expression: str) -> Fraction:
    """The value of an expression, exactly.

    Raises InvalidRequestError, saying where, for what is no expression, is too long, too deep or
    too large, and for a division by zero.
    """
    if len(expression) > MAX_CHARACTERS:
        raise _wrong(
            f"it has {len(expression):,} characters", f"At most {MAX_CHARACTERS} are read."
        )
    parser = _Parser(expression.translate(SYNONYMS))
    value = parser.sum(0)
    parser.expect_end()
    return value


def shown(value: Fraction) -> str:
    """A value as text: whole numbers in full, others to 12 significant digits or four decimals,
    whichever is more; very large and very small ones with an exponent."""
    if value.denominator == 1 and abs(value.numerator) < 10**WHOLE_DIGITS:
        return str(value.numerator)
    large = abs(value) >= 10**WHOLE_DIGITS
    digits = SHOWN_DIGITS if large else max(SHOWN_DIGITS, len(str(abs(int(value)))) + 4)
    with localcontext(prec=digits) as context:
        rounded = context.divide(Decimal(value.numerator), Decimal(value.denominator))
        if large or abs(rounded) < Decimal(10) ** -SHOWN_DIGITS:
            return f"{rounded.normalize():e}".replace("+", "")
        text = f"{rounded:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class _Parser:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, int]] = []
        self.next = 0
        place, end = 0, len(text.rstrip())
        while place < end:
            match = TOKEN.match(text, place)
            if match is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                raise _wrong(
                    f"{text[place]!r} at character {place + 1} is no part of arithmetic",
                    "Use numbers, + - * / % ^ and brackets; no words and no thousands separators.",
                )
            number, sign = match.groups()
            if number and len(number) > MAX_DIGITS:
                raise _wrong(
                    f"the number at character {match.start(1) + 1} has {len(number)} digits",
                    f"At most {MAX_DIGITS} are read.",
                )
            token = number or ("^" if sign == "**" else sign)
            self.tokens.append((token, match.start(1 if number else 2) + 1))
            place = match.end()

    @property
    def symbol(self) -> str:
        return self.tokens[self.next][0] if self.next < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """The next token, if it is one of these; else an empty text."""
        token = self.symbol
        if token and token in wanted:
            self.next += 1
            return token
        return ""

    def expect_end(self) -> None:
        if self.next < len(self.tokens):
            token, place = self.tokens[self.next]
            raise _wrong(
                f"{token!r} at character {place} does not belong there",
                "Write an operator between numbers, and close every bracket once.",
            )

    def sum(self, depth: int) -> Fraction:
        value = self.product(depth)
        while operator := self.take("+", "-"):
            other = self.product(depth)
            value = _bounded(value + other if operator == "+" else value - other)
        return value

    def product(self, depth: int) -> Fraction:
        value = self.signed(depth)
        while operator := self.take("*", "/", "%"):
            other = self.signed(depth)
            if operator == "*":
                value = _bounded(value * other)
                continue
            if not other:
                raise _wrong("it divides by zero", "There is no such number.")
            value = _bounded(value / other if operator == "/" else value % other)
        return value

    def signed(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise _wrong(
                f"it goes more than {MAX_DEPTH} levels deep", "Work it out in several steps."
            )
        if operator := self.take("+", "-"):
            value = self.signed(depth + 1)
            return -value if operator == "-" else value
        return self.power(depth)

    def power(self, depth: int) -> Fraction:
        base = self.postfix(depth)
        if not self.take("^"):
            return base
        return _power(base, self.signed(depth + 1))

    def postfix(self, depth: int) -> Fraction:
        token = self.symbol
        if self.take("("):
            value = self.sum(depth + 1)
            if not self.take(")"):
                self.expect_end()
                raise _wrong("a bracket is never closed", "Close every bracket once.")
        elif token and (token[0].isdigit() or token[0] == "."):
            self.next += 1
            value = Fraction(token)
        else:
            self._missing()
        while self.symbol == "%" and not self._operand_follows():
            self.next += 1
            value = _bounded(value / 100)
        return value

    def _operand_follows(self) -> bool:
        """Whether the `%` here stands before something to divide by."""
        after = self.tokens[self.next + 1][0] if self.next + 1 < len(self.tokens) else ""
        return bool(after) and (after == "(" or after[0].isdigit() or after[0] == ".")

    def _missing(self) -> NoReturn:
        if self.next < len(self.tokens):
            token, place = self.tokens[self.next]
            raise _wrong(
                f"a number is missing before {token!r} at character {place}",
                "Write a number on both sides of every operator.",
            )
        if not self.tokens:
            raise _wrong("it is empty", "Write something such as 2 + 2.")
        raise _wrong("a number is missing at its end", "Write what comes after the last operator.")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise _wrong("an exponent is not whole", "Only whole powers are worked out.")
    count = exponent.numerator
    if not base and count < 0:
        raise _wrong("it divides by zero", "There is no such number.")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size <= 1:  # 1, 0 and -1: only whether the power is even, odd or 0 matters
        return base ** (count % 2 or (2 if count else 0))
    if abs(count) * (size - 1) > MAX_BITS:
        raise _too_large()
    return _bounded(base**count)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _too_large()
    return value


def _too_large() -> InvalidRequestError:
    return _wrong("a result is too large", f"Results of up to {MAX_BITS // 4} digits are kept.")


def _wrong(what: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(f"expression: {what}.", hint=hint, param="expression")
