"""Full-text search: what a person typed → the conversations that hold it, and where.

The typed text is cut into words of letters and digits before either database sees it, so no
character of it can be read as query syntax. The words must all occur, the last as a beginning
(unless it is a single letter: nearly every message has a word that begins so).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, String, TextClause, column, text
from sqlalchemy.sql.selectable import Subquery

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 16
_LONGEST_WORD = 100

MAX_SEARCHED = 200_000
"""Characters of a message that a snippet is looked for in."""
_BEFORE = 40
_SNIPPET = 160
"""Characters of a snippet, and of it before the first word found."""

MAX_MATCHES = 10_000
"""Messages that a search on SQLite looks at, the newest first: a word may be in nearly all."""
_WINDOW = 5_000
_COMMON = 1_000
"""PostgreSQL's index has no order. Words in so many of the newest messages are looked for among
these alone."""

# The newest of a conversation's messages that match stands for it. CROSS JOIN has SQLite ask the
# index first; by itself it would ask it about one row after another.
_FTS5 = """
    SELECT c.id AS conversation_id, NULL AS message FROM conversations_search
    CROSS JOIN conversations AS c ON c.number = conversations_search.rowid
    WHERE conversations_search MATCH :words AND c.owner = :searcher
    UNION ALL
    SELECT conversation_id, max(number) FROM (
        SELECT m.conversation_id, m.number FROM messages_search
        CROSS JOIN messages AS m ON m.number = messages_search.rowid
        WHERE messages_search MATCH :words AND m.owner = :searcher
        ORDER BY messages_search.rowid DESC LIMIT :most
    ) GROUP BY conversation_id
"""

# What is only needed for words that are not common is behind a condition that is known before it
# begins.
_TSVECTOR = """
    WITH start AS (
        SELECT coalesce(max(number), 0) - :window AS number FROM messages
    ), newest AS MATERIALIZED (
        SELECT conversation_id, number FROM messages
        WHERE search_vector(content) @@ to_tsquery('simple', :words) AND owner = :searcher
        AND status <> 'streaming' AND number > (SELECT number FROM start)
    )
    SELECT id AS conversation_id, NULL AS message FROM conversations
    WHERE search_vector(title) @@ to_tsquery('simple', :words) AND owner = :searcher
    UNION ALL
    SELECT conversation_id, max(number) FROM newest GROUP BY conversation_id
    UNION ALL
    SELECT conversation_id, max(number) FROM messages
    WHERE (SELECT count(*) FROM newest) < :common
    AND search_vector(content) @@ to_tsquery('simple', :words) AND owner = :searcher
    AND status <> 'streaming' AND number <= (SELECT number FROM start)
    GROUP BY conversation_id
"""

Places = tuple[tuple[int, int], ...]
"""Where words stand: first character and the one after the last, in code points."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Part of a text, on one line, with the places of the words that were looked for."""

    text: str
    places: Places


@dataclass(frozen=True, slots=True)
class Match:
    """Why a conversation was found. title: places in its title. message_id: the newest message
    with all the words, and a snippet of it; None where only the title has them."""

    title: Places
    message_id: str | None = None
    snippet: Snippet | None = None


def query_words(query: str) -> list[str]:
    """The words of what a person typed."""
    return [word[:_LONGEST_WORD] for word in _WORD.findall(query)[:_MOST_WORDS]]


def matching(words: Sequence[str], owner: str, *, sqlite: bool) -> Subquery:
    """Rows of `conversation_id` and `message`, the number of its newest message that has all the
    words (null where it is the title that has them). words: at least one."""
    begins = _is_beginning(words[-1])
    limits: dict[str, int]
    if sqlite:
        wanted = " ".join(f'"{word}"' for word in words) + ("*" if begins else "")
        limits = {"most": MAX_MATCHES}
    else:
        wanted = " & ".join(f"'{word}'" for word in words) + (":*" if begins else "")
        limits = {"window": _WINDOW, "common": _COMMON}
    found: TextClause = text(_FTS5 if sqlite else _TSVECTOR).bindparams(
        words=wanted, searcher=owner, **limits
    )
    return found.columns(
        column("conversation_id", String(32)), column("message", BigInteger)
    ).subquery("found")


def find_words(value: str, words: Sequence[str]) -> Places:
    """Where the words stand in a text, whatever their case and accents; the last as a beginning."""
    folded = [_fold(word) for word in words]
    whole, beginning = set(folded), folded[-1]
    begins = _is_beginning(words[-1])
    return tuple(
        (found.start(), _end(found, folded_word, whole, beginning))
        for found in _WORD.finditer(value)
        if (folded_word := _fold(found.group())) in whole
        or (begins and folded_word.startswith(beginning))
    )


def make_snippet(value: str, words: Sequence[str]) -> Snippet:
    """The part of a text around the first of the words, or its beginning."""
    searched = value[:MAX_SEARCHED]
    places = find_words(searched, words)
    start = max(0, places[0][0] - _BEFORE) if places else 0
    if start:  # not in the middle of a word
        start = searched.find(" ", start, places[0][0]) + 1 or start
    part = searched[start : start + _SNIPPET]
    line = "".join(" " if character.isspace() else character for character in part)
    inside = tuple(
        (first - start, last - start) for first, last in places if last <= start + len(part)
    )
    before, after = ("…" if start else ""), ("…" if len(value) > start + len(part) else "")
    moved = tuple((first + len(before), last + len(before)) for first, last in inside)
    return Snippet(f"{before}{line}{after}", moved)


def _end(found: re.Match[str], folded: str, whole: set[str], beginning: str) -> int:
    """A whole word to its end; of one that only begins so, the beginning."""
    if folded in whole or len(folded) != len(found.group()):
        return found.end()
    return found.start() + len(beginning)


def _is_beginning(word: str) -> bool:
    return len(word) > 1 or not word.isascii()


def _fold(word: str) -> str:
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFD", word.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))
