"""Files that were uploaded: who owns them and what they are. Their bytes are on the disk, under
the file's id, in the home folder that `place` names; the person's own name for a file is data and
never a path."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import ConflictError, InvalidRequestError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.file_folder import FileWriter
from miniclaude.store.ids import new_id, not_found
from miniclaude.store.tables import files, jobs
from miniclaude.store.text import check_text

MAX_NAME = 255
"""Characters of a file's name."""

MAX_PAGE = 10_000
"""Files on a page, as many as the OpenAI API gives."""

UNFINISHED = ("validating_files", "queued", "running", "paused")
"""Statuses of jobs that still need their files."""

_ID = re.compile(r"file-[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file's row. place: the home folder that has its bytes. sha256: of its bytes, in
    hexadecimal. created_at: Unix seconds."""

    id: str
    place: str
    name: str
    purpose: str
    bytes: int
    sha256: str
    created_at: float

    @classmethod
    def written(
        cls, file_id: str, writer: FileWriter, *, place: str, name: str, purpose: str
    ) -> StoredFile:
        """The row of a file whose bytes have just been written."""
        return cls(file_id, place, name, purpose, writer.bytes, writer.sha256, unix_now())


def new_file_id() -> str:
    """An id for a file, made here so that the bytes can be stored before the row."""
    return f"file-{new_id()}"


class Files:
    """Every method names the owner; a file of somebody else does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, owner: str, file: StoredFile) -> StoredFile:
        """Store the row of a file whose bytes are in place. Raises InvalidRequestError for a name
        that cannot be stored."""
        check_text(file.name, "file", longest=MAX_NAME)
        await self._database.write(lambda connection: insert_file(connection, owner, file))
        return file

    async def get(self, owner: str, file_id: str) -> StoredFile:
        """Raises NotFoundError."""
        return await self._database.read(lambda connection: fetch_file(connection, owner, file_id))

    async def ids(self, place: str) -> set[str]:
        """Every file of one home folder, whoever owns it."""
        wanted = select(files.c.id).where(files.c.place == place)

        async def fetch(connection: AsyncConnection) -> set[str]:
            return set((await connection.execute(wanted)).scalars())

        return await self._database.read(fetch)

    async def list(
        self,
        owner: str,
        *,
        limit: int = MAX_PAGE,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
        purpose: str | None = None,
    ) -> tuple[list[StoredFile], bool]:
        """Files in the order they were made, and whether there are more. after: the id of the last
        one of the page before. Raises NotFoundError for an `after` that is not there."""
        table = files.c
        wanted = select(files).where(table.owner == owner)
        if purpose is not None:
            wanted = wanted.where(table.purpose == purpose)
        number = table.number.asc() if order == "asc" else table.number.desc()
        wanted = wanted.order_by(number).limit(limit + 1)

        async def fetch(connection: AsyncConnection) -> list[StoredFile]:
            page = wanted
            if after is not None:
                last = (await connection.execute(_select(owner, after))).first()
                if last is None:
                    raise not_found("file", "after")
                beyond = table.number > last.number if order == "asc" else None
                page = wanted.where(table.number < last.number if beyond is None else beyond)
            return [_file(row) for row in await connection.execute(page)]

        rows = await self._database.read(fetch)
        return rows[:limit], len(rows) > limit

    async def delete(self, owner: str, file_id: str) -> StoredFile:
        """Remove the row; the caller removes the bytes. Raises NotFoundError, and ConflictError
        while a job that is not finished needs the file."""

        async def remove(connection: AsyncConnection) -> StoredFile:
            file = await fetch_file(connection, owner, file_id, lock=True)
            table = jobs.c
            users = select(table.id).where(
                table.owner == owner,
                table.status.in_(UNFINISHED),
                or_(table.training_file == file_id, table.validation_file == file_id),
            )
            user = (await connection.execute(users.limit(1))).scalar()
            if user is not None:
                raise ConflictError(
                    f"The file {file_id} is used by the job {user}, which is not finished.",
                    hint="Wait until it is, or cancel it first.",
                    param="file_id",
                )
            await connection.execute(delete(files).where(_is(owner, file_id)))
            return file

        return await self._database.write(remove)


async def insert_file(connection: AsyncConnection, owner: str, file: StoredFile) -> None:
    """Store a file's row within the caller's transaction."""
    await connection.execute(
        insert(files).values(
            id=file.id,
            owner=owner,
            place=file.place,
            name=file.name,
            purpose=file.purpose,
            bytes=file.bytes,
            sha256=file.sha256,
            created_at=file.created_at,
        )
    )


async def fetch_file(
    connection: AsyncConnection, owner: str, file_id: str, *, lock: bool = False
) -> StoredFile:
    """One file, within the caller's transaction. Raises NotFoundError. lock: nobody else deletes
    it before the transaction ends."""
    wanted = _select(owner, file_id)
    row = (await connection.execute(wanted.with_for_update() if lock else wanted)).first()
    if row is None:
        raise not_found("file", "file_id")
    return _file(row)


async def require_files(
    connection: AsyncConnection, owner: str, place: str, wanted: Collection[tuple[str, str]]
) -> None:
    """Hold files for a job that is being made, within the caller's transaction.

    wanted: the request's fields and the ids in them. Raises InvalidRequestError for a file that
    is not there, is not for training, or is in another home folder.
    """
    for param, file_id in sorted(wanted, key=lambda pair: pair[1]):
        row = (await connection.execute(_select(owner, file_id).with_for_update())).first()
        if row is None:
            raise InvalidRequestError(
                f"{param}: there is no file {file_id[:64]!r}.",
                hint="Upload it with POST /files; GET /files lists yours.",
                param=param,
                code="file_not_found",
            )
        if row.purpose != "fine-tune":
            raise InvalidRequestError(
                f"{param}: the file {file_id} has the purpose {row.purpose!r}.",
                hint="Upload the rows with purpose 'fine-tune'.",
                param=param,
            )
        if row.place != place:
            raise InvalidRequestError(
                f"{param}: the file {file_id} was uploaded to another server of this database.",
                hint="Start the job there, or upload the file here.",
                param=param,
            )


def _is(owner: str, file_id: str) -> Any:
    return and_(files.c.id == file_id, files.c.owner == owner)


def _select(owner: str, file_id: str) -> Any:
    # No other string ever reaches the database as an id; nothing has the id "".
    return select(files).where(_is(owner, file_id if _ID.match(file_id) else ""))


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(
        id=row.id,
        place=row.place,
        name=row.name,
        purpose=row.purpose,
        bytes=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
    )
