"""Rows of uploaded files, on each kind of database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from miniclaude.errors import ConflictError, InvalidRequestError, NotFoundError
from miniclaude.store.conversations import unix_now
from miniclaude.store.database import Database
from miniclaude.store.files import Files, StoredFile, new_file_id
from miniclaude.store.jobs import Jobs, NewJob

pytestmark = pytest.mark.anyio


def a_file(name: str = "rows.jsonl", purpose: str = "fine-tune", place: str = "here") -> StoredFile:
    """A row."""
    return StoredFile(new_file_id(), place, name, purpose, 7, "ab" * 32, unix_now())


async def test_what_was_stored_comes_back(database: Database) -> None:
    files = Files(database)
    made = await files.add("ada", a_file("größe 👋.jsonl"))
    assert await files.get("ada", made.id) == made
    large = await files.add("ada", replace(a_file(), bytes=2**40))
    assert (await files.get("ada", large.id)).bytes == 2**40
    assert await files.ids("here") == {made.id, large.id}
    assert await files.ids("there") == set()


async def test_nobody_sees_or_deletes_anothers_file(database: Database) -> None:
    files = Files(database)
    made = await files.add("ada", a_file())
    for call in (files.get, files.delete):
        with pytest.raises(NotFoundError):
            await call("eve", made.id)
    assert (await files.list("eve"))[0] == []


async def test_pages_meet(database: Database) -> None:
    files = Files(database)
    made = [await files.add("ada", a_file()) for _ in range(5)]
    first, more = await files.list("ada", limit=2)
    assert (first, more) == ([made[4], made[3]], True)
    rest, more = await files.list("ada", limit=3, after=first[-1].id)
    assert (rest, more) == ([made[2], made[1], made[0]], False)
    up, _ = await files.list("ada", limit=2, after=made[1].id, order="asc")
    assert up == [made[2], made[3]]
    with pytest.raises(NotFoundError):
        await files.list("ada", after=new_file_id())


@pytest.mark.parametrize("file_id", ["", "file-", "file-\x00", "x" * 5000, "file-" + "g" * 32])
async def test_what_is_no_id_never_reaches_the_database(database: Database, file_id: str) -> None:
    """PostgreSQL would refuse a NUL with an error of its own."""
    with pytest.raises(NotFoundError):
        await Files(database).get("ada", file_id)


async def test_a_name_that_cannot_be_stored_is_refused(database: Database) -> None:
    for name in ("a\x00b", "\ud800", "x" * 256):
        with pytest.raises(InvalidRequestError):
            await Files(database).add("ada", a_file(name))


async def test_a_file_stays_while_an_unfinished_job_needs_it(database: Database) -> None:
    files, jobs = Files(database), Jobs(database)
    training = await files.add("ada", a_file())
    validation = await files.add("ada", a_file())
    method = {"type": "supervised", "supervised": {"hyperparameters": {}}}
    new = NewJob("tiny", training.id, method, validation_file=validation.id)
    job = await jobs.create("ada", "here", new)
    for file in (training, validation):
        with pytest.raises(ConflictError, match=job.id):
            await files.delete("ada", file.id)
    await jobs.cancel("ada", job.id)
    assert await files.delete("ada", training.id) == training
