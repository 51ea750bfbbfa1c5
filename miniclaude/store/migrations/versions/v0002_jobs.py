"""Files that were uploaded, fine-tuning jobs, their events and their checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "files",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("id", name="files_id"),
    )
    op.create_index("files_listing", "files", ["owner", "number"])
    op.create_table(
        "jobs",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("training_file", sa.Text, nullable=False),
        sa.Column("validation_file", sa.Text),
        sa.Column("suffix", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("method", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("estimated_finish", sa.Double),
        sa.Column("fine_tuned_model", sa.Text),
        sa.Column("trained_tokens", sa.BigInteger),
        sa.Column("result_files", sa.JSON, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.UniqueConstraint("id", name="jobs_id"),
        sa.UniqueConstraint("id", "owner", name="jobs_id_owner"),
        sa.CheckConstraint(
            "status IN ('validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed',"
            " 'cancelled')",
            name="jobs_status",
        ),
    )
    op.create_index("jobs_listing", "jobs", ["owner", "number"])
    op.create_index("jobs_waiting", "jobs", ["place", "status", "number"])
    op.create_table(
        "job_events",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("data", sa.JSON),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("id", name="job_events_id"),
        sa.ForeignKeyConstraint(
            ["job_id", "owner"],
            ["jobs.id", "jobs.owner"],
            ondelete="CASCADE",
            name="job_events_job",
        ),
    )
    op.create_index("job_events_listing", "job_events", ["job_id", "number"])
    op.create_table(
        "job_checkpoints",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("id", name="job_checkpoints_id"),
        sa.UniqueConstraint("job_id", "step", name="job_checkpoints_step"),
        sa.ForeignKeyConstraint(
            ["job_id", "owner"],
            ["jobs.id", "jobs.owner"],
            ondelete="CASCADE",
            name="job_checkpoints_job",
        ),
    )
