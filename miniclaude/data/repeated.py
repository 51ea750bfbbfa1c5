"""What is said of a row that repeats an earlier one, and which one that sentence names."""

from __future__ import annotations

import re

from miniclaude.data.example import Place

SAME, NEARLY = "the same words as ", "nearly the same as "
_REPEATS = re.compile(rf"(?:{SAME}|{NEARLY})(.+), ([a-z]+) (\d+)[.:]", re.DOTALL)


def repeated_place(message: str) -> Place | None:
    """The place that a rejection's message names, if it is one of `NearDuplicates`.

    >>> repeated_place("the same words as my.json, item 3.")
    Place(file='my.json', line=3, unit='item')
    """
    found = _REPEATS.match(message)
    return None if found is None else Place(found[1], int(found[3]), found[2])
