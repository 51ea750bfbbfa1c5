"""An errand's own process: `python -m miniclaude.jobs.errand_worker`.

The first line of its standard input says what to do. Its standard output tells how far it has come,
and at the end the result or the error. When standard input ends, it ends at once: that is how it is
cancelled, and how it goes with its parent. A pull goes on later from what it had fetched.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Literal, NoReturn

from miniclaude.engine.parent import Send, claim_output, leave, read_commands
from miniclaude.engine.protocol import MAX_LINE, decode_line, encode_error
from miniclaude.errors import NO_ROOM, DiskFullError, MiniClaudeError
from miniclaude.jobs.errand import Order
from miniclaude.model.library import Library, bundled_models

NICENESS = 10
TELL_SECONDS = 0.1
BITS: dict[str, Literal[8, 4]] = {"int8": 8, "int4": 4}


class Told:
    """Progress as messages, ten a second at most."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._done = 0
        self._last = 0.0

    def begin(self, name: str, files: int, total: int) -> None:  # the protocol's
        """The size, first of all."""
        self._send({"total": total})

    def file(self, name: str) -> None:
        """What is worked on."""
        self._send({"file": name, "done": self._done})

    def advance(self, count: int) -> None:
        """So many bytes more."""
        self._done += count
        if time.monotonic() - self._last >= TELL_SECONDS:
            self._last = time.monotonic()
            self._send({"done": self._done})

    def note(self, text: str) -> None:
        """What the person should know."""
        self._send({"note": text})


def run(order: Order, progress: Told) -> str:
    """Do it; returns the name of what was made. Raises what the work raises."""
    library = Library(Path(order.models), bundled_models(), Path(order.adapters))
    if order.kind == "pull":
        from miniclaude.model.hub import pull

        return pull(
            order.model,
            library,
            endpoint=order.endpoint,
            token=order.token,
            revision=order.revision,
            progress=progress,
        ).name
    model = library.find(order.model)
    if order.kind == "quantize":
        from miniclaude.model.write_packed import quantize_model

        bits = BITS[order.to]
        return quantize_model(model, library, bits, name=order.name, progress=progress).name
    target = Path(order.target)
    if order.to == "folder":
        _export_folder(order.model, library, target)
    else:
        from miniclaude.model.gguf_export import TYPES, write_gguf

        write_gguf(model, target, TYPES[order.to], progress)
    return target.name


def _export_folder(name: str, library: Library, target: Path) -> None:
    """A whole model's folder as it is; an adapter merged into its base."""
    model = library.find(name)
    if model.adapter is not None:
        from miniclaude.model.merged import write_merged

        write_merged(model, target)
    else:
        from miniclaude.model.push import copy_to, prepare

        copy_to(prepare(model, None, ask=False), target)


def work() -> int:
    """Read what to do, do it, say how it ended. Returns the exit code."""
    os.nice(NICENESS)
    send = claim_output()
    source = sys.stdin.buffer
    order = Order.from_dict(decode_line(source.readline(MAX_LINE)))
    threading.Thread(target=read_commands, args=(source, queue.SimpleQueue()), daemon=True).start()
    try:
        send({"result": run(order, Told(send))})
    except MiniClaudeError as error:
        send({"failed": encode_error(error)})
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        full = DiskFullError(
            f"No room to write {order.name or order.model}: {error.strerror}.",
            hint="Free some space on the disk of the home folder.",
        )
        send({"failed": encode_error(full)})
        return 1
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
