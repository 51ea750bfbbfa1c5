"""What a passage is made of: facts, each a sentence and the questions that it answers.

A fact that is left out of the text makes its questions ones that the text does not answer, so no
fact may follow from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Asked:
    """A question in several wordings, and its answer in several."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One sentence of a text and what it answers."""

    sentence: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class Scene:
    """A small world. first: what every text of it says. more: what it may say, in this order.
    unknown: questions that none of it answers."""

    first: tuple[Fact, ...]
    more: tuple[Fact, ...]
    unknown: tuple[str, ...]


MakeScene = Callable[[Random], Scene]


def fact(sentence: str, *asked: tuple[str, str]) -> Fact:
    """A fact from pairs of texts in which `|` parts the wordings."""
    return Fact(
        sentence,
        tuple(Asked(tuple(q.split("|")), tuple(a.split("|"))) for q, a in asked),
    )
