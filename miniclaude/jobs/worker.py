"""A job's own process: `python -m miniclaude.jobs.worker`.

It has one job's files and nothing else: no keys, no database, no sockets. The first line of its
standard input says what to do; those that follow say what is wished meanwhile. Its standard output
carries what the work tells, and at the end the result or the error. When standard input ends, the
parent has gone, and so does this process, at once; what it had saved is gone on from later.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from miniclaude.engine.parent import Commands, Send, claim_output, leave, read_commands
from miniclaude.engine.protocol import MAX_LINE, Json, decode_line, encode_error
from miniclaude.errors import NO_ROOM, DiskFullError, MiniClaudeError
from miniclaude.jobs.order import Control, JobOrder, JobResult, Task, Tell, Wish

NICENESS = 10
"""Behind the engines: whoever chats while a model is trained should hardly notice."""

Run = Callable[[JobOrder, Path, Tell, Control], JobResult]


def control_of(commands: Commands) -> Control:
    """What the parent has wished last."""
    last: Wish = "go"

    def control() -> Wish:
        nonlocal last
        with suppress(queue.Empty):
            while True:
                last = commands.get_nowait()["wish"]
        return last

    return control


def tell_by(send: Send) -> Tell:
    """`send` for several threads at once."""
    lock = threading.Lock()

    def tell(event: Json) -> None:
        with lock:
            send(event)

    return tell


def train(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """The real work, imported only when there is some: it brings torch."""
    from miniclaude.jobs.assemble import run_job

    return run_job(order, folder, tell, control)


def validate(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """Only look at the files."""
    from miniclaude.jobs.validate import validate_files

    return validate_files(order, tell)


def foretell(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """Look at the files, then say what the run would take."""
    from miniclaude.jobs.assemble import foretell_job

    foretell_job(order, folder, tell)
    return JobResult("finished")


def work(works: Mapping[Task, Run]) -> int:
    """Read what to do, do it, say how it ended. Returns the exit code."""
    os.nice(NICENESS)
    send = claim_output()
    tell = tell_by(send)
    source = sys.stdin.buffer
    message = decode_line(source.readline(MAX_LINE))
    order, folder = JobOrder.from_dict(message["order"]), Path(message["folder"])
    commands: Commands = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(source, commands), daemon=True).start()
    try:
        result = works[message["task"]](order, folder, tell, control_of(commands))
    except MiniClaudeError as error:
        tell({"failed": encode_error(error)})
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        tell({"failed": encode_error(_full(error))})
        return 1
    tell({"result": result.as_dict()})
    return 0


def _full(error: OSError) -> DiskFullError:
    return DiskFullError(
        f"No room to write what the job makes: {error.strerror}.",
        hint="Free some space on the disk of the home folder.",
    )


def main(works: Mapping[Task, Run] | None = None) -> NoReturn:
    """The whole life of the process. works: who does each task; tests give stand-ins."""
    own: dict[Task, Run] = {"train": train, "validate": validate, "foretell": foretell}
    try:
        leave(work({**own, **(works or {})}))
    except Exception:
        traceback.print_exc()
        leave(1)


if __name__ == "__main__":
    main()
