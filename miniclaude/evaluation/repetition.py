"""Answers that go round in circles or lead nowhere.

A loop is told by its repetition alone; a dead end is an answer that is empty, or was cut off
because it did not end. A poem with a refrain may be called a loop; an answer that says one thing in
ever new words is not.
"""

from __future__ import annotations

import re
from collections import Counter

UNIT = 12
"""Most words of a piece that is said again right behind itself."""
TIMES = {1: 4, 2: 4}
"""How often a piece of so many words in a row makes a loop; three times for longer ones."""
SENTENCE, SENTENCES = 4, 3
"""A sentence of so many words, said so many times anywhere."""
GRAM, GRAMS, SHARE = 4, 30, 0.5
"""Of so many runs of four words or more, the share that was said before."""

CHARACTERS = re.compile(r"([^\s.\-_=*#])\1{11,}|([^\s\d.\-_=*#]{2,3})\2{5,}")
"""A character twelve times in a row, or a syllable six times; lines of dashes are no loops."""
WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001
ENDS = re.compile(r"[.!?\n]+")


def loop(text: str) -> str:
    """The piece that is repeated, or "" for an answer without a loop."""
    run = CHARACTERS.search(text)
    if run is not None:
        return (run[1] or run[2])[:20]
    words = [word.casefold() for word in WORDS.findall(text)]
    return _in_a_row(words) or _sentence(text) or _many(words)


def is_dead_end(text: str, *, ended: bool) -> bool:
    """Whether an answer is empty, or was cut at its limit. ended: it closed its turn itself."""
    return not ended or not text.strip()


def _in_a_row(words: list[str]) -> str:
    for size in range(1, min(UNIT, len(words) // 2) + 1):
        needed = size * (TIMES.get(size, 3) - 1)
        same = 0
        for place in range(size, len(words)):
            same = same + 1 if words[place] == words[place - size] else 0
            # Counting "1 2 3" or spelling a number out repeats nothing; a row of one digit does.
            if same >= needed:
                return " ".join(words[place - size + 1 : place + 1])
    return ""


def _sentence(text: str) -> str:
    sentences = (" ".join(WORDS.findall(one.casefold())) for one in ENDS.split(text))
    counted = Counter(one for one in sentences if one.count(" ") >= SENTENCE - 1)
    said, times = max(counted.items(), key=lambda one: one[1], default=("", 0))
    return said if times >= SENTENCES else ""


def _many(words: list[str]) -> str:
    grams = Counter(zip(*(words[start:] for start in range(GRAM)), strict=False))
    total = sum(grams.values())
    if total < GRAMS or 1 - len(grams) / total < SHARE:
        return ""
    return " ".join(grams.most_common(1)[0][0])
