"""How much of an answer's prompt was in the cache."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of answers that are there already, nobody knows it any more."""
    op.add_column("messages", sa.Column("cached_tokens", sa.Integer))
