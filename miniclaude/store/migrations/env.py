"""Alembic's environment: runs the scripts on the connection `migrate.py` hands over."""

from __future__ import annotations

from alembic import context

from miniclaude.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
