"""What the drivers raise, said in our words.

Neither a password nor a row's content ever appears in a message: the driver's text is quoted
only for failures to connect, and then without the password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from miniclaude.errors import DiskFullError, OverloadedError, StoreError

_FREE_SPACE = "Free some space; nothing that was saved before is lost."
_RESTORE = (
    "Move it away (Mini-Claude then starts a new one) or put a backup in its place; check the disk."
)

_SQLITE: tuple[tuple[str, type[StoreError], str, str], ...] = (
    ("database or disk is full", DiskFullError, "No space is left to write to", _FREE_SPACE),
    ("file is not a database", StoreError, "This file is not a database:", _RESTORE),
    ("malformed", StoreError, "This database is corrupt:", _RESTORE),
    (
        "unable to open database file",
        StoreError,
        "Cannot open the database",
        "Check that its folder exists and that you may read and write there.",
    ),
    (
        "readonly database",
        StoreError,
        "May not write to the database",
        "Check the permissions of the file and its folder.",
    ),
    (
        "database is locked",
        StoreError,
        "Another program is holding the database",
        "Close the other program (a backup, a database browser) and try again.",
    ),
    ("disk i/o error", StoreError, "The disk failed to read or write", "Check disk and space."),
    (
        "no such module: fts5",
        StoreError,
        "Python's SQLite has no full-text search (FTS5), needed for",
        "Use a Python built with FTS5, as those of python.org and Debian are, or PostgreSQL.",
    ),
)
"""Part of the driver's text → error type, what is wrong (the name follows), the cure."""


def database_name(url: URL) -> str:
    """The database as a person would name it: a path, or `postgresql://user@host:port/name`."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn whatever the driver raises inside the block into a StoreError.

    IntegrityError passes through as StoreError too: repositories check first, so that one left
    over is a failure of the store and not of the request.
    """
    try:
        yield
    except PoolTimeoutError:
        raise OverloadedError(
            "Too many requests are waiting for the database.", hint="Try again in a moment."
        ) from None
    except (SQLAlchemyError, OSError) as error:
        raise _store_error(error, url) from error


def _store_error(error: SQLAlchemyError | OSError, url: URL) -> StoreError:
    name = database_name(url)
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    if url.get_backend_name() == "sqlite":
        said = str(cause).lower()
        for part, kind, wrong, cure in _SQLITE:
            if part in said:
                return kind(f"{wrong} {name}.", hint=cure)
    elif state == "53100":
        return DiskFullError(f"No space is left to write to {name}.", hint=_FREE_SPACE)
    elif isinstance(error, DBAPIError) and (state is None or state[:2] in {"08", "28", "3D", "57"}):
        return StoreError(
            f"Cannot reach the database {name}: {_without_password(cause, url)}.",
            hint="Check that the server runs, and the user, password and name in the URL.",
        )
    return StoreError(
        f"The database {name} refused an operation ({type(cause).__name__} {state or ''}).".replace(
            " )", ")"
        ),
        hint="This is a fault in Mini-Claude or in the database; the server's log has the details.",
    )


def _without_password(cause: object, url: URL) -> str:
    said = " ".join(str(cause).split()).rstrip(".")
    for secret in (url.password, url.query.get("password")):
        for value in [secret] if isinstance(secret, str) else secret or ():
            if value:
                said = said.replace(value, "***")
    return said
