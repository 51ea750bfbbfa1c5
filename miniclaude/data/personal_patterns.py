"""What personal data and secrets look like in text: patterns, each with the check that tells it
from what only looks like it.

Every pattern is bounded, so that a megabyte of digits or dashes takes no longer than one of prose.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

Check = Callable[[re.Match[str]], bool]


class Pattern(NamedTuple):
    """One kind of personal data. kind: as reports name it; its placeholder is `[KIND]`."""

    kind: str
    pattern: re.Pattern[str]
    check: Check


RESERVED_DOMAINS = (".example", ".test", ".invalid", ".localhost")
EXAMPLE_DOMAINS = frozenset(["example.com", "example.org", "example.net"])
SHARED_ACCOUNTS = frozenset(["git@github.com", "git@gitlab.com", "git@bitbucket.org"])
KNOWN_SERVERS = frozenset(["1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"])

ABOUT_PHONES = re.compile(
    r"(?:phone|tel|telephone|call|mobile|cell|text|whatsapp|fax|dial|contact|reach|ring|number)\b"
    r"[^\n\d]{0,24}$",
    re.IGNORECASE,
)
ABOUT_VERSIONS = re.compile(r"(?:version|release|firmware|build|v)\W{0,2}$", re.IGNORECASE)


def is_email(match: re.Match[str]) -> bool:
    """Not of a domain reserved for examples (RFC 2606), nor an account that all share."""
    address = match[0].lower()
    domain = address.rpartition("@")[2]
    return not (
        address in SHARED_ACCOUNTS
        or domain in EXAMPLE_DOMAINS
        or domain.endswith(RESERVED_DOMAINS)
        or domain.endswith(tuple(f".{name}" for name in EXAMPLE_DOMAINS))
    )


def is_card(match: re.Match[str]) -> bool:
    """A card's length and first digit, and the check digit by Luhn."""
    digits = "".join(character for character in match[0] if character.isdigit())
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) == 1:
        return False
    if digits[0] == "2" and not "2221" <= digits[:4] <= "2720":  # else four years in a row
        return False
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def is_iban(match: re.Match[str]) -> bool:
    """15 to 34 characters, and the check digits by ISO 7064 (mod 97)."""
    account = match[0].replace(" ", "")
    if not 15 <= len(account) <= 34:
        return False
    moved = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def is_phone(match: re.Match[str]) -> bool:
    """As many digits as phones have; not the numbers that are kept free for fiction (555-01xx).
    Digits that are only spaced, or not even that, must follow a word about phones."""
    text = match[0]
    digits = "".join(character for character in text if character.isdigit())
    if not 7 <= len(digits) <= 15 or digits[-7:-2] == "55501":
        return False
    if text[0] == "+" or "(" in text or ("-" in text and len(digits) >= 10):
        return True
    return ABOUT_PHONES.search(match.string, max(0, match.start() - 40), match.start()) is not None


def is_address_4(match: re.Match[str]) -> bool:
    """An IPv4 address out in the world; not one kept for private use or documentation, not the
    well-known name servers, not a version."""
    try:
        address = ipaddress.IPv4Address(match[0])
    except ValueError:
        return False
    start = match.start()
    return (
        address.is_global
        and not address.is_multicast
        and match[0] not in KNOWN_SERVERS
        and not ABOUT_VERSIONS.search(match.string, max(0, start - 12), start)
    )


def is_address_6(match: re.Match[str]) -> bool:
    """An IPv6 address out in the world (2000::/3 without what is kept for documentation)."""
    try:
        address = ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return match[0][0] in "23" and len(match[0]) > 6 and address.is_global


def is_mixed(match: re.Match[str]) -> bool:
    """Letters and digits, many different: a key, not a word or a row of x."""
    secret = match["secret"] if "secret" in match.re.groupindex else match[0]
    return (
        any(character.isdigit() for character in secret)
        and any(character.isalpha() for character in secret)
        and len(set(secret)) >= 8
    )


def always(match: re.Match[str]) -> bool:
    """The pattern alone is proof."""
    return True


PRIVATE_KEY = Pattern(
    "key",
    re.compile(
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"[^-]{0,20000}(?:-----END (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)?"
    ),
    always,
)
TOKEN = Pattern(
    "key",
    re.compile(
        r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{20,300}|[sr]k_(?:live|test)_[0-9A-Za-z]{16,200}"
        r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255}|glpat-[\w-]{20,64}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|xox[abeoprs]-[A-Za-z0-9-]{10,200}"
        r"|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|SG\.[\w-]{16,32}\.[\w-]{16,64}"
        r"|eyJ[\w-]{10,2000}\.eyJ[\w-]{6,4000}\.[\w-]{10,1000})(?![A-Za-z0-9])"
    ),
    is_mixed,
)
NAMED_SECRET = Pattern(
    "key",
    re.compile(
        r"(?:(?<=api_key)|(?<=api-key)|(?<=apikey)|(?<=secret)|(?<=token)|(?<=Bearer))"
        r"(?:[\"' ]{0,3}[:=][\"' ]{0,3}| )(?P<secret>[A-Za-z0-9_/+.-]{24,200})(?![A-Za-z0-9])"
    ),
    is_mixed,
)
EMAIL = Pattern(
    "email",
    re.compile(
        r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}[A-Za-z]{2,24}"
        r"(?![\w@])"
    ),
    is_email,
)
IBAN = Pattern(
    "iban",
    re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)"),
    is_iban,
)
CARD = Pattern(
    "card",
    re.compile(
        r"(?<![\w.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{5})"
        r"(?![\w-]|\.\d)"
    ),
    is_card,
)
ADDRESS_4 = Pattern(
    "ip", re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)"), is_address_4
)
ADDRESS_6 = Pattern(
    "ip", re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,35}(?![\w:])"), is_address_6
)
SOCIAL_SECURITY = Pattern(
    "id", re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"), always
)
PHONE = Pattern(
    "phone",
    re.compile(
        r"(?<![\w.$€£#/+-])(?:"
        r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
        r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}"
        r"|0\d{1,4}[ -]\d{3,4}[ -]?\d{3,4}"
        r"|\d{3}-\d{4}|[2-9]\d{9}"
        r")(?![\w%-]|[.,]\d)"
    ),
    is_phone,
)

NUMBERS = (IBAN, CARD, SOCIAL_SECURITY, PHONE)
"""In this order: what a card is must not be masked as a phone."""
