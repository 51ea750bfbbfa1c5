"""A conversation with everything said in it and of it, as it is at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.store.conversations import Conversation, fetch_conversation
from miniclaude.store.database import Database
from miniclaude.store.messages import StoredMessage, fetch_tree
from miniclaude.store.ratings import Rating, fetch_ratings


@dataclass(frozen=True, slots=True)
class WholeConversation:
    """messages: the tree, parents first. ratings: by the id of their message."""

    conversation: Conversation
    messages: list[StoredMessage]
    ratings: dict[str, Rating]


async def read_whole(database: Database, owner: str, conversation_id: str) -> WholeConversation:
    """All of a conversation, in one read. Raises NotFoundError."""
    return await database.read(lambda connection: fetch_whole(connection, owner, conversation_id))


async def fetch_whole(
    connection: AsyncConnection, owner: str, conversation_id: str
) -> WholeConversation:
    """The same within the caller's transaction."""
    return WholeConversation(
        await fetch_conversation(connection, owner, conversation_id),
        await fetch_tree(connection, owner, conversation_id),
        await fetch_ratings(connection, owner, conversation_id),
    )
