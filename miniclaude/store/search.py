"""Full-text search: what a person typed → a condition on conversations.

The typed text is cut into words of letters and digits before either database sees it, so no
character of it can be read as query syntax. The words must all occur, the last as a beginning.
"""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, TextClause, false, text

from miniclaude.store.tables import conversations

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 16
_LONGEST_WORD = 100

_FTS5 = """
    SELECT c.id FROM conversations_search
    JOIN conversations AS c ON c.number = conversations_search.rowid
    WHERE conversations_search MATCH :words AND c.owner = :searcher
    UNION
    SELECT m.conversation_id FROM messages_search
    JOIN messages AS m ON m.number = messages_search.rowid
    WHERE messages_search MATCH :words AND m.owner = :searcher
"""

_TSVECTOR = """
    SELECT id FROM conversations
    WHERE search_vector(title) @@ to_tsquery('simple', :words) AND owner = :searcher
    UNION
    SELECT conversation_id FROM messages
    WHERE search_vector(content) @@ to_tsquery('simple', :words) AND owner = :searcher
    AND status <> 'streaming'
"""


def matching(query: str, owner: str, *, sqlite: bool) -> ColumnElement[bool]:
    """The condition that a conversation's title, or one of its messages, has all the words.

    A query without a single letter or digit matches nothing.
    """
    words = [word[:_LONGEST_WORD] for word in _WORD.findall(query)[:_MOST_WORDS]]
    if not words:
        return false()
    if sqlite:
        wanted = " ".join(f'"{word}"' for word in words) + "*"
    else:
        wanted = " & ".join(f"'{word}'" for word in words) + ":*"
    found: TextClause = text(_FTS5 if sqlite else _TSVECTOR).bindparams(
        words=wanted, searcher=owner
    )
    return conversations.c.id.in_(found.columns(conversations.c.id))
