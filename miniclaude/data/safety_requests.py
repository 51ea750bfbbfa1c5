"""How requests for help with harm are described and found.

A `Request` is something to be done and what it is to be done to, a few words apart; it begins a
sentence or follows words such as "how do I". It is searched in lower-case text; where it is found,
a rule's `harmless` words may still say that no harm is meant.

In the lists a `_` stands for a space and a `*` for any ending.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

WANTING = """
how_to how_do_i how_can_i how_could_i how_would_i how_should_i how_do_you how_does_one best_way_to
easiest_way_to quickest_way_to fastest_way_to perfect_way_to best_place_to ways_to way_to help_me
want_to plan_to planning_to plans_to steps_to instructions_to instructions_for teach_me tell_me
where_do_i where_can_i going_to need_to guide_to give_me
 explain describe show_me tutorial_for recipe_for
"""


def _any_of(listed: str) -> str:
    """Any entry of a list, as a pattern."""
    entries = [
        re.escape(entry).replace("_", r"[\s-]").replace(r"\*", r"\w*") for entry in listed.split()
    ]
    return rf"\b(?:{'|'.join(entries)})(?!\w)"


def _last_words(listed: str) -> frozenset[bytes]:
    """The last word of each entry: a text without any of them holds no entry."""
    return frozenset(entry.rpartition("_")[2].encode() for entry in listed.split())


BEGINNING = (
    r"(?:^|[.!?:;\n]\s*|\bplease\s+|\b(?:can|could|will|would)\s+you\s+"
    rf"|{_any_of(WANTING)}\W+(?:[\w'-]+\W+){{0,3}}?)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """core: the pattern without how a request begins; most texts fail it, and sooner. doing: the
    pattern's first list, what: its second; both also as single words, of which a text
    must hold one each. signals: the rarer ones of those words. reach: how many words after the last
    of the first list the last of the second stands, at most."""

    pattern: str
    core: str
    doing: frozenset[bytes]
    what: frozenset[bytes]
    signals: frozenset[bytes]
    reach: int

    def may_be_in(self, words: Set[bytes]) -> bool:
        """Whether a text of these words is worth the search."""
        return not (self.doing.isdisjoint(words) or self.what.isdisjoint(words))


def request(
    doing: str, what: str, *, signals: str = "", near: int = 4, anywhere: bool = False
) -> Request:
    """near: words between the two. anywhere: not only where a request begins."""
    between = rf"\s{{1,3}}(?:[\w'-]+\s{{1,3}}){{0,{near}}}?"
    beginning = "" if anywhere else BEGINNING
    core = _any_of(doing) + between + _any_of(what)
    return Request(
        beginning + core,
        core,
        _last_words(doing),
        _last_words(what),
        _last_words(signals or what),
        near + max(entry.count("_") + 1 for entry in what.split()),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One category: what is harmful unless it is harmless."""

    category: str
    requests: tuple[Request, ...]
    harmless: str


def rule(category: str, requests: list[Request], harmless: str) -> Rule:
    return Rule(category, tuple(requests), _any_of(harmless))
