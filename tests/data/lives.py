"""`python -m tests.data.lives`: prepare a dataset in one child process after another, each killed
or stopped where the order says. Forked from a process that has no threads yet, so that a life
costs milliseconds; prints how each ended and which steps were finished then."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from miniclaude.data import work_folder
from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import DiskFullError
from miniclaude.model import new_file
from miniclaude.model.new_file import flush_to_disk

NO_ROOM = 7


def one_life(source: Path, folder: Path, end: dict[str, Any]) -> int:
    """end: `flushes`: killed before that many flushes to disk. `step`: killed once 500 rows of it
    are done. `bytes`: no file may become longer."""
    flush = flush_to_disk
    left = [end.get("flushes", 1_000)]

    def dying(path: Path) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        flush(path)

    def tell(step: str, done: int, total: int | None) -> None:
        if step == end.get("step") and done >= 500:
            os.kill(os.getpid(), signal.SIGKILL)

    for module in (work_folder, new_file):
        vars(module)["flush_to_disk"] = dying
    if "bytes" in end:
        resource.setrlimit(resource.RLIMIT_FSIZE, (end["bytes"], end["bytes"]))
    try:
        prepare([source], folder, PrepareOptions(validation=0.2, seed=3), tell)
    except DiskFullError:
        return NO_ROOM
    return 0


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    state = folder.parent / f".{folder.name}.preparing" / "state.json"
    for end in json.loads(sys.argv[3]):
        child = os.fork()
        if not child:
            status = 1
            try:
                status = one_life(source, folder, end)
            finally:
                os._exit(status)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        steps = list(json.loads(state.read_bytes())["steps"]) if state.exists() else []
        told = {"ended": ended, "steps": steps, "there": (folder / "manifest.json").exists()}
        print(json.dumps(told), flush=True)
        if ended == 0:
            return


if __name__ == "__main__":
    main()
