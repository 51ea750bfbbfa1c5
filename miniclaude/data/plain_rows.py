"""Rows as most are: a conversation of plain texts, one JSON object a line.

Such a row is read by a quicker parser and kept as it came; an `Example` is made of it only where a
stage may have something to do. What is no such row, or not certainly one, is left to the careful
parser (`json_value.py`) and the readers of the formats, and so are all errors.
"""

from __future__ import annotations

from operator import itemgetter

import orjson

from miniclaude.data.example import Example, Place
from miniclaude.data.raw import Row
from miniclaude.messages import Role, text_message

STARTS = b'{"messages":'
FIRST_KEY = b'{"role":"'
OTHER, USER, ASSISTANT = 0, 1, 2
ROLES: tuple[Role, ...] = ("system", "user", "assistant")
SPEAKERS: dict[object, int] = {role: number for number, role in enumerate(ROLES)}
SAID = itemgetter("role", "content")
NOWHERE = Place("", 1)


class PlainRow(Row):
    """One row, with what is known of it. speakers: of each message, one of `OTHER`, `USER`,
    `ASSISTANT`. texts: of each, never empty; the assistant has the last word. line: the row as
    `item_lines.row_line` writes it."""

    __slots__ = ("kind", "line", "place", "speakers", "texts")

    def __init__(self, row: Row, speakers: bytes, texts: list[str], kind: str, line: bytes) -> None:
        super().__init__(row)
        self.speakers = speakers
        self.texts = texts
        self.kind = kind
        self.line = line
        self.place = NOWHERE

    def example(self) -> Example:
        """What `formats.read_example` makes of the row."""
        roles = [ROLES[speaker] for speaker in self.speakers]
        messages = [text_message(*said) for said in zip(roles, self.texts, strict=True)]
        return Example(self.place, tuple(messages), kind=self.kind)

    def with_texts(self, texts: list[str]) -> PlainRow | None:
        """The row with other texts; None when one of them is empty, or cannot be written."""
        said = zip(self.speakers, texts, strict=True)
        row: Row = {"messages": [{"role": ROLES[by], "content": text} for by, text in said]}
        if self.kind:
            row["kind"] = self.kind
        try:
            changed = PlainRow(row, self.speakers, texts, self.kind, orjson.dumps(row))
        except orjson.JSONEncodeError:
            return None
        changed.place = self.place
        return changed if all(texts) else None


def read_plain(line: bytes) -> PlainRow | None:
    """The row of a line; None when it is not certainly a plain one.

    >>> read_plain(b'{"messages":[{"role":"assistant","content":"Hi"}]}').texts
    ['Hi']
    >>> read_plain(b'{"messages":[{"role":"assistant","content":"Hi","role":"user"}]}')
    """
    if not line.startswith(STARTS):
        return None
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    kind = ""
    if len(row) > 1:
        kind = row.get("kind")
        if len(row) > 2 or type(kind) is not str or not kind:
            return None
    messages = row["messages"]
    try:
        said = list(map(SAID, messages))
        speakers = bytes([SPEAKERS[by] for by, _ in said])
    except (KeyError, TypeError):
        return None
    texts = [text for _, text in said]
    if set(map(type, texts)) != {str} or not all(texts) or speakers[-1] != ASSISTANT:
        return None
    written = orjson.dumps(row)
    # As many keys, and in this order, are written, too; no text holds such quotes as written.
    if sum(map(len, messages)) != 2 * len(texts) or written.count(FIRST_KEY) != len(texts):
        return None
    if written != line and not _has_all_keys(line, 4 * len(texts) + (3 if kind else 1)):
        return None
    return PlainRow(row, bytes(speakers), texts, kind, written)


def _has_all_keys(line: bytes, strings: int) -> bool:
    """Whether no more strings stand in the line than were read: a key that occurs twice would have
    hidden some."""
    return b"\\\\" not in line and line.count(b'"') - line.count(b'\\"') == 2 * strings
