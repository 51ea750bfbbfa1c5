"""Judgements whether an answer is worth learning. Each is for one answer, and careful: what may be
right in some conversation passes."""

from __future__ import annotations

import re

from miniclaude.data.repair import looks_like_code
from miniclaude.data.shingles import byte_words

SHORTEST_ECHO = 4
"""Words. "Good morning" is a fine answer to "Good morning"."""

ECHO_SLACK = 4
"""Characters by which marks and spaces may differ."""

LOOP_CHARACTERS = 60
LOOP_TIMES = 5
TAIL = 40
"""Characters at the end of an answer that a loop must have said before."""

SHORTEST_CUT = 8
"""Words. Shorter answers may end as they like."""

UNFINISHED = frozenset(
    ["a", "an", "the", "and", "or", "but", "because", "my", "your", "his", "our", "their", "its"]
)
"""Words that end no sentence. Prepositions may: "something to look forward to"."""

ANNOUNCEMENT = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|ok|okay|great|gladly|no problem)"
    r"(?: thing)?[!.,]*\s+)?"
    r"(?:i(?:'d| would| will|'ll) be (?:happy|glad) to[^.!?:\n]{0,80}[.!]\s+)?"
    r"(?:here(?:'s| is| are)|below (?:is|are))\b[^.!?:\n]{0,200}:",
    re.IGNORECASE,
)
DISCLAIMER = re.compile(
    r"(?:i(?:'m| am) sorry,? (?:but )?)?as an? (?:ai|artificial intelligence)\b"
    r"(?: language model| assistant| chatbot| model)*,? i\b[^.!?\n]{0,200}[.!]?"
    r"(?:\s+i (?:do not|don't|cannot|can't)[^.!?\n]{0,200}[.!]?)?",
    re.IGNORECASE,
)
BUT = re.compile(r"\b(?:but i|but here|however|instead|can (?:help|tell|give|try|offer))\b", re.I)


def echoes(question: str, answer: str) -> bool:
    """Whether the answer is the question again, whatever the case and the marks."""
    if abs(len(question) - len(answer)) > ECHO_SLACK:
        return False
    said = byte_words(answer)
    return len(said) >= SHORTEST_ECHO and said == byte_words(question)


def is_boilerplate(answer: str) -> bool:
    """Whether the answer only announces what it then does not give ("Sure! Here is the list:"), or
    only says what an AI is not ("As an AI language model, I do not have opinions.")."""
    if len(answer) > 600 or not answer:
        return False
    if answer[-1] == ":":
        return ANNOUNCEMENT.fullmatch(answer) is not None
    if answer[0] not in "AaIi":
        return False
    return DISCLAIMER.fullmatch(answer) is not None and not BUT.search(answer)


def is_truncated(answer: str) -> bool:
    """Whether the answer stops in the middle: a fence without its end, a word or a comma that no
    sentence ends with."""
    if "```" in answer and answer.count("```") % 2:
        return True
    last = answer[-1:]
    if not (last.isalpha() or last in ",("):
        return False
    tail = answer[-24:].rsplit(None, 1)
    word = tail[-1].lower()
    if last in ",(":
        return len(answer.split()) >= SHORTEST_CUT and not looks_like_code(answer)
    return (
        len(tail) == 2
        and word in UNFINISHED
        and len(answer.split()) >= SHORTEST_CUT
        and not looks_like_code(answer)
    )


def loops(text: str) -> bool:
    """Whether the text ends in a loop: at least five times the same, sixty characters or more of
    it, words among them ("the the the the …")."""
    if len(text) < LOOP_CHARACTERS:
        return False
    # A loop of period p says its tail again p characters earlier.
    start = len(text) - TAIL
    earlier = text.rfind(text[start:], 0, len(text) - 1)
    if earlier < 0:
        return False
    period = start - earlier
    length = max(LOOP_CHARACTERS, LOOP_TIMES * period)
    if length > len(text):
        return False
    looped = text[-length:]
    return looped[period:] == looped[:-period] and any(c.isalpha() for c in looped[:period])
