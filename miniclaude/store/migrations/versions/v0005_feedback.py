"""What people think of answers, and folders for conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.String(32)
_IN_A_FOLDER = sa.text("folder <> ''")


def upgrade() -> None:
    """A table of ratings, and a folder's name beside each conversation."""
    op.add_column("conversations", sa.Column("folder", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "conversations_folders",
        "conversations",
        ["owner", "folder"],
        sqlite_where=_IN_A_FOLDER,
        postgresql_where=_IN_A_FOLDER,
    )
    op.create_table(
        "ratings",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("thumb", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("correction", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.UniqueConstraint("conversation_id", "message_id", "owner", name="ratings_message"),
        sa.ForeignKeyConstraint(
            ["conversation_id", "message_id"],
            ["messages.conversation_id", "messages.id"],
            ondelete="CASCADE",
            name="ratings_of",
        ),
        sa.CheckConstraint("thumb IN ('up', 'down')", name="ratings_thumb"),
    )
    op.create_index("ratings_listing", "ratings", ["owner", "number"])
