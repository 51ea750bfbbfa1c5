"""Settings for answers: beside each conversation, and by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A column of conversations, and a table of presets."""
    op.add_column("conversations", sa.Column("settings", sa.JSON(none_as_null=True)))
    op.create_table(
        "presets",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("id", name="presets_id"),
        sa.UniqueConstraint("owner", "name", name="presets_owner_name"),
    )
