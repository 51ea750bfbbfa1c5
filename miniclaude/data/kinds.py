"""What kind of conversation an example is, so that a report can say which kinds are missing.

A row may name its kind itself. For the others the first question and the last answer are judged
by their words: a rough guess, good enough to count with, for English only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from miniclaude.data.example import Example
from miniclaude.data.texts import text_of

KINDS: tuple[str, ...] = (
    "greeting",
    "identity",
    "question",
    "explaining",
    "rewriting",
    "list",
    "arithmetic",
    "story",
    "advice",
    "comfort",
    "refusal",
    "not-knowing",
    "passage",
    "format",
    "tools",
    "code",
)
"""The kinds that an assistant for everything meets."""

FORMS: tuple[str, ...] = ("several-turns", "system-prompt")
"""Beside its kind, what a conversation may look like."""

OTHER = "other"
LONG_PROMPT = 240  # characters: beyond, "the text" in a question means a passage that is given
LOOKED_AT = 600  # characters of a text that are judged
DIGIT = re.compile(r"\d")
MARKS = '.,;:!?()[]{}"*_/'
PUNCTUATION = str.maketrans(dict.fromkeys(MARKS, " "))


@dataclass(frozen=True, slots=True)
class Sign:
    """How a kind is told by the question.

    words: one of these decides. phrases: so does this pattern, which is only tried when one of
    `hints` is among the words (always, when there are none), with `digits` only where there is
    one. needed: whatever the pattern matches holds one of these, in lower case; to look for them
    takes less time. starts: the pattern must match at the beginning, which is one of these.
    """

    kind: str
    words: frozenset[str] = frozenset()
    phrases: re.Pattern[str] | None = None
    hints: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()
    digits: bool = False
    needed: tuple[str, ...] = ()

    def fits(self, asked: Asked) -> bool:
        """Whether the pattern fits a question with such a hint."""
        if self.phrases is None:
            return False
        if self.starts:
            begins = asked.lower.startswith(self.starts)
            return begins and self.phrases.match(asked.text) is not None
        return asked.holds_any(self.needed) and self.phrases.search(asked.text) is not None


class Asked(NamedTuple):
    """A question. known: what some sign knows of its words, the sum of their `MENTIONED`, and
    `HAS_DIGIT`."""

    text: str
    lower: str
    known: int

    def holds_any(self, needed: Sequence[str]) -> bool:
        """Whether one of some texts stands in it, or there are none. Beyond ASCII it may always be
        so: some letters there count as ASCII ones where capitals do not matter."""
        lower = self.lower
        for text in needed:
            if text in lower:
                return True
        return not needed or not lower.isascii()

    @classmethod
    def of(cls, text: str) -> Asked:
        """What the signs look at."""
        lower = text.lower()
        known = HAS_DIGIT if DIGIT.search(text) is not None else 0
        for word in lower.translate(PUNCTUATION).split():
            known |= MENTIONED.get(word, 0)
        return cls(text, lower, known)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


DECLINES = _any(
    r"(i'm sorry, but |sorry, |no\. )?i (can't|cannot|can not|won't|will not|am not able to)"
    r" (help|do|assist|give|write|tell you how|explain how|provide|support)"
)
DOES_NOT_KNOW = _any(
    r"(.{0,40}[.,!:] )?i (really )?(don't|do not|can't|cannot|couldn't) "
    r"(know|see|check|look|tell from|be sure)\b",
    r"i'm not sure|i have no way",
)
GIVEN = _words("passage text article paragraph context document below")

SIGNS: tuple[Sign, ...] = (
    Sign(
        "identity",
        phrases=_any(
            r"\b(who|what) (exactly )?are you\b",
            r"\bwhat('s| is) your name\b",
            r"\bwho (made|created|built|trained|wrote) you\b",
            r"\bare you (a |an )?(real|human|robot|ai|bot|person|machine|chatgpt|claude|gpt)",
            r"\babout yourself\b",
            r"\bwhat can you do\b",
        ),
        hints=_words("you your yourself"),
        needed=("e you", "d you", "t you", "your name", "can you do"),
    ),
    Sign(
        "greeting",
        phrases=_any(
            r"(hi|hello|hey|hiya|howdy|yo|good (morning|evening|afternoon|night|day)|thanks|"
            r"thank you|bye|goodbye|see you|nice to meet you|how are you|what's up)\b.{0,40}$"
        ),
        starts=("h", "yo", "good", "thank", "bye", "see", "nice", "what's"),
    ),
    Sign(
        "code",
        words=_words(
            "python javascript typescript java sql html css bash rust golang regex compiler git"
            " ``` c++ c# script snippet codebase"
        ),
        phrases=_any(r"\b(regular expression|source code|(for|while) loop|unit test)", r"```"),
        hints=_words("regular source loop loops unit code function program"),
    ),
    Sign(
        "format",
        words=_words(
            "json csv yaml xml markdown uppercase lowercase bullet bullets numbered comma-separated"
        ),
        phrases=_any(
            r"\b(upper|lower) case\b|\bcapital letters\b|\bone word\b",
            r"\bin (exactly |at most |under )?\w+ (words?|sentences?|lines?)\b",
        ),
        hints=_words("case capital one words word sentence sentences lines line"),
        needed=(" case", " letters", " word", " sentence", " line"),
    ),
    Sign(
        "rewriting",
        phrases=_any(
            r"(please |can you |could you )?(rewrite|rephrase|paraphrase|reword|correct|fix|edit|"
            r"proofread|translate|summari[sz]e|shorten|simplify|convert|change|transform|improve|"
            r"make (this|the|it)|turn (this|the)|put (this|the)|combine|replace)\b"
        ),
        starts=(
            *("please", "can you", "could you", "re", "para", "correct", "fix", "edit", "proof"),
            *("trans", "summari", "short", "simpl", "conv", "chang", "impro", "make", "turn"),
            *("put", "comb"),
        ),
    ),
    Sign(
        "comfort",
        phrases=_any(
            r"\bi('m| am| feel| felt)( \w+){0,3} (sad|anxious|stressed|lonely|worried|scared|"
            r"afraid|tired|upset|overwhelmed|nervous|heartbroken|depressed|down|ashamed|hopeless|"
            r"guilty|exhausted|awful|terrible|angry|alone)\b",
            r"\bmy \w+( \w+)? (died|passed away|left me|broke up)",
        ),
        hints=_words("i'm feel felt am died passed left broke"),
    ),
    Sign(
        "story",
        words=_words(
            "story stories poem haiku limerick fairytale fable tale verse rhyme dialogue joke"
            " riddle lyrics song"
        ),
    ),
    Sign(
        "arithmetic",
        words=_words("calculate compute percent percentage multiply"),
        phrases=re.compile("\\d\\s*[-+*/\u00d7\u00f7=^]\\s*\\d|\\d ?%"),
        digits=True,
        needed=tuple("-+*/=^%"),
    ),
    Sign(
        "arithmetic",
        phrases=_any(r"\bhow (many|much)\b|\b(sum|average|area|perimeter|product) of\b"),
        digits=True,
        needed=("how m", "sum of", "average of", "area of", "perimeter of", "product of"),
    ),
    Sign("arithmetic", phrases=_any(r"\bsquare root\b"), hints=_words("root")),
    Sign(
        "advice",
        words=_words("advice tips recommend"),
        phrases=_any(
            r"\bshould i\b|\bhow (do|can|could|should) i\b|\bwhat would you do\b|\bbest way to\b",
            r"\bhelp me (decide|choose|plan)\b",
        ),
        hints=_words("should how would best help"),
        needed=(
            *("should i", "how do i", "how can i", "how could i", "what would you do"),
            *("best way to", "help me "),
        ),
    ),
    Sign(
        "list",
        words=_words("list brainstorm suggest"),
        phrases=_any(
            r"\bideas for\b|\b(name|give( me)?|provide|what are) (\w+ )?"
            r"(\d+|two|three|four|five|six|seven|eight|ten|some|several|a few|examples?)\b"
        ),
        hints=_words("ideas name give provide what"),
        needed=("ideas for", "name ", "give ", "provide ", "what are "),
    ),
    Sign(
        "explaining",
        words=_words("explain describe why define compare"),
        phrases=_any(
            r"\bhow (do|does|did|is|are|can|come)\b|\bwhat (does|do) .* mean",
            r"\bdifference between\b|\btell me about\b",
        ),
        hints=_words("how what difference tell"),
        needed=("how d", "how is", "how are", "how c", "what do", "difference", "tell me about"),
    ),
    Sign(
        "question",
        phrases=_any(r"(what|who|when|where|which|is|are|does|do|can)\b"),
        starts=("wh", "is", "are", "do", "can"),
    ),
)
HAS_DIGIT, IS_GIVEN, HINT, WORD = 1, 2, 1 << 2, 1 << 32
"""What is known of a question, as bits; `HINT` and `WORD` are shifted by the number of a sign."""


def _mentioned() -> dict[str, int]:
    """Of each word that some sign knows: for which it is a word, for which a hint."""
    bits = dict.fromkeys(GIVEN, IS_GIVEN)
    for number, sign in enumerate(SIGNS):
        for words, bit in ((sign.words, WORD), (sign.hints, HINT)):
            for word in words:
                bits[word] = bits.get(word, 0) | bit << number
    return bits


MENTIONED: Mapping[str, int] = _mentioned()


def kind_of(example: Example) -> str:
    """The example's kind: as the row names it, else one of `KINDS`, else `other`; `text` for plain
    text."""
    if example.kind:
        return example.kind
    if example.task == "text":
        return "text"
    if example.tools or any(message.tool_calls for message in example.messages):
        return "tools"
    asked = next((text_of(message) for message in example.messages if message.role == "user"), "")
    answer = text_of((example.chosen or example.messages)[-1])
    return kind_of_texts(asked, answer)


@lru_cache(1 << 14)
def possible_signs(known: int) -> tuple[tuple[Sign, ...], str]:
    """By what is known of a question: the signs whose patterns may fit, in order; and the kind if
    none does, where some word decides."""
    signs: list[Sign] = []
    for number, sign in enumerate(SIGNS):
        if known & WORD << number:
            return tuple(signs), sign.kind
        hinted = not sign.hints or known & HINT << number
        if sign.phrases is not None and hinted and (known & HAS_DIGIT or not sign.digits):
            signs.append(sign)
    return tuple(signs), ""


def kind_of_texts(asked: str, answer: str) -> str:
    """The kind of a question with its answer, by their words."""
    return kind_by(asked, answer, Asked.of(looked_at(asked)))


def looked_at(asked: str) -> str:
    """What is judged of a question: of a long one the instruction stands first or last."""
    if len(asked) <= LOOKED_AT:
        return asked
    return f"{asked[: LOOKED_AT // 2]} {asked[-LOOKED_AT // 2 :]}"


def kind_by(question: str, answer: str, asked: Asked) -> str:
    """The same, of a question that was looked at."""
    opening = answer[:LOOKED_AT]
    if DECLINES.match(opening):
        return "refusal"
    if DOES_NOT_KNOW.match(opening):
        return "not-knowing"
    if len(question) > LONG_PROMPT and asked.known & IS_GIVEN:
        return "passage"
    signs, decided = possible_signs(asked.known)
    for sign in signs:
        if sign.fits(asked):
            return sign.kind
    if decided:
        return decided
    return "question" if question.rstrip().endswith("?") else OTHER
