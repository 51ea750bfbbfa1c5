"""Pictures that went with a question, each beside its message.

Whoever reads a conversation is told of them; their bytes are read by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import InvalidRequestError
from miniclaude.pictures import Picture
from miniclaude.store.database import Database
from miniclaude.store.ids import not_found, require_id
from miniclaude.store.tables import pictures

MAX_PICTURES = 8
"""Of one question."""
MAX_QUESTION_BYTES = 20_000_000
"""Of one question's pictures, which go into one request: services take about 32 MB, and base64
makes a third more of it."""
MAX_NAME = 120
MAX_CONVERSATION_BYTES = 50_000_000
"""Of all pictures in a conversation, so that its export can be imported again."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of a message, without its bytes. width, height: pixels. bytes: how many."""

    name: str
    media_type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A picture to be stored, or with its bytes from the store, under its file's name."""

    name: str
    picture: Picture


class Pictures:
    """Every method names the owner; a picture of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(
        self, owner: str, conversation_id: str, message_id: str, place: int
    ) -> NamedPicture:
        """One picture by its place among the message's. Raises NotFoundError."""
        for id in (conversation_id, message_id):
            require_id(id, "picture")
        wanted = _of(owner, conversation_id, select(pictures)).where(
            pictures.c.message_id == message_id, pictures.c.place == place
        )
        row = await self._database.read(lambda connection: _first(connection, wanted))
        if row is None:
            raise not_found("picture")
        return _named(row)

    async def there(self, owner: str, conversation_id: str, message_id: str) -> bool:
        """Whether a message has any."""
        for id in (conversation_id, message_id):
            require_id(id, "message")
        wanted = _of(owner, conversation_id, select(pictures.c.number)).where(
            pictures.c.message_id == message_id
        )
        return await self._database.read(lambda connection: _first(connection, wanted)) is not None

    async def of_messages(
        self, owner: str, conversation_id: str, message_ids: Collection[str]
    ) -> Mapping[str, Sequence[NamedPicture]]:
        """The pictures of these messages, by the message; those without any are left out."""
        return await self._database.read(
            lambda connection: fetch_pictures(connection, owner, conversation_id, message_ids)
        )


async def fetch_pictures(
    connection: AsyncConnection,
    owner: str,
    conversation_id: str,
    message_ids: Collection[str] | None = None,
) -> dict[str, list[NamedPicture]]:
    """Pictures with their bytes, by message, within the caller's transaction. message_ids: None for
    all of the conversation."""
    wanted = _of(owner, conversation_id, select(pictures))
    if message_ids is not None:
        wanted = wanted.where(pictures.c.message_id.in_(message_ids))
    found: dict[str, list[NamedPicture]] = {}
    for row in await connection.execute(wanted):
        found.setdefault(row.message_id, []).append(_named(row))
    return found


async def fetch_told(
    connection: AsyncConnection, owner: str, conversation_id: str
) -> dict[str, tuple[StoredPicture, ...]]:
    """What there is in a conversation, by message, within the caller's transaction."""
    columns = (pictures.c[name] for name in ("message_id", *StoredPicture.__slots__))
    found: dict[str, tuple[StoredPicture, ...]] = {}
    for row in await connection.execute(_of(owner, conversation_id, select(*columns))):
        told = StoredPicture(row.name, row.media_type, row.width, row.height, row.bytes)
        found[row.message_id] = (*found.get(row.message_id, ()), told)
    return found


async def insert_pictures(
    connection: AsyncConnection,
    owner: str,
    conversation_id: str,
    message_id: str,
    given: Sequence[NamedPicture],
) -> None:
    """Store a message's pictures, within the caller's transaction. Raises InvalidRequestError for
    more than a message or a conversation may have."""
    if not given:
        return
    if len(given) > MAX_PICTURES:
        raise InvalidRequestError(
            f"`pictures` has {len(given)} pictures; a question has at most {MAX_PICTURES}.",
            hint="Ask about some of them first.",
            param="pictures",
        )
    size = sum(len(one.picture.data) for one in given)
    if size > MAX_QUESTION_BYTES:
        raise InvalidRequestError(
            f"`pictures` have {size:,} bytes together; those of a question have at most"
            f" {MAX_QUESTION_BYTES:,}.",
            hint="Ask about some of them first.",
            param="pictures",
        )
    counted = select(func.coalesce(func.sum(pictures.c.bytes), 0)).where(
        pictures.c.conversation_id == conversation_id
    )
    there = int((await connection.execute(counted)).scalar_one())
    if there + size > MAX_CONVERSATION_BYTES:
        raise InvalidRequestError(
            f"The pictures of this conversation have more than {MAX_CONVERSATION_BYTES:,} bytes"
            " with these.",
            hint="Begin a new conversation.",
            param="pictures",
        )
    await connection.execute(
        insert(pictures),
        [
            {
                "conversation_id": conversation_id,
                "message_id": message_id,
                "owner": owner,
                "place": place,
                "name": one.name,
                "media_type": one.picture.media_type,
                "width": one.picture.width,
                "height": one.picture.height,
                "bytes": len(one.picture.data),
                "data": one.picture.data,
            }
            for place, one in enumerate(given)
        ],
    )


async def _first(connection: AsyncConnection, wanted: Select[Any]) -> Row[Any] | None:
    found: Row[Any] | None = (await connection.execute(wanted)).first()
    return found


def _named(row: Row[Any]) -> NamedPicture:
    picture = Picture(row.media_type, row.width, row.height, row.data)
    return NamedPicture(row.name, picture)


def _of(owner: str, conversation_id: str, wanted: Select[Any]) -> Select[Any]:
    mine = pictures.c.conversation_id == conversation_id, pictures.c.owner == owner
    return wanted.where(*mine).order_by(pictures.c.number)
