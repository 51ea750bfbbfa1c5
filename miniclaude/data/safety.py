"""Safety: rows whose answers go along with harm are rejected, with the category and the words.

What is judged is the pair of request and answer. A refusal, or comfort, is a good answer to a
harmful request and passes; so does every harmless request that only sounds dangerous. See
`safety_rules.py` for what rules of words cannot do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from miniclaude.data.example import Example, to_row
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.safety_answers import BUT_HERE, CRUEL, CRUEL_SIGNALS, PROFANE, REFUSAL
from miniclaude.data.safety_requests import Request, Rule
from miniclaude.data.safety_rules import RULES, SIGNALS
from miniclaude.data.shingles import ASCII
from miniclaude.data.texts import text_of

if TYPE_CHECKING:
    from glin_profanity import Filter

READ = 8_000
"""Characters at each end of a message that are judged."""
OPENING = 400
"""Characters of an answer in which a refusal must begin."""
AROUND = 60
"""Characters on both sides of a rude word that are looked at."""

OF_ANSWERS = frozenset(word.encode() for word in CRUEL_SIGNALS | PROFANE)
ANY_SIGNAL = SIGNALS | OF_ANSWERS
DISGUISED = re.compile(r"[a-zA-Z][*@$]{1,4}[a-zA-Z]")
DISGUISED_WORD = re.compile(r"[a-zA-Z]{1,8}[*@$!]{1,4}[a-zA-Z]{1,8}")


class Concern(NamedTuple):
    """Why an answer is not to be learnt. words: the ones that say so."""

    category: str
    words: str


class Safety:
    """The stage."""

    name = "safety"

    def __init__(self) -> None:
        self._rows = 0
        self._rejected: Counter[str] = Counter()

    def run(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; an unsafe one leaves as `unsafe_answer`."""
        for item in items:
            yield self.judge(item) if isinstance(item, Example) else item

    def judge(self, example: Example) -> Item:
        """The example, or its rejection."""
        self._rows += 1
        found = concern(example)
        if found is None:
            return example
        self._rejected[found.category] += 1
        return Rejection(
            example.place,
            "unsafe_answer",
            f"{found.category}: the answer goes along with {found.words!r}."
            if found.category not in ("profanity", "cruelty")
            else f"{found.category}: the answer says {found.words!r}.",
            "Answer with a kind refusal, or remove the row.",
            shown(to_row(example)),
        )

    def passed(self, rows: int) -> None:
        """So many rows were seen to need nothing (`row_scan.py`): they are only counted."""
        self._rows += rows

    def report(self) -> dict[str, object]:
        """Counts of rows, and of the rejected by category."""
        return {"rows": self._rows, "rejected": dict(self._rejected)}


def concern(example: Example) -> Concern | None:
    """What speaks against learning the example's answers, if anything does. Answers that are shown
    as bad ones (rejected, undesirable, of weight 0) may be bad."""
    if example.text:
        return answer_concern(example.text)
    if example.desirable is False:
        return None
    messages = example.messages + example.chosen
    row = "\n".join([text_of(message) for message in messages])
    words = split_words(row)
    disguised = may_be_disguised(row)
    if ANY_SIGNAL.isdisjoint(words) and not disguised:
        return None
    requests = possible_requests(words)
    answers = disguised or not OF_ANSWERS.isdisjoint(words)
    if not requests and not answers:
        return None
    asked: Concern | None = None
    for index, message in enumerate(messages):
        text = text_of(message)
        if message.role == "user":
            asked = harmful_request(text, requests) if requests else None
        elif message.role == "assistant" and index not in example.unlearned:
            if asked is not None and text and not declines(text):
                return asked
            if answers and (found := answer_concern(text)) is not None:
                return found
    return None


def split_words(text: str) -> list[bytes]:
    """The words of a text in lower case; those beyond ASCII only roughly."""
    return text.encode("utf-8", "surrogatepass").translate(ASCII).split()


def may_be_disguised(text: str) -> bool:
    """Whether some word may be written so as not to be found ("f*ck")."""
    return ("*" in text or "@" in text or "$" in text) and DISGUISED.search(text) is not None


REQUESTS = [(rule, one) for rule in RULES for one in rule.requests]


def possible_requests(
    words: list[bytes], among: list[tuple[Rule, Request]] = REQUESTS
) -> list[tuple[Rule, Request]]:
    """The harmful requests that a text of these words may hold; none, for most texts."""
    if SIGNALS.isdisjoint(words):
        return []
    known = frozenset(words)
    return [(rule, one) for rule, one in among if one.may_be_in(known)]


def harmful_request(text: str, among: list[tuple[Rule, Request]] = REQUESTS) -> Concern | None:
    """The harm that a user's message asks for, if any; among: what it may be."""
    requests = possible_requests(split_words(text), among)
    if not requests:
        return None
    lower = _ends(text).lower().replace("\u2019", "'")
    for rule, request in requests:
        match = pattern(request.core).search(lower) and pattern(request.pattern).search(lower)
        if match is not None and not pattern(rule.harmless).search(lower):
            return Concern(rule.category, " ".join(match[0].split())[:80])
    return None


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A rule's pattern, compiled when it is first needed: all of them take a tenth of a second."""
    return re.compile(text)


def declines(answer: str) -> bool:
    """Whether an answer refuses, warns or comforts, rather than going along."""
    lower = answer[:READ].lower().replace("\u2019", "'")
    return REFUSAL.search(lower, 0, OPENING) is not None and not BUT_HERE.search(lower)


def answer_concern(answer: str) -> Concern | None:
    """Cruelty and profanity in an answer, whatever the question was."""
    if OF_ANSWERS.isdisjoint(split_words(answer)) and not may_be_disguised(answer):
        return None
    text = _ends(answer)
    cruel = CRUEL.search(text.lower())
    if cruel is not None:
        return Concern("cruelty", cruel[0])
    word = profanity(text)
    return Concern("profanity", word) if word else None


def profanity(text: str) -> str:
    """The first profane word, or "". The library judges a short piece around each word that may be
    one: it knows disguises, and takes seconds for a megabyte."""
    for match in re.finditer(r"[\w*@$!]+", text):
        word = match[0].lower().strip("!*@")
        if word in PROFANE:
            return word
        if DISGUISED_WORD.fullmatch(match[0]):
            piece = text[max(0, match.start() - AROUND) : match.end() + AROUND]
            for named in _filter().check_profanity(piece)["profane_words"]:
                if named.lower() in PROFANE:
                    return str(named).lower()
    return ""


@cache
def _filter() -> Filter:
    from glin_profanity import Filter  # slow to import, and few rows need it

    return Filter({"languages": ["english"], "cache_results": False})


def _ends(text: str) -> str:
    return text if len(text) <= 2 * READ else f"{text[:READ]}\n{text[-READ:]}"
