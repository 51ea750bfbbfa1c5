"""Personal data and secrets: found and masked, so that no model learns them by heart.

`[EMAIL]`, `[PHONE]`, `[CARD]`, `[IBAN]`, `[ID]`, `[IP]` and `[KEY]` stand where they stood, in
every text of a row and in the arguments of tool calls. Reports count by kind and never say a value.

It finds what has a form. Names, street addresses and passwords have none, and stay.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from miniclaude.data.example import Example
from miniclaude.data.personal_patterns import (
    ADDRESS_4,
    ADDRESS_6,
    EMAIL,
    NAMED_SECRET,
    NUMBERS,
    PRIVATE_KEY,
    TOKEN,
    Check,
    Pattern,
)
from miniclaude.data.rejection import Item
from miniclaude.data.texts import SEPARATOR, map_texts, texts_of

NOT_IN_NUMBERS = bytes(set(range(256)) - set(b"0123456789."))
DOTTED = re.compile(rb"\d\.\d{1,3}\.\d{1,3}\.\d")

# Every byte as one that says what it may belong to, so that one search finds a run of sixteen.
SEPARATORS = b" ().-+"
DIGITS = bytes(ord("0") if byte in b"0123456789" else ord("x") for byte in range(256))
SEVEN_DIGITS = b"0" * 7
IN_TOKENS = bytes(
    ord("a") if chr(byte).isalnum() or byte in b"_-" else ord(" ") for byte in range(256)
)
LONG_TOKEN = b"a" * 16

NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
WITHOUT_DIGITS = (PRIVATE_KEY, EMAIL)
"""All that a text without a digit may hold; most messages of a row have none."""

PHONE_KEY = re.compile(r"phone|mobile|cell|fax|\btel", re.IGNORECASE)


class PersonalData:
    """The stage: masks, and counts by kind. It rejects nothing."""

    name = "personal_data"

    def __init__(self) -> None:
        self._rows = 0
        self._changed = 0
        self._found: Counter[str] = Counter()

    def run(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with what is personal masked."""
        for item in items:
            yield self.judge(item) if isinstance(item, Example) else item

    def judge(self, example: Example) -> Example:
        """The example with what is personal masked; the very same where there is nothing."""
        self._rows += 1
        # Most rows need no closer look; where one does, it is seldom all of its texts.
        if not candidates(SEPARATOR.join(texts_of(example, arguments=True))):
            return example
        masked = map_texts(
            example,
            partial(mask, found=self._found),
            data=partial(mask_data, found=self._found),
        )
        self._changed += masked is not example
        return masked

    def passed(self, rows: int) -> None:
        """So many rows were seen to need nothing (`row_scan.py`): they are only counted."""
        self._rows += rows

    def report(self) -> dict[str, object]:
        """Counts of rows and of what was found, by kind; never a value."""
        return {"rows": self._rows, "changed": self._changed, "masked": dict(self._found)}


def candidates(text: str) -> list[Pattern]:
    """The patterns that may occur in a text: a quick look that spares most texts all of them."""
    patterns: list[Pattern] = []
    if "-----BEGIN" in text:
        patterns.append(PRIVATE_KEY)
    raw = text.encode("utf-8", "surrogatepass")
    if LONG_TOKEN in raw.translate(IN_TOKENS):
        patterns += (TOKEN, NAMED_SECRET)
    if "@" in text:
        patterns.append(EMAIL)
    if SEVEN_DIGITS in raw.translate(DIGITS, SEPARATORS):
        patterns.extend(NUMBERS)
    if text.count(".") > 2 and DOTTED.search(raw.translate(None, NOT_IN_NUMBERS)):
        patterns.append(ADDRESS_4)
    if text.count(":") > 2 and (":2" in text or " 2" in text or text[0] in "23"):
        patterns.append(ADDRESS_6)
    return patterns


def mask(text: str, found: Counter[str] | None = None) -> str:
    """The text with placeholders for what is personal; `found` counts by kind."""
    wanted = candidates(text)
    if wanted and text.isascii() and not text.encode().translate(None, NO_DIGITS):
        wanted = [one for one in wanted if one in WITHOUT_DIGITS]
    for kind, pattern, check in wanted:

        def placeholder(match: re.Match[str], kind: str = kind, check: Check = check) -> str:
            if not check(match):
                return match[0]
            if found is not None:
                found[kind] += 1
            held = match[0]
            # Of `token=…` only what follows the sign is masked.
            named = "secret" in match.re.groupindex
            before = held[: match.start("secret") - match.start()] if named else ""
            return f"{before}[{kind.upper()}]"

        text = pattern.sub(placeholder, text)
    return text


def mask_data(text: str, found: Counter[str] | None = None) -> str:
    """The same for what is data: JSON stays JSON, and a number under a key about phones is one."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return mask(text, found)
    if not isinstance(data, (dict, list)):
        return mask(text, found)
    masked = _mask_value(data, "", found)
    return text if masked == data else json.dumps(masked, ensure_ascii=False)


def _mask_value(value: object, key: str, found: Counter[str] | None) -> object:
    if isinstance(value, dict):
        return {name: _mask_value(inner, str(name), found) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mask_value(inner, key, found) for inner in value]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if (is_number or isinstance(value, str)) and PHONE_KEY.search(key):
        digits = sum(character.isdigit() for character in str(value))
        if 7 <= digits <= 15 and (is_number or len(str(value)) <= 24):
            if found is not None:
                found["phone"] += 1
            return "[PHONE]"
    return mask(value, found) if isinstance(value, str) else value
