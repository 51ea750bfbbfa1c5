"""Open a database, and run transactions on it.

SQLite is used as it wants to be: WAL, one writer connection, several readers that cannot write.
A commit survives `kill -9` of the process at once (the operating system has the pages); after a
power cut the last moments may be missing, the file is never corrupt (`synchronous=NORMAL`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from miniclaude.errors import StoreError
from miniclaude.store.failures import database_name, translated
from miniclaude.store.migrate import migrate

T = TypeVar("T")

_SQLITE_READERS = 4
_POSTGRESQL_CONNECTIONS = 10
_WAIT_S = 20
"""Seconds to wait for a free connection, and for another program's lock on a SQLite file."""


class Database:
    """An open database at this code's schema. `name` never contains a password."""

    def __init__(self, url: URL, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._url = url
        self._reader = reader
        self._writer = writer
        self._running: set[asyncio.Task[Any]] = set()
        self.name = database_name(url)

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open the database at `url`, make it if it is a SQLite file that does not exist, and
        bring it to this code's schema.

        url: `sqlite+aiosqlite:///path` or `postgresql://user:password@host/name` (also
        `sqlite://`, `postgres://`, `postgresql+psycopg://`). Raises StoreError with the cure when
        it cannot be reached, read or written, or was made by a newer version; DiskFullError.
        """
        address = _parse(url)
        with translated(address):
            await asyncio.to_thread(_prepare, address)
        if address.get_backend_name() == "sqlite":
            return cls(
                address,
                _sqlite_engine(address, size=_SQLITE_READERS, writes=False),
                _sqlite_engine(address, size=1, writes=True),
            )
        engine = create_async_engine(
            address,
            pool_size=_POSTGRESQL_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_WAIT_S,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
        )
        # As on SQLite, everything that one transaction reads is of one moment.
        reader = engine.execution_options(isolation_level="REPEATABLE READ")
        return cls(address, reader, engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether the full-text index is FTS5 (else tsvector)."""
        return self._url.get_backend_name() == "sqlite"

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction that only reads, and sees the database as it is at one
        moment. Raises StoreError, OverloadedError, and what `work` raises."""
        return await self._run(self._reader, work)

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction that is committed when it returns and rolled back when it
        raises. Raises StoreError, DiskFullError, OverloadedError, and what `work` raises."""
        return await self._run(self._writer, work)

    async def close(self) -> None:
        """Finish what is running and give every connection back. Safe to call twice."""
        while self._running:
            await asyncio.wait(self._running)
        await self._reader.dispose()
        await self._writer.dispose()

    async def _run(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """A transaction is a task of its own: a caller who is cancelled (a browser that went away)
        stops waiting, while the transaction ends in order and gives its connection back."""

        async def transaction() -> T:
            with translated(self._url):
                async with engine.begin() as connection:
                    return await work(connection)

        task = asyncio.create_task(transaction())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
        backend = address.get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend in {"postgres", "postgresql"}:
        return address.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and address.database not in {None, "", ":memory:"}:
        return address.set(drivername="sqlite+aiosqlite", query={})
    raise StoreError(
        "The database URL is not one that Mini-Claude can open.",
        hint="Use sqlite+aiosqlite:///path/to/file.db or postgresql://user:password@host/name;"
        " percent-encode special characters in the password.",
    )


def _prepare(address: URL) -> None:
    """Make the file (readable by its owner alone) and run the migrations. Runs in a thread."""
    if address.get_backend_name() == "sqlite":
        with suppress(OSError):  # SQLite itself says best what is wrong with the path
            os.close(os.open(address.database or "", os.O_RDWR | os.O_CREAT, 0o600))
        engine = create_engine(address.set(drivername="sqlite"), poolclass=NullPool)
        _configure_sqlite(engine, writes=True)
    else:
        engine = create_engine(address, poolclass=NullPool, connect_args={"connect_timeout": 10})
    try:
        migrate(engine, database_name(address))
    finally:
        engine.dispose()


def _sqlite_engine(address: URL, *, size: int, writes: bool) -> AsyncEngine:
    engine = create_async_engine(address, pool_size=size, max_overflow=0, pool_timeout=_WAIT_S)
    _configure_sqlite(engine.sync_engine, writes=writes)
    return engine


def _configure_sqlite(engine: Engine, *, writes: bool) -> None:
    """Set what SQLite wants set on each connection, and begin transactions ourselves: the driver
    would begin one only at the first change, too late to hold off another writer."""

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_WAIT_S * 1000}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
