"""The calls of tools that an answer made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column for them; answers without any hold null."""
    op.add_column("messages", sa.Column("steps", sa.JSON(none_as_null=True)))
