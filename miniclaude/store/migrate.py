"""Bring a database to this code's schema.

Migrations are synchronous code that runs once, so they get a connection of their own in a worker
thread, and the event loop stays free. Two servers that open one database at once take turns:
SQLite's write lock and PostgreSQL's advisory lock see to that. Alembic keeps its current
operations in module globals; the thread lock keeps two databases of one process apart.
"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from miniclaude.errors import StoreError

_FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6D696E69_636C6175  # "miniclau": any number nobody else uses
_one_at_a_time = threading.Lock()


def migrate(engine: Engine, name: str) -> None:
    """Run the migrations that the database lacks, all or none of them.

    name: the database, without its password, for messages. Raises StoreError when the database
    is at a schema this code does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with _one_at_a_time, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
            ).close()
        if _is_current(connection, scripts, name):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_current(connection: Connection, scripts: ScriptDirectory, name: str) -> bool:
    here = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := here - known:
        raise StoreError(
            f"The database {name} was made by a newer Mini-Claude"
            f" (its schema is {', '.join(sorted(unknown))}; this version knows up to"
            f" {', '.join(scripts.get_heads())}).",
            hint="Upgrade Mini-Claude, or open the backup made before the upgrade.",
        )
    return here == set(scripts.get_heads())
