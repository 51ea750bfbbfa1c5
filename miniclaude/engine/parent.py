"""A worker process's side of its pipes: what its parent says, and what it says to its parent."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Callable
from typing import BinaryIO, NoReturn

from miniclaude.engine.protocol import MAX_LINE, Json, decode_line, encode_line

Commands = queue.SimpleQueue[Json]
Send = Callable[[Json], None]


def claim_output() -> Send:
    """Keep standard output for the protocol: what anyone else writes there goes to standard error
    from now on. Returns the function that sends a message."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(message: Json) -> None:
        try:
            ours.write(encode_line(message))
            ours.flush()
        except BrokenPipeError:
            os._exit(0)

    return send


def read_commands(source: BinaryIO, commands: Commands) -> None:
    """Queue the parent's commands; leave with it when they end. Runs in a thread of its own, so
    that reading never holds up a step, nor a step the end."""
    while True:
        line = source.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            os._exit(0)
        commands.put(decode_line(line))


def leave(code: int) -> NoReturn:
    """End the process. An ordinary exit would abort, for the reading thread still holds standard
    input."""
    sys.stderr.flush()
    os._exit(code)
