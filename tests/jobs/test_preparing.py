"""Preparing beside the server: a worker that dies, a server that stops, and going on after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import ConflictError, NotFoundError
from miniclaude.jobs.preparing import KEPT, Preparation, Preparations

pytestmark = pytest.mark.anyio

OWNER = "ada"
OPTIONS = PrepareOptions(augment=False, validation=0)
DIES = ("-c", "import sys; sys.stdin.readline(); sys.exit('out of luck')")
WAITS = (
    "-c",
    "import sys; sys.stdin.readline();"
    'print(\'{"step": "clean", "done": 1, "total": 2}\', flush=True); sys.stdin.read()',
)


def source(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    rows = [{"question": f"What is {n}?", "answer": f"{n} is the number {n}."} for n in range(5)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def last(preparations: Preparations, made: Preparation) -> Preparation:
    async for state in preparations.watch(OWNER, made.id):
        made = state
    return made


async def test_a_worker_that_dies_fails_with_its_last_words(tmp_path: Path) -> None:
    preparations = Preparations(tmp_path / "datasets", DIES)
    made = preparations.begin(OWNER, "talk", [str(source(tmp_path))], OPTIONS)
    ended = await last(preparations, made)
    assert ended.status == "failed"
    assert "exited with code 1 while it prepared the dataset: out of luck" in str(ended.error)
    assert preparations.running is None
    await preparations.aclose()


async def test_stopping_keeps_what_was_done_and_cancelling_does_not(tmp_path: Path) -> None:
    """What a stopped server leaves is gone on from; what a person did not want is not."""
    folder = tmp_path / "datasets"
    left = folder / ".talk.preparing"
    left.mkdir(parents=True)
    rows = [str(source(tmp_path))]
    stopped = Preparations(folder, WAITS)
    made = stopped.begin(OWNER, "talk", rows, OPTIONS)
    states = stopped.watch(OWNER, made.id)
    while not (await anext(states)).steps:
        pass
    await stopped.aclose()
    assert left.is_dir()
    cancelled = Preparations(folder, WAITS)
    made = cancelled.begin(OWNER, "talk", rows, OPTIONS)
    assert (await cancelled.cancel(OWNER, made.id)).status == "cancelled"
    assert list(folder.iterdir()) == []
    with pytest.raises(ConflictError, match="it is cancelled"):
        await cancelled.cancel(OWNER, made.id)
    await cancelled.aclose()


async def test_the_real_worker_makes_the_dataset(tmp_path: Path) -> None:
    preparations = Preparations(tmp_path / "datasets")
    made = preparations.begin(OWNER, "talk", [str(source(tmp_path))], OPTIONS)
    ended = await last(preparations, made)
    assert (ended.status, ended.error) == ("finished", None)
    assert PreparedDataset.open(tmp_path / "datasets" / "talk").count("train") == 5
    assert all(step.ended is not None for step in ended.steps)
    await preparations.aclose()


async def test_only_the_last_ones_are_remembered_and_only_by_their_owner(tmp_path: Path) -> None:
    preparations = Preparations(tmp_path / "datasets", DIES)
    first = preparations.begin(OWNER, "talk", [str(source(tmp_path))], OPTIONS)
    await last(preparations, first)
    with pytest.raises(NotFoundError):
        preparations.get("eve", first.id)
    for _ in range(KEPT):
        made = preparations.begin(OWNER, "talk", [str(source(tmp_path))], OPTIONS)
        await last(preparations, made)
    assert preparations.list(OWNER)[0].id == made.id
    assert len(preparations.list(OWNER)) == KEPT
    assert preparations.list("eve") == []
    with pytest.raises(NotFoundError):
        preparations.get(OWNER, first.id)
    await preparations.aclose()
