"""A few threads that compute one thing together, phase by phase.

`Team.run` starts a compiled function on every thread at once. Inside it the threads share out the
pieces of a phase by `claim`, say which are `done`, and `meet` when all are. Nobody waits for a
thread, only for pieces: one that a busy machine holds up takes fewer or none, and the others go on
without it. Between two runs the threads sleep; within one, a thread that waits for pieces looks a
few hundred times and then offers its core to whoever needs it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.compile import atomic_add, compiled, yield_processor

Kernel = Callable[..., object]

CLAIMED, DONE, NEXT = 0, 8, 64
"""Where a phase's two counters lie and where the next phase begins, in bytes: a cache line each."""

LOOKS = 300
"""How often a waiting thread looks before it offers its core: about a microsecond."""


@compiled
def claim(phase: int, count: int) -> int:
    """The first of the `count` next pieces of a phase. phase: the address of its counters."""
    return int(atomic_add(phase + CLAIMED, count))


@compiled
def done(phase: int, count: int) -> None:
    """Say that so many claimed pieces are finished."""
    atomic_add(phase + DONE, count)


@compiled
def meet(phase: int, pieces: int) -> int:
    """Wait until all pieces of a phase are finished; the next phase."""
    looks = 0
    while atomic_add(phase + DONE, 0) < pieces:
        looks += 1
        if looks > LOOKS:
            yield_processor()
    return phase + NEXT


Work = tuple[Kernel, tuple[Any, ...], NDArray[np.int64]]


class Team:
    """`size` threads, the caller's among them. Callers take turns."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.inboxes: list[queue.SimpleQueue[Work | None]] = []
        for thread in range(1, size):
            inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
            self.inboxes.append(inbox)
            threading.Thread(target=work, args=(thread, size, inbox), daemon=True).start()

    def __del__(self) -> None:
        for inbox in self.inboxes:
            inbox.put(None)

    def run(self, phases: int, kernel: Kernel, *arguments: Any) -> None:
        """`kernel(phase, thread, threads, *arguments)` on every thread, until every piece of each
        of its phases is finished; a thread that comes late finds nothing left to do.

        A kernel must not fail, for the others would wait for its pieces.
        """
        with self.lock:
            counters = np.zeros((phases + 1) * NEXT // 8, np.int64)
            for inbox in self.inboxes:
                inbox.put((kernel, arguments, counters))
            kernel(first_phase(counters), 0, self.size, *arguments)


def first_phase(counters: NDArray[np.int64]) -> int:
    """The address of the first cache line that is wholly the counters'."""
    return -(-counters.ctypes.data // NEXT) * NEXT


def work(thread: int, threads: int, inbox: queue.SimpleQueue[Work | None]) -> None:
    """A member's life: wait for a kernel, run it; until the team is no more."""
    while (task := inbox.get()) is not None:
        kernel, arguments, counters = task
        kernel(first_phase(counters), thread, threads, *arguments)
        del task, kernel, arguments, counters  # what they hold may be large
