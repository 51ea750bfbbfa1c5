"""The conversations of an owner."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from sqlalchemy import Row, Select, and_, func, insert, literal, null, select, tuple_, update
from sqlalchemy import delete as delete_from
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import InvalidRequestError
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found, require_id
from miniclaude.store.search import (
    MAX_SEARCHED,
    Match,
    find_words,
    make_snippet,
    matching,
    query_words,
)
from miniclaude.store.tables import conversations, messages
from miniclaude.store.text import check_text

MAX_TITLE = 200
"""Characters of a title."""

MAX_FOLDER = 60
"""Characters of a folder's name."""

MAX_PAGE = 200
"""Conversations on a page."""

_CURSOR = re.compile(r"([01]):(\d{1,12}(?:\.\d{1,9})?):([0-9a-f]{32})\Z")


class Unset(Enum):
    """The one value that means: leave as it is (None is a value of its own)."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, without its messages.

    title: "" until somebody, or the first message, names it. head_id: the message at the end of
    the branch last shown. created_at, updated_at: Unix seconds. settings: how its answers are to
    be drawn; None leaves all to the model. folder: "" outside of all.
    """

    id: str
    title: str
    pinned: bool
    archived: bool
    head_id: str | None
    created_at: float
    updated_at: float
    settings: dict[str, Any] | None = None
    folder: str = ""

    @property
    def cursor(self) -> str:
        """The place just after this conversation in the list, fixed at this moment."""
        return f"{int(self.pinned)}:{self.updated_at:.6f}:{self.id}"


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list; `next_before` is what to pass as `before` for the part that follows.
    matches: of a search, why each conversation was found, by its id."""

    conversations: tuple[Conversation, ...]
    has_more: bool
    next_before: str | None
    matches: Mapping[str, Match] = field(default_factory=dict)


class Conversations:
    """Every method names the owner; a conversation of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner: str, title: str = "") -> Conversation:
        """A new, empty conversation. Raises InvalidRequestError for a title we cannot store."""
        now = unix_now()
        made = Conversation(
            new_id(), check_text(title, "title", longest=MAX_TITLE), False, False, None, now, now
        )
        await self._database.write(lambda connection: insert_conversation(connection, owner, made))
        return made

    async def get(self, owner: str, conversation_id: str) -> Conversation:
        """Raises NotFoundError."""
        return await self._database.read(
            lambda connection: fetch_conversation(connection, owner, conversation_id)
        )

    async def list(
        self,
        owner: str,
        *,
        query: str | None = None,
        limit: int = 50,
        before: str | None = None,
        archived: bool | None = False,
        folder: str | None = None,
    ) -> Page:
        """Pinned ones first, then the most recently used.

        query: words that must all occur in the title or in one message; the last may be
        unfinished. limit: 1 to MAX_PAGE. before: the `next_before` of the page before, or the id
        of its last conversation (whose place is then the one it has now). archived: None for both.
        folder: only those in it; None for all. Raises InvalidRequestError, NotFoundError.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequestError(
                f"`limit` is {limit}; it must be from 1 to {MAX_PAGE}.",
                hint="Ask for the following pages with `before`.",
                param="limit",
            )
        words = query_words(query or "")
        if query is not None and query.strip() and not words:
            return Page((), has_more=False, next_before=None)
        table = conversations.c
        sqlite = self._database.is_sqlite

        async def fetch(connection: AsyncConnection) -> Page:
            page = listing(words, owner, sqlite=sqlite).where(table.owner == owner)
            if archived is not None:
                page = page.where(table.archived == archived)
            if folder is not None:
                page = page.where(table.folder == folder)
            if before is not None:
                place = tuple_(table.pinned, table.updated_at, table.id)
                page = page.where(place < await _cursor_place(connection, owner, before))
            page = page.order_by(
                table.pinned.desc(), table.updated_at.desc(), table.id.desc()
            ).limit(limit + 1)
            rows = (await connection.execute(page)).all()
            kept = tuple(_conversation(row) for row in rows[:limit])
            has_more = len(rows) > limit
            matches = await _matches(connection, rows[:limit], words) if words else {}
            return Page(kept, has_more, kept[-1].cursor if has_more else None, matches)

        return await self._database.read(fetch)

    async def folders(self, owner: str) -> tuple[tuple[str, int], ...]:
        """The folders that hold something, by name, and how many conversations each holds."""
        name = conversations.c.folder
        wanted = (
            select(name, func.count())
            .where(conversations.c.owner == owner, name != literal(""))
            .group_by(name)
            .order_by(name)
        )

        async def fetch(connection: AsyncConnection) -> tuple[tuple[str, int], ...]:
            return tuple((row[0], row[1]) for row in await connection.execute(wanted))

        return await self._database.read(fetch)

    async def update(
        self,
        owner: str,
        conversation_id: str,
        *,
        title: str | Unset = UNSET,
        pinned: bool | Unset = UNSET,
        archived: bool | Unset = UNSET,
        head_id: str | Unset | None = UNSET,
        settings: dict[str, Any] | Unset | None = UNSET,
        folder: str | Unset = UNSET,
    ) -> Conversation:
        """Change what is given. `updated_at` stays: it tells when something was last said.

        Raises NotFoundError for the conversation, or for a head that is not one of its messages;
        InvalidRequestError for a title or a folder we cannot store.
        """
        require_id(conversation_id, "conversation")
        changes: dict[str, Any] = {
            name: value
            for name, value in (
                ("title", title),
                ("pinned", pinned),
                ("archived", archived),
                ("head_id", head_id),
                ("settings", settings),
                ("folder", folder),
            )
            if value is not UNSET
        }
        if isinstance(title, str):
            check_text(title, "title", longest=MAX_TITLE)
        if isinstance(folder, str):
            check_text(folder, "folder", longest=MAX_FOLDER)

        async def change(connection: AsyncConnection) -> Conversation:
            if isinstance(head_id, str):
                await _require_message(connection, owner, conversation_id, head_id)
            if changes:
                await connection.execute(
                    update(conversations).where(_is(owner, conversation_id)).values(changes)
                )
            return await fetch_conversation(connection, owner, conversation_id)

        return await self._database.write(change)

    async def delete(self, owner: str, conversation_id: str) -> None:
        """Remove the conversation and all its messages. Raises NotFoundError."""
        require_id(conversation_id, "conversation")

        async def delete(connection: AsyncConnection) -> None:
            done = await connection.execute(
                delete_from(conversations).where(_is(owner, conversation_id))
            )
            if not done.rowcount:
                raise not_found("conversation")

        await self._database.write(delete)


def unix_now() -> float:
    """Seconds since 1970, to the microsecond, so that a cursor writes it exactly."""
    return round(time.time(), 6)


async def insert_conversation(
    connection: AsyncConnection, owner: str, conversation: Conversation
) -> None:
    """Store a conversation as it is given, within the caller's transaction."""
    await connection.execute(
        insert(conversations).values(
            id=conversation.id,
            owner=owner,
            title=conversation.title,
            pinned=conversation.pinned,
            archived=conversation.archived,
            head_id=conversation.head_id,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            settings=conversation.settings,
            folder=conversation.folder,
        )
    )


async def fetch_conversation(
    connection: AsyncConnection, owner: str, conversation_id: str, *, lock: bool = False
) -> Conversation:
    """One conversation, within the caller's transaction. Raises NotFoundError.

    lock: nobody else changes or deletes it before the transaction ends. (On SQLite that is so in
    every transaction that writes.)
    """
    require_id(conversation_id, "conversation")
    wanted = select(conversations).where(_is(owner, conversation_id))
    row = (await connection.execute(wanted.with_for_update() if lock else wanted)).first()
    if row is None:
        raise not_found("conversation")
    return _conversation(row)


def listing(words: list[str], owner: str, *, sqlite: bool) -> Select[Any]:
    """Every conversation; or those that have the words, each with the number of the message
    that has them."""
    if not words:
        return select(conversations, null().label("message"))
    found = matching(words, owner, sqlite=sqlite)
    best = (
        select(found.c.conversation_id, func.max(found.c.message).label("message"))
        .group_by(found.c.conversation_id)
        .subquery("best")
    )
    return select(conversations, best.c.message).join(
        best, best.c.conversation_id == conversations.c.id
    )


async def _matches(
    connection: AsyncConnection, rows: Sequence[Row[Any]], words: list[str]
) -> dict[str, Match]:
    """Why each of the conversations was found."""
    content = func.substr(messages.c.content, 1, MAX_SEARCHED)
    numbers = [row.message for row in rows if row.message is not None]
    told = await connection.execute(
        select(messages.c.number, messages.c.id, content).where(messages.c.number.in_(numbers))
    )
    by_number = {number: (id, make_snippet(text, words)) for number, id, text in told}
    nothing = (None, None)
    return {
        row.id: Match(find_words(row.title, words), *by_number.get(row.message, nothing))
        for row in rows
    }


def _is(owner: str, conversation_id: str) -> Any:
    return and_(conversations.c.id == conversation_id, conversations.c.owner == owner)


async def _require_message(
    connection: AsyncConnection, owner: str, conversation_id: str, message_id: str
) -> None:
    found = await connection.execute(
        select(messages.c.id).where(
            messages.c.conversation_id == conversation_id,
            messages.c.id == require_id(message_id, "message"),
            messages.c.owner == owner,
        )
    )
    if found.first() is None:
        raise not_found("message")


async def _cursor_place(connection: AsyncConnection, owner: str, before: str) -> Any:
    if fixed := _CURSOR.match(before):
        return (fixed[1] == "1", float(fixed[2]), fixed[3])
    last = await fetch_conversation(connection, owner, before)
    return (last.pinned, last.updated_at, last.id)


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        title=row.title,
        pinned=row.pinned,
        archived=row.archived,
        head_id=row.head_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        settings=row.settings,
        folder=row.folder,
    )
