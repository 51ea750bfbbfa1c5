"""Conversations, their messages, and full-text search over both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.String(32)
_STREAMING = sa.text("status = 'streaming'")


def upgrade() -> None:
    """Make the tables, then the dialect's own full-text index."""
    op.create_table(
        "conversations",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("head_id", _ID),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.UniqueConstraint("id", name="conversations_id"),
        sa.UniqueConstraint("id", "owner", name="conversations_id_owner"),
    )
    op.create_index(
        "conversations_listing",
        "conversations",
        ["owner", "archived", "pinned", "updated_at", "id"],
    )
    op.create_table(
        "messages",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("parent_id", _ID),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finish_reason", sa.Text),
        sa.Column("prompt_tokens", sa.Integer),
        sa.Column("completion_tokens", sa.Integer),
        sa.Column("error", sa.JSON),
        sa.Column("turn_id", _ID),
        sa.Column("settings", sa.JSON),
        sa.UniqueConstraint("conversation_id", "id", name="messages_conversation_id_id"),
        sa.UniqueConstraint("turn_id", name="messages_turn_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id", "owner"],
            ["conversations.id", "conversations.owner"],
            ondelete="CASCADE",
            name="messages_conversation",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id", "parent_id"],
            ["messages.conversation_id", "messages.id"],
            name="messages_parent",
        ),
        sa.CheckConstraint("role IN ('system', 'user', 'assistant', 'tool')", name="messages_role"),
        sa.CheckConstraint(
            "status IN ('streaming', 'complete', 'cancelled', 'interrupted', 'error')",
            name="messages_status",
        ),
    )
    op.create_index("messages_children", "messages", ["conversation_id", "parent_id"])
    op.create_index(
        "messages_streaming",
        "messages",
        ["id"],
        sqlite_where=_STREAMING,
        postgresql_where=_STREAMING,
    )
    if op.get_bind().dialect.name == "sqlite":
        _index_text_sqlite()
    else:
        _index_text_postgresql()


def _index_text_sqlite() -> None:
    """FTS5 tables that keep no copy of the text, held true by triggers.

    An answer that is still streaming is not indexed: its text changes twice a second.
    """
    for table, column, old_indexed, new_indexed in (
        ("conversations", "title", "true", "true"),
        ("messages", "content", "old.status <> 'streaming'", "new.status <> 'streaming'"),
    ):
        index = f"{table}_search"
        add = f"INSERT INTO {index}(rowid, {column}) SELECT new.number, new.{column}"
        drop = (
            f"INSERT INTO {index}({index}, rowid, {column})"
            f" SELECT 'delete', old.number, old.{column}"
        )
        changed = f"{column}, status" if table == "messages" else column
        for statement in (
            f"CREATE VIRTUAL TABLE {index} USING fts5({column}, content={table},"
            " content_rowid=number, tokenize='unicode61 remove_diacritics 2')",
            f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table}"
            f" BEGIN {add} WHERE {new_indexed}; END",
            f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table}"
            f" BEGIN {drop} WHERE {old_indexed}; END",
            f"CREATE TRIGGER {index}_update AFTER UPDATE OF {changed} ON {table}"
            f" BEGIN {drop} WHERE {old_indexed}; {add} WHERE {new_indexed}; END",
        ):
            op.execute(statement)


def _index_text_postgresql() -> None:
    """GIN indexes over `search_vector(text)`, the one place where text becomes words.

    Punctuation is blanked because PostgreSQL's parser would read `a.b` as a host name and
    `a/b` as a path. Only the first 100,000 characters are indexed: a tsvector holds at most 1 MB.
    """
    punctuation = r"""!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~"""
    op.execute(
        sa.text(
            "CREATE FUNCTION search_vector(value text) RETURNS tsvector"
            " LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN to_tsvector("
            "CAST('simple' AS regconfig), translate(left(value, 100000),"
            f" '{punctuation}', repeat(' ', 32)))"
        )
    )
    op.execute(
        "CREATE INDEX conversations_search ON conversations USING gin (search_vector(title))"
    )
    op.execute(
        "CREATE INDEX messages_search ON messages USING gin (search_vector(content))"
        " WHERE status <> 'streaming'"
    )
