"""Rows from what is said, and text as people type it: lower case, no marks, slips of the keyboard.

A slip is only ever made in a word of `SLIPS`, never in a name, a number or a word that is asked
about, so that the answer stays right.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from random import Random

Row = dict[str, object]
"""`kind`, `messages` in OpenAI's form, and `tools` where some are offered."""

SLIPS = {
    "about": ("abuot", "abot"),
    "after": ("aftr", "afer"),
    "altogether": ("alltogether", "all together"),
    "answer": ("anser", "awnser"),
    "because": ("becuase", "cause"),
    "before": ("befor", "befroe"),
    "between": ("betwen", "beetween"),
    "calculate": ("calculte", "caculate", "calulate"),
    "called": ("caled",),
    "capital": ("captial", "capitol"),
    "comes": ("coms",),
    "could": ("coud", "culd"),
    "country": ("contry", "counrty"),
    "different": ("diffrent",),
    "divided": ("devided", "dividd"),
    "does": ("dose", "dos"),
    "favourite": ("favorite", "favourit"),
    "from": ("form", "frm"),
    "have": ("hav", "hve"),
    "just": ("jsut", "jus"),
    "know": ("kno", "konw"),
    "language": ("langauge", "languge"),
    "letters": ("leters", "lettrs"),
    "many": ("mny", "manny"),
    "minus": ("mius", "minnus"),
    "much": ("mch", "muhc"),
    "number": ("numbr", "nubmer"),
    "numbers": ("numbrs", "nubmers"),
    "opposite": ("oposite", "opposit"),
    "people": ("poeple", "pepole"),
    "please": ("pls", "plz", "plese", "pleas"),
    "remember": ("rember", "remeber"),
    "should": ("shoud", "shuld"),
    "tell": ("tel", "tlel"),
    "their": ("thier",),
    "there": ("ther", "thre"),
    "think": ("thnk", "thikn"),
    "times": ("tims", "tiems"),
    "together": ("togehter", "togther"),
    "what": ("waht", "wht", "wat"),
    "what's": ("whats",),
    "when": ("wehn", "wen"),
    "where": ("wher", "were"),
    "which": ("wich", "whcih"),
    "with": ("wiht", "wth"),
    "word": ("wrod",),
    "would": ("woud", "wuld"),
    "write": ("wirte", "wite"),
    "your": ("ur", "yuor", "youre"),
    "you": ("u", "yu"),
}
WORD = re.compile(r"[a-z']+")


def each_word(text: str) -> tuple[str, ...]:
    """The words of a text, parted by white space."""
    return tuple(text.split())


def each_part(text: str) -> tuple[str, ...]:
    """The parts of a text between commas."""
    return tuple(part.strip() for part in text.split(","))


def conversation(kind: str, *said: str, system: str = "") -> Row:
    """A row in which user and assistant speak in turn, the user first."""
    messages = [{"role": "system", "content": system}] if system else []
    for number, text in enumerate(said):
        messages.append({"role": "assistant" if number % 2 else "user", "content": text})
    return {"kind": kind, "messages": messages}


def as_typed(random: Random, text: str, *, keep: Container[str] = ()) -> str:
    """The text, in two of five cases as a hurried person types it. keep: words never misspelt."""
    style = random.random()
    if style < 0.6:
        return text
    if style < 0.75:
        return unmarked(text.lower())
    if style < 0.83:
        return text.lower()
    if style < 0.9:
        return unmarked(text)
    return with_a_slip(random, text.lower() if style < 0.96 else text, keep)


def without_marks(random: Random, text: str) -> str:
    """The text as it is, or without its last mark: for text whose capitals matter."""
    return unmarked(text) if random.random() < 0.25 else text


def unmarked(text: str) -> str:
    """The text without the question mark or full stop at its end."""
    alone = text.endswith(("..", " ?"))
    return text[:-1] if text[-1:] in "?." and len(text) > 1 and not alone else text


def with_a_slip(random: Random, text: str, keep: Container[str] = ()) -> str:
    """The text with one word of `SLIPS` misspelt, where it has one that is not to be kept."""
    places = [found for found in WORD.finditer(text) if found[0] in SLIPS and found[0] not in keep]
    if not places:
        return text
    chosen = random.choice(places)
    return text[: chosen.start()] + random.choice(SLIPS[chosen[0]]) + text[chosen.end() :]


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def a(noun: str) -> str:
    """The noun with its indefinite article."""
    silent = noun.startswith(("hour", "honest"))
    sounded = noun.startswith(("uni", "use", "eu", "one"))
    vowel = noun[:1].lower() in "aeiou" and noun[:1]
    return f"an {noun}" if (vowel and not sounded) or silent else f"a {noun}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """One, two or more things in a sentence: `a, b and c`."""
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
