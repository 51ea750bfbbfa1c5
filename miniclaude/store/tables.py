"""The tables, as SQLAlchemy sees them; `migrations/` makes them.

    conversations 1 ──< messages
                            │ parent_id: the message this one answers or follows; NULL at a root

`parent_id` is the only truth about the tree. That a message and its parent are of one
conversation, and a message and its conversation of one owner, is held by foreign keys. `number`
is the row's place in the table, which the full-text index refers to; nothing outside the store
ever sees it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_Number = BigInteger().with_variant(Integer(), "sqlite")
_Id = String(32)

conversations = Table(
    "conversations",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", _Id, nullable=False),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("head_id", _Id),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("id", name="conversations_id"),
    UniqueConstraint("id", "owner", name="conversations_id_owner"),
    Index("conversations_listing", "owner", "archived", "pinned", "updated_at", "id"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", _Id, nullable=False),
    Column("conversation_id", _Id, nullable=False),
    Column("owner", Text, nullable=False),
    Column("parent_id", _Id),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("model", Text),
    Column("created_at", Double, nullable=False),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("error", JSON(none_as_null=True)),
    Column("turn_id", _Id),
    Column("settings", JSON(none_as_null=True)),
    UniqueConstraint("conversation_id", "id", name="messages_conversation_id_id"),
    UniqueConstraint("turn_id", name="messages_turn_id"),
    ForeignKeyConstraint(
        ["conversation_id", "owner"],
        ["conversations.id", "conversations.owner"],
        ondelete="CASCADE",
        name="messages_conversation",
    ),
    ForeignKeyConstraint(
        ["conversation_id", "parent_id"],
        ["messages.conversation_id", "messages.id"],
        name="messages_parent",
    ),
    CheckConstraint("role IN ('system', 'user', 'assistant', 'tool')", name="messages_role"),
    CheckConstraint(
        "status IN ('streaming', 'complete', 'cancelled', 'interrupted', 'error')",
        name="messages_status",
    ),
    Index("messages_children", "conversation_id", "parent_id"),
    Index(
        "messages_streaming",
        "id",
        sqlite_where=text("status = 'streaming'"),
        postgresql_where=text("status = 'streaming'"),
    ),
)
