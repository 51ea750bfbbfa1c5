"""A few threads that compute one thing together, phase by phase.

`Team.run` starts a compiled function on every thread at once. Inside it the threads share out the
work of a phase by `claim`, so that one that is held up on a busy machine takes less, and meet at
`barrier` before the next. Between two runs the threads sleep; within one, a thread that waits for
the others looks a few hundred times and then offers its core to whoever needs it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from miniclaude.model.compile import atomic_add, compiled, yield_processor

Kernel = Callable[..., None]

CLAIMED, ARRIVED, PASSED = 0, 64, 128
"""Where the three counters lie, in bytes: each on a cache line of its own."""

LOOKS = 300
"""How often a waiting thread looks before it offers its core: about a microsecond."""


@compiled
def claim(sync: int, count: int) -> int:
    """The first of the `count` next pieces of this phase's work. sync: the counters' address."""
    return int(atomic_add(sync + CLAIMED, count))


@compiled
def barrier(sync: int, threads: int) -> None:
    """Wait until every thread has come here; the next phase's work begins at piece 0."""
    passed = atomic_add(sync + PASSED, 0)
    if atomic_add(sync + ARRIVED, 1) == threads - 1:
        atomic_add(sync + CLAIMED, -atomic_add(sync + CLAIMED, 0))
        atomic_add(sync + ARRIVED, -threads)
        atomic_add(sync + PASSED, 1)
        return
    looks = 0
    while atomic_add(sync + PASSED, 0) == passed:
        looks += 1
        if looks > LOOKS:
            yield_processor()


class Team:
    """`size` threads, the caller's among them. One `run` at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.counters = np.zeros(64, np.int64)
        self.sync = -(-self.counters.ctypes.data // 64) * 64  # on a cache line's border
        self.inboxes: list[queue.SimpleQueue[tuple[Kernel, tuple[Any, ...]]]] = []
        self.outcomes: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        for thread in range(1, size):
            inbox: queue.SimpleQueue[tuple[Kernel, tuple[Any, ...]]] = queue.SimpleQueue()
            self.inboxes.append(inbox)
            threading.Thread(target=self.work, args=(thread, inbox), daemon=True).start()

    def work(self, thread: int, inbox: queue.SimpleQueue[tuple[Kernel, tuple[Any, ...]]]) -> None:
        """A member's life: wait for a kernel, run it, say how it went."""
        while True:
            kernel, arguments = inbox.get()
            try:
                kernel(self.sync, thread, self.size, *arguments)
            except BaseException as error:
                self.outcomes.put(error)
            else:
                self.outcomes.put(None)

    def run(self, kernel: Kernel, *arguments: Any) -> None:
        """`kernel(sync, thread, threads, *arguments)` on every thread, until all have returned.
        Every thread must pass the same barriers, so a kernel must not fail between them."""
        with self.lock:
            self.counters[:] = 0
            for inbox in self.inboxes:
                inbox.put((kernel, arguments))
            kernel(self.sync, 0, self.size, *arguments)
            for error in [self.outcomes.get() for _ in self.inboxes]:
                if error is not None:
                    raise error
