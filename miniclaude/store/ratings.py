"""What people think of answers: a thumb, a reason, a better answer of their own.

A correction stands beside the model's answer and never takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Row, and_, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import ConflictError, InvalidRequestError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.messages import fetch_message
from miniclaude.store.tables import ratings
from miniclaude.store.text import check_text

Thumb = Literal["up", "down"]
Reason = Literal[
    "correct",
    "helpful",
    "well_written",
    "incorrect",
    "unhelpful",
    "not_followed",
    "badly_written",
    "unsafe",
]
REASONS: tuple[str, ...] = get_args(Reason)
MAX_NOTE = 10_000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One person's word on one answer. At least one of thumb, note and correction is there.

    note: free text, "" without one. correction: the better answer. Times are Unix seconds.
    """

    conversation_id: str
    message_id: str
    thumb: Thumb | None
    reason: Reason | None
    note: str
    correction: str | None
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class RatingCounts:
    """How much there is to learn from."""

    ratings: int
    up: int
    down: int
    corrections: int


class Ratings:
    """Every method names the owner; a message of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        owner: str,
        conversation_id: str,
        message_id: str,
        *,
        thumb: Thumb | None = None,
        reason: Reason | None = None,
        note: str = "",
        correction: str | None = None,
    ) -> Rating:
        """Rate an answer; what was said of it before is replaced.

        Raises NotFoundError; ConflictError while the answer is being written; InvalidRequestError
        when it is no answer, when nothing is said, or for text that cannot be stored.
        """
        check_text(note, "note", longest=MAX_NOTE)
        if correction is not None:
            check_text(correction, "correction")
        if correction is not None and not correction.strip():
            raise _wrong("`correction` is empty.", "Write the better answer, or send null.")
        if thumb is None and correction is None and not note.strip():
            raise _wrong(
                "The rating says nothing.",
                "Send `thumb`, `note` or `correction`; DELETE takes a rating back.",
                "thumb",
            )

        async def write(connection: AsyncConnection) -> Rating:
            message = await fetch_message(connection, owner, conversation_id, message_id)
            if message.role != "assistant":
                raise _wrong("Only answers can be rated.", "Name an assistant's message.", None)
            if message.status == "streaming":
                raise ConflictError(
                    "The answer is still being written.", hint="Wait until it ends, or stop it."
                )
            now = unix_now()
            values = {"thumb": thumb, "reason": reason, "note": note, "correction": correction}
            changed = await connection.execute(
                update(ratings)
                .where(_is(owner, conversation_id, message_id))
                .values(**values, updated_at=now)
            )
            if not changed.rowcount:
                made = Rating(
                    conversation_id, message_id, thumb, reason, note, correction, now, now
                )
                await insert_ratings(connection, owner, [made])
            found = await connection.execute(
                select(ratings).where(_is(owner, conversation_id, message_id))
            )
            return _rating(found.one())

        return await self._database.write(write)

    async def remove(self, owner: str, conversation_id: str, message_id: str) -> None:
        """Take a rating back; nothing happens where there is none. Raises NotFoundError for the
        message."""

        async def write(connection: AsyncConnection) -> None:
            await fetch_message(connection, owner, conversation_id, message_id)
            await connection.execute(delete(ratings).where(_is(owner, conversation_id, message_id)))

        await self._database.write(write)

    async def of(self, owner: str, conversation_id: str) -> dict[str, Rating]:
        """The ratings in a conversation, by message."""
        return await self._database.read(
            lambda connection: fetch_ratings(connection, owner, conversation_id)
        )

    async def counts(self, owner: str) -> RatingCounts:
        """How many there are."""

        def number(condition: Any) -> Any:
            return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

        wanted = select(
            func.count(),
            number(ratings.c.thumb == "up"),
            number(ratings.c.thumb == "down"),
            number(ratings.c.correction.is_not(None)),
        ).where(ratings.c.owner == owner)

        async def fetch(connection: AsyncConnection) -> RatingCounts:
            return RatingCounts(*(await connection.execute(wanted)).one())

        return await self._database.read(fetch)

    async def rated(self, owner: str) -> list[str]:
        """The ids of conversations in which something is rated, in the order of the first."""
        first = func.min(ratings.c.number)
        wanted = (
            select(ratings.c.conversation_id)
            .where(ratings.c.owner == owner)
            .group_by(ratings.c.conversation_id)
            .order_by(first)
        )

        async def fetch(connection: AsyncConnection) -> list[str]:
            return list((await connection.execute(wanted)).scalars())

        return await self._database.read(fetch)


async def fetch_ratings(
    connection: AsyncConnection, owner: str, conversation_id: str
) -> dict[str, Rating]:
    """The ratings in a conversation by message, within the caller's transaction."""
    rows = await connection.execute(
        select(ratings)
        .where(ratings.c.conversation_id == conversation_id, ratings.c.owner == owner)
        .order_by(ratings.c.number)
    )
    return {row.message_id: _rating(row) for row in rows}


async def insert_ratings(connection: AsyncConnection, owner: str, rows: list[Rating]) -> None:
    """Store ratings as they are given, within the caller's transaction."""
    if rows:
        await connection.execute(
            insert(ratings),
            [
                {**{name: getattr(row, name) for name in Rating.__slots__}, "owner": owner}
                for row in rows
            ],
        )


def _is(owner: str, conversation_id: str, message_id: str) -> Any:
    return and_(
        ratings.c.conversation_id == conversation_id,
        ratings.c.message_id == message_id,
        ratings.c.owner == owner,
    )


def _rating(row: Row[Any]) -> Rating:
    return Rating(**{name: getattr(row, name) for name in Rating.__slots__})


def _wrong(what: str, cure: str, param: str | None = "correction") -> InvalidRequestError:
    return InvalidRequestError(what, hint=cure, param=param)
