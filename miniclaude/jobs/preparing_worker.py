"""A preparation's own process: `python -m miniclaude.jobs.preparing_worker`.

The first line of its standard input names the sources, the dataset's folder and the options. Its
standard output carries how far each step is and what the finished ones reported, and at the end the
result or the error. When standard input ends, the parent has gone or has changed its mind, and this
process ends at once; what it had finished is gone on from when the same is asked for again.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.work_folder import STATE
from miniclaude.engine.parent import Commands, Send, claim_output, leave, read_commands
from miniclaude.engine.protocol import MAX_LINE, decode_line, encode_error
from miniclaude.errors import MiniClaudeError
from miniclaude.jobs.worker import NICENESS

EVERY = 0.1
"""Seconds between two words about the same step."""


class Teller:
    """The pipeline's `Progress`, said to the parent. folder: the dataset's."""

    def __init__(self, send: Send, folder: Path) -> None:
        self._send = send
        self._state = folder.parent / f".{folder.name}.preparing" / STATE
        self._step = ""
        self._told = 0.0

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """How far a step is: when it begins, when it is done, and now and then between."""
        now = time.monotonic()
        if step == self._step and done != total and now < self._told + EVERY:
            return
        self._told = now
        told: dict[str, Any] = {"step": step, "done": done, "total": total}
        if step != self._step:
            self._step = step
            told["reports"] = self._reports()
        self._send(told)

    def _reports(self) -> dict[str, Any]:
        """What the finished steps reported, without the measures, which are the report's."""
        try:
            steps = json.loads(self._state.read_bytes())["steps"]
        except (OSError, ValueError, KeyError):
            return {}
        return {name: _without_measures(report) for name, report in steps.items()}


def _without_measures(report: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("measured", "formats", "samples", "before", "after")
    return {name: value for name, value in report.items() if name not in left_out}


def work() -> int:
    """Read what to prepare, prepare it, say how it ended. Returns the exit code."""
    os.nice(NICENESS)
    send = claim_output()
    source = sys.stdin.buffer
    order = decode_line(source.readline(MAX_LINE))
    commands: Commands = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(source, commands), daemon=True).start()
    folder = Path(order["folder"])
    try:
        # One process: the other cores are for whoever chats meanwhile.
        dataset = prepare(
            order["sources"],
            folder,
            PrepareOptions(**order["options"]),
            Teller(send, folder),
            processes=1,
        )
    except MiniClaudeError as error:
        send({"failed": encode_error(error)})
        return 1
    send({"result": dataset.name})
    return 0


def main() -> NoReturn:
    """The whole life of the process."""
    try:
        leave(work())
    except Exception:
        traceback.print_exc()
        leave(1)


if __name__ == "__main__":
    main()
