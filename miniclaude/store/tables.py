"""The tables, as SQLAlchemy sees them; `migrations/` makes them.

    conversations 1 ──< messages 1 ──< ratings, pictures
                            │ parent_id: the message this one answers or follows; NULL at a root
    presets     files       jobs 1 ──< job_events, job_checkpoints

`parent_id` is the only truth about the tree. That a message and its parent are of one
conversation, and a message and its conversation of one owner, is held by foreign keys. `number`
is the row's place in the table, which the full-text index refers to; nothing outside the store
ever sees it. Files and jobs have a `place`: the home folder that holds their bytes, for servers
with several homes may share one PostgreSQL.
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
    LargeBinary,
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
    Column("folder", Text, nullable=False, server_default=""),
    Column("head_id", _Id),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("settings", JSON(none_as_null=True)),
    UniqueConstraint("id", name="conversations_id"),
    UniqueConstraint("id", "owner", name="conversations_id_owner"),
    Index("conversations_listing", "owner", "archived", "pinned", "updated_at", "id"),
    Index(
        "conversations_folders",
        "owner",
        "folder",
        sqlite_where=text("folder <> ''"),
        postgresql_where=text("folder <> ''"),
    ),
)

presets = Table(
    "presets",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", _Id, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("id", name="presets_id"),
    UniqueConstraint("owner", "name", name="presets_owner_name"),
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
    Column("cached_tokens", Integer),
    Column("error", JSON(none_as_null=True)),
    Column("turn_id", _Id),
    Column("settings", JSON(none_as_null=True)),
    Column("steps", JSON(none_as_null=True)),
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

ratings = Table(
    "ratings",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("conversation_id", _Id, nullable=False),
    Column("message_id", _Id, nullable=False),
    Column("owner", Text, nullable=False),
    Column("thumb", Text),
    Column("reason", Text),
    Column("note", Text, nullable=False),
    Column("correction", Text),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("conversation_id", "message_id", "owner", name="ratings_message"),
    ForeignKeyConstraint(
        ["conversation_id", "message_id"],
        ["messages.conversation_id", "messages.id"],
        ondelete="CASCADE",
        name="ratings_of",
    ),
    CheckConstraint("thumb IN ('up', 'down')", name="ratings_thumb"),
    Index("ratings_listing", "owner", "number"),
)

pictures = Table(
    "pictures",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("conversation_id", _Id, nullable=False),
    Column("message_id", _Id, nullable=False),
    Column("owner", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("conversation_id", "message_id", "place", name="pictures_place"),
    ForeignKeyConstraint(
        ["conversation_id", "message_id"],
        ["messages.conversation_id", "messages.id"],
        ondelete="CASCADE",
        name="pictures_of",
    ),
)

files = Table(
    "files",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("id", name="files_id"),
    Index("files_listing", "owner", "number"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("training_file", Text, nullable=False),
    Column("validation_file", Text),
    Column("suffix", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("method", JSON, nullable=False),
    Column("metadata", JSON(none_as_null=True)),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("estimated_finish", Double),
    Column("fine_tuned_model", Text),
    Column("trained_tokens", BigInteger),
    Column("result_files", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("crashes", Integer, nullable=False),
    UniqueConstraint("id", name="jobs_id"),
    UniqueConstraint("id", "owner", name="jobs_id_owner"),
    CheckConstraint(
        "status IN ('validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed',"
        " 'cancelled')",
        name="jobs_status",
    ),
    Index("jobs_listing", "owner", "number"),
    Index("jobs_waiting", "place", "status", "number"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", JSON(none_as_null=True)),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("id", name="job_events_id"),
    ForeignKeyConstraint(
        ["job_id", "owner"],
        ["jobs.id", "jobs.owner"],
        ondelete="CASCADE",
        name="job_events_job",
    ),
    Index("job_events_listing", "job_id", "number"),
)

job_checkpoints = Table(
    "job_checkpoints",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("id", name="job_checkpoints_id"),
    UniqueConstraint("job_id", "step", name="job_checkpoints_step"),
    ForeignKeyConstraint(
        ["job_id", "owner"],
        ["jobs.id", "jobs.owner"],
        ondelete="CASCADE",
        name="job_checkpoints_job",
    ),
)
