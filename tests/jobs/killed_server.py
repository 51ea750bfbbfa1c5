"""A server that is about to be killed: it starts a job, and says when a checkpoint is there.

Arguments: the home folder. Prints the worker's process id and then waits for its end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from miniclaude.jobs.fine_tuning import FineTuning
from miniclaude.store.database import Database
from miniclaude.store.jobs import NewJob
from tests.jobs.conftest import OWNER, SUPERVISED, workshop_in


async def main(home: Path) -> None:
    database = await Database.open(f"sqlite:///{home / 'jobs.db'}")
    tuning = await FineTuning.open(database, workshop_in(home))
    new = NewJob("tiny", "dataset:seed", SUPERVISED, suffix="waits")
    job = await tuning.create(OWNER, new)
    async for event in tuning.watch(OWNER, job.id):
        if "Checkpoint saved" in event.message:
            break
    print(tuning.runner.lives[job.id].pid, job.id, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
