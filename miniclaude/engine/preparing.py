"""What a request needs before its turn is made beside the step loop, so that nobody else's answer
waits for it: its grammar is compiled, its adapter read."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from miniclaude.engine.adapters import Made
from miniclaude.engine.matching import Matcher
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.turns import group_and_user
from miniclaude.errors import EngineError, MiniClaudeError, OverloadedError

MAX_PREPARING = 64
"""Requests that may wait for what they need."""


class Prepared(NamedTuple):
    """matcher: of the request's grammar; None has none. adapter: its own, read; None has none, or
    it is in memory already. deadline: of its wait, which began before this was made; None: it
    begins when it has this."""

    matcher: Matcher | None = None
    adapter: Made | None = None
    deadline: float | None = None


class Waiting(NamedTuple):
    """A request that waits for what it needs, until its deadline. seconds: how long that is."""

    request: GenerationRequest
    deadline: float
    seconds: float


class Preparing:
    """The requests that wait for what they need, and the one thread that makes it: for one request
    of each group of users in turn (`turns.py`), so that nobody waits for all of another's.

    prepare: what a request needs, or MiniClaudeError. ready: told the id of each request that has
    it, in that thread; `take` it then. clock: of the deadlines, in seconds. All else is called from
    the step loop's thread.
    """

    def __init__(
        self,
        prepare: Callable[[GenerationRequest], Prepared],
        ready: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prepare = prepare
        self._ready = ready
        self._clock = clock
        self._waiting: dict[str, Waiting] = {}
        self._done: dict[str, Prepared | MiniClaudeError] = {}
        self._lines: dict[str, deque[Waiting]] = {}  # by group; the first one's turn is next
        self._lock = threading.Lock()  # of the lines
        self._added: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, request: GenerationRequest, seconds: float = math.inf) -> None:
        """Put a request in line. seconds: how long it may wait, in this line and for admission
        together. Raises OverloadedError when too many wait, and as many of its group as is the
        group's even part."""
        group, _ = group_and_user(request.user)
        groups = [group_and_user(one.request.user)[0] for one in self._waiting.values()]
        own, shares = groups.count(group), len({*groups, group})
        if len(groups) >= MAX_PREPARING and own * shares >= MAX_PREPARING:
            raise OverloadedError(
                f"{len(groups)} requests are waiting for their grammar or adapter already.",
                hint="Try again in a few seconds.",
                retry_after=5,
            )
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        waiting = Waiting(request, self._clock() + seconds, seconds)
        self._waiting[request.id] = waiting
        with self._lock:
            self._lines.setdefault(group, deque()).append(waiting)
        self._added.put(None)

    def take(self, request_id: str) -> tuple[GenerationRequest, Prepared] | None:
        """A request that is ready, with what it needs; None when it was cancelled. Raises what is
        wrong with its grammar or adapter, and OverloadedError when it has waited too long."""
        waiting = self._waiting.pop(request_id, None)
        result = self._done.pop(request_id)
        if waiting is None:
            return None
        if isinstance(result, MiniClaudeError):
            raise result
        return waiting.request, result._replace(deadline=waiting.deadline)

    def cancel(self, request_id: str) -> None:
        """Forget a request; one that is not known is not waiting."""
        self._waiting.pop(request_id, None)

    def _run(self) -> None:
        while True:
            self._added.get()
            waiting = self._next()
            name = waiting.request.id
            self._done[name] = self._result(waiting)
            self._ready(name)

    def _next(self) -> Waiting:
        """The first request of the group whose turn it is; that group is the last then."""
        with self._lock:
            group = next(iter(self._lines))
            line = self._lines.pop(group)
            waiting = line.popleft()
            if line:
                self._lines[group] = line
            return waiting

    def _result(self, waiting: Waiting) -> Prepared | MiniClaudeError:
        request = waiting.request
        if request.id not in self._waiting:
            return EngineError("It was cancelled.", hint="Ask again.")
        if self._clock() >= waiting.deadline:
            return OverloadedError(
                f"The request waited {waiting.seconds:g} s for its grammar or adapter.",
                hint="Try again later.",
                retry_after=30,
            )
        try:
            return self._prepare(request)
        except MiniClaudeError as error:
            return error
        except BaseException as error:  # a fault in a library must not end the thread
            what = "adapter" if request.grammar is None else "grammar"
            return EngineError(
                f"The {what} cannot be prepared: {type(error).__name__}.",
                hint="Ask for something else; this is a fault of the program: report it.",
            )
