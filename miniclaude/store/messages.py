"""The messages of a conversation: a tree of rows, each knowing its parent.

Messages are written by `turns.py` (as they are said) and `transfer.py` (imports); here they are
read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.messages import FinishReason, Role, Usage
from miniclaude.store.conversations import fetch_conversation
from miniclaude.store.database import Database
from miniclaude.store.ids import not_found, require_id
from miniclaude.store.pictures import StoredPicture, fetch_told
from miniclaude.store.tables import messages

Status = Literal["streaming", "complete", "cancelled", "interrupted", "error"]
STATUSES: frozenset[str] = frozenset(get_args(Status))


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One row of the tree.

    parent_id: None at a root. status: `streaming` while a turn writes it; `cancelled` (by the
    user), `interrupted` (by the server's end) and `error` keep the part that was written.
    created_at: Unix seconds. error: {"message", "hint", "code", "param"} when status is `error`.
    turn_id: the turn that wrote, or is writing, this answer. settings: how it was drawn. steps: the
    calls of tools that the answer made, in order: {"id", "name", "arguments", "status", "result",
    "offset"}, as `chat/tool_loop.ToolStep` has them. pictures: those that went with the question,
    of a message that was read with its tree.
    """

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    status: Status
    model: str | None
    created_at: float
    finish_reason: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    error: dict[str, Any] | None = None
    turn_id: str | None = None
    settings: dict[str, Any] | None = None
    steps: list[dict[str, Any]] | None = None
    pictures: tuple[StoredPicture, ...] = ()

    @property
    def usage(self) -> Usage | None:
        """What the answer cost; None where the provider did not say."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return Usage(self.prompt_tokens, self.completion_tokens, self.cached_tokens or 0)


_COLUMNS = [name for name in StoredMessage.__slots__ if name != "pictures"]
MESSAGE = tuple(messages.c[name] for name in _COLUMNS)
"""What `as_message` takes, in its order: by name, a row would cost four times as much."""


class Messages:
    """Every method names the owner; a message of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tree(self, owner: str, conversation_id: str) -> list[StoredMessage]:
        """The whole tree, parents before their children. Raises NotFoundError."""

        async def fetch(connection: AsyncConnection) -> list[StoredMessage]:
            await fetch_conversation(connection, owner, conversation_id)
            return await fetch_tree(connection, owner, conversation_id)

        return await self._database.read(fetch)

    async def get(self, owner: str, conversation_id: str, message_id: str) -> StoredMessage:
        """Raises NotFoundError."""
        return await self._database.read(
            lambda connection: fetch_message(connection, owner, conversation_id, message_id)
        )

    async def branch(self, owner: str, conversation_id: str, leaf_id: str) -> list[StoredMessage]:
        """From the root down to the leaf, however deep. Raises NotFoundError.

        The whole tree is read and walked here: one indexed query is faster than a recursive one
        that the database may plan badly, and most trees are hardly more than a branch.
        """
        require_id(leaf_id, "message")
        by_id: dict[str | None, StoredMessage] = {
            message.id: message for message in await self.tree(owner, conversation_id)
        }
        message = by_id.get(leaf_id)
        if message is None:
            raise not_found("message")
        upward: list[StoredMessage] = []
        while message is not None:
            upward.append(message)
            message = by_id.get(message.parent_id)
        return upward[::-1]


async def fetch_tree(
    connection: AsyncConnection, owner: str, conversation_id: str
) -> list[StoredMessage]:
    """Every message, parents first, within the caller's transaction.

    In the order they were stored: an id is only as good as the clock it was made by, and a clock
    may have been set back since the parent's was made.
    """
    rows = await connection.execute(
        select(*MESSAGE)
        .where(messages.c.conversation_id == conversation_id, messages.c.owner == owner)
        .order_by(messages.c.number)
    )
    told = await fetch_told(connection, owner, conversation_id)
    return [as_message(row, told.get(row.id, ())) for row in rows.all()]


async def fetch_message(
    connection: AsyncConnection, owner: str, conversation_id: str, message_id: str
) -> StoredMessage:
    """One message, within the caller's transaction. Raises NotFoundError."""
    require_id(conversation_id, "conversation")
    rows = await connection.execute(
        select(*MESSAGE).where(_is(owner, conversation_id, require_id(message_id, "message")))
    )
    row = rows.first()
    if row is None:
        raise not_found("message")
    return as_message(row)


async def insert_messages(
    connection: AsyncConnection, owner: str, rows: Sequence[StoredMessage]
) -> None:
    """Store messages as they are given, parents first, within the caller's transaction. Their
    pictures are stored by themselves."""
    if rows:
        await connection.execute(
            insert(messages),
            [
                {
                    **{name: getattr(row, name) for name in _COLUMNS},
                    "owner": owner,
                }
                for row in rows
            ],
        )


def as_message(row: Row[Any], pictures: tuple[StoredPicture, ...] = ()) -> StoredMessage:
    """A row of the columns `MESSAGE` as a value."""
    values: list[Any] = [*row, pictures]
    return StoredMessage(*values)


def _is(owner: str, conversation_id: str, message_id: str) -> Any:
    return (
        (messages.c.conversation_id == conversation_id)
        & (messages.c.id == message_id)
        & (messages.c.owner == owner)
    )
