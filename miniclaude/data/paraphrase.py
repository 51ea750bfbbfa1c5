"""The same request in other words, by rules that cannot change what is asked.

English only: a rule applies where it recognises the English words it turns around, so a request in
another language is left as it is. Requests that hold numbers, quotations, code, addresses or a
prescribed format are left as they are too: there the wording is the meaning.
"""

from __future__ import annotations

import re

LONGEST = 300  # characters of a request that is put in other words

MEANT_LITERALLY = re.compile(
    r"[\d\"`<>{}\[\]\\|=_#*@^~]|(?<!\w)'|'(?!\w)|\b[A-Z]{2,}\b",
)
"""Numbers, quotations, code and names in capitals."""

OF_FORM = re.compile(
    r"https?:|www\.|\b(json|csv|yaml|xml|markdown|format|exactly|word for word|verbatim|letters?|"
    r"code|python|function|words?|sentences?|lines?|spell(ing)?|punctuation|uppercase|lowercase|"
    r"questions?|rhymes?)\b",
    re.I,
)
"""Requests about wording itself, and addresses."""

VERBS = (
    "add|analyze|answer|argue|arrange|brainstorm|categorize|change|check|choose|classify|combine|"
    "come up with|compare|complete|compose|construct|convert|correct|create|define|describe|design|"
    "determine|develop|discuss|draft|edit|estimate|evaluate|explain|find|generate|give|help|"
    "identify|imagine|improve|invent|list|make|name|offer|organize|outline|paraphrase|plan|predict|propose|"
    "provide|recommend|rephrase|replace|rewrite|share|show|simplify|sort|suggest|summarize|teach|"
    "tell|think of|transform|translate|turn|write"
)
IMPERATIVE = re.compile(rf"(?P<polite>please )?(?P<rest>(?P<verb>{VERBS})\b[^?!.]*)[.!]?", re.I)
ASKED_POLITELY = re.compile(
    rf"(can|could|would|will) you (please )?(?P<rest>(?:{VERBS})\b[^?!.]*)\?", re.I
)
QUESTION = re.compile(
    r"(?P<first>what|who|whose|when|where|which|why|how|is|are|does|do|did|can|could|should|was|were)"
    r"\b[^?!.]*\?",
    re.I,
)
WHAT_IS = re.compile(r"(?:what is|what's) (?P<thing>(?:the|a|an) [^?,]+)\?", re.I)
UNFINISHED = re.compile(
    r"\b(called|named|like|for|to|of|in|about|from|with|that|which|who|if|when|doing|going|"
    r"happening|\w+ed)$|\b(that|which|who|if|when|is|are|was|were|and|do|does)\b",
    re.I,
)
"""Ends and clauses after which "… is" would not stand right."""

PLEAS = (
    "Please {0}.",
    "Could you {0}?",
    "Can you {0}?",
    "Would you {0}?",
    "Could you please {0}?",
    "I'd like you to {0}.",
    "I need you to {0}.",
    "Would you mind helping me? Please {0}.",
    "Here is what I need: {0}.",
    "Let's try something: {0}.",
)
OPENERS = (
    "I have a question: {0}",
    "Quick question: {0}",
    "I was wondering: {0}",
    "I'm curious: {0}",
    "Help me out here: {0}",
    "Something I always wanted to ask: {0}",
    "Maybe you know this: {0}",
    "Tell me, {0}",
    "Out of curiosity, {0}",
    "Just to be sure, {0}",
)
INDIRECT = (
    "Can you tell me what {0} is?",
    "Could you tell me what {0} is?",
    "I'd like to know what {0} is.",
    "Do you happen to know what {0} is?",
    "Please tell me what {0} is.",
)

CONTRACTIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.I), by)
    for pattern, by in (
        (r"\b(I|we|they|you) don't\b", r"\1 do not"),
        (r"\b(I|we|they|you) do not\b", r"\1 don't"),
        (r"\b(I|we|they|you|he|she|it) can't\b", r"\1 cannot"),
        (r"\b(I|we|they|you|he|she|it) cannot\b", r"\1 can't"),
        (r"\b(he|she|it) doesn't\b", r"\1 does not"),
        (r"\b(he|she|it) does not\b", r"\1 doesn't"),
        (r"\bI'm (?=\w)", "I am "),
        (r"\bI am (?=\w)", "I'm "),
        (r"^What's (?=(the|a|an|your)\b)", "What is "),
        (r"^What is (?=(the|a|an|your)\b)", "What's "),
        (r"\bI would like\b", "I'd like"),
        (r"\bI'd like\b", "I would like"),
    )
)


def is_touchable(request: str) -> bool:
    """Whether its first line may be put in other words at all."""
    head = _head(request)
    return (
        0 < len(head) <= LONGEST
        and head.isascii()
        and not MEANT_LITERALLY.search(head)
        and not OF_FORM.search(head)
    )


def paraphrases(request: str) -> list[str]:
    """Other wordings of a request, none the same as it; empty where no rule applies.

    Only the first line changes; what follows it is material, and stays byte for byte.

    >>> paraphrases("What's the capital of France?")[:2]
    ['What is the capital of France?', 'Can you tell me what the capital of France is?']
    """
    if not is_touchable(request):
        return []
    head = _head(request)
    rest = request[len(head) :]
    found: dict[str, None] = {}
    for pattern, by in CONTRACTIONS:
        if pattern.search(head):
            found[_capital(pattern.sub(by, head))] = None
    if ":" in head:  # it introduces material
        return [variant + rest for variant in found]
    if imperative := IMPERATIVE.fullmatch(head.strip()):
        plain = imperative["rest"].strip()
        found |= dict.fromkeys(plea.format(_small(plain)) for plea in PLEAS)
        found[f"{_capital(plain)}."] = None
        found[f"{_capital(plain)}, please."] = None
    elif polite := ASKED_POLITELY.fullmatch(head.strip()):
        plain = polite["rest"].strip()
        found |= dict.fromkeys(plea.format(_small(plain)) for plea in PLEAS)
        found[f"{_capital(plain)}."] = None
    elif QUESTION.fullmatch(head.strip()):
        if (what := WHAT_IS.fullmatch(head.strip())) and _is_plain_thing(what["thing"]):
            found |= dict.fromkeys(form.format(what["thing"]) for form in INDIRECT)
        found |= dict.fromkeys(opener.format(_small(head.strip())) for opener in OPENERS)
    found.pop(head, None)
    return [variant + rest for variant in found]


def _head(request: str) -> str:
    return request.partition("\n")[0].rstrip()


def _is_plain_thing(thing: str) -> bool:
    return len(thing.split()) <= 8 and not UNFINISHED.search(thing)


def _small(text: str) -> str:
    """A sentence as it stands inside another."""
    first = text.split(" ", 1)[0]
    return text if first in ("I", "I'm", "I'd") else text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
