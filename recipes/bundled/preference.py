"""Stage three: pairs of a right answer and the model's own wrong one, and DPO on them.

The prompts are rows that stage two never read (the generators with another seed, and rows of the
seed dataset whose kinds have a right shape). The model answers each of them greedily; where its
answer is wrong, the row's answer is the better of a pair. So it learns from the mistakes that it
really makes, and nothing from those that it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from miniclaude.data.example import Example
from miniclaude.evaluation.held_out import Prompt
from miniclaude.evaluation.repetition import loop
from miniclaude.evaluation.safety import refuses
from miniclaude.evaluation.writing import Write
from miniclaude.messages import Message, TextPart

REFUSED = frozenset({"refusal"})
"""Kinds whose right answer says no; whatever does is right."""
NOT_REFUSED = frozenset({"harmless"})
"""Kinds that only sound as if it were."""
NAMED = frozenset({"identity"})
"""Kinds where another name than its own is wrong."""
NAME = re.compile(r"\bI(?:'m| am) (?!Mini-Claude)([A-Z]\w+)")
WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Mistakes:
    """pairs: preference examples. asked: prompts that were answered."""

    pairs: list[Example]
    asked: int


def find_mistakes(examples: Iterable[Example], write: Write, exact: frozenset[str]) -> Mistakes:
    """Answer the last question of each example, and pair what is wrong with what is right.

    write: the model's answers. exact: kinds with one right answer, in whatever case and
    punctuation.
    """
    asked = [example for example in examples if not example.messages[-1].tool_calls]
    prompts = [Prompt(one.messages[:-1], one.tools) for one in asked]
    pairs = [
        replace(
            one,
            messages=one.messages[:-1],
            chosen=one.messages[-1:],
            rejected=(Message("assistant", (TextPart(answer),)),),
            unlearned=frozenset(),
        )
        for one, answer in zip(asked, write(prompts), strict=True)
        if answer.strip() and is_wrong(one, answer, exact)
    ]
    return Mistakes(pairs, len(asked))


def is_wrong(example: Example, answer: str, exact: frozenset[str]) -> bool:
    """Whether an answer is surely worse than the example's own."""
    right, kind = example.messages[-1].text, example.kind
    if loop(answer):
        return True
    if kind in REFUSED:
        return not refuses(answer) and refuses(right)
    if kind in NOT_REFUSED:
        return refuses(answer)
    if kind in NAMED:
        return NAME.search(answer) is not None
    return kind in exact and not says(answer, right)


def says(answer: str, right: str) -> bool:
    """Whether the answer is the right one but for case and punctuation."""
    return _words(answer) == _words(right)


def _words(text: str) -> Sequence[str]:
    return WORDS.findall(text.casefold())
