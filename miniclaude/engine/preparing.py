"""What a request needs before its turn is made beside the step loop, so that nobody else's answer
waits for it: its grammar is compiled, its adapter read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from miniclaude.engine.adapters import Made
from miniclaude.engine.matching import Matcher
from miniclaude.engine.request import GenerationRequest
from miniclaude.errors import EngineError, MiniClaudeError, OverloadedError

MAX_PREPARING = 64
"""Requests that may wait for what they need."""


class Prepared(NamedTuple):
    """matcher: of the request's grammar; None has none. adapter: its own, read; None has none, or
    it is in memory already."""

    matcher: Matcher | None = None
    adapter: Made | None = None


class Preparing:
    """The requests that wait for what they need, and the one thread that makes it.

    prepare: what a request needs, or MiniClaudeError. ready: told the id of each request that has
    it, in that thread; `take` it then. All else is called from the step loop's thread.
    """

    def __init__(
        self, prepare: Callable[[GenerationRequest], Prepared], ready: Callable[[str], object]
    ) -> None:
        self._prepare = prepare
        self._ready = ready
        self._waiting: dict[str, GenerationRequest] = {}
        self._done: dict[str, Prepared | MiniClaudeError] = {}
        self._line: queue.SimpleQueue[GenerationRequest] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, request: GenerationRequest) -> None:
        """Put a request in line. Raises OverloadedError when too many wait."""
        if len(self._waiting) >= MAX_PREPARING:
            raise OverloadedError(
                f"{MAX_PREPARING} requests are waiting for their grammar or adapter already.",
                hint="Try again in a few seconds.",
                retry_after=5,
            )
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._waiting[request.id] = request
        self._line.put(request)

    def take(self, request_id: str) -> tuple[GenerationRequest, Prepared] | None:
        """A request that is ready, with what it needs; None when it was cancelled. Raises what is
        wrong with its grammar or adapter."""
        request = self._waiting.pop(request_id, None)
        result = self._done.pop(request_id)
        if request is None:
            return None
        if isinstance(result, MiniClaudeError):
            raise result
        return request, result

    def cancel(self, request_id: str) -> None:
        """Forget a request; one that is not known is not waiting."""
        self._waiting.pop(request_id, None)

    def _run(self) -> None:
        while True:
            request = self._line.get()
            try:
                if request.id in self._waiting:
                    self._done[request.id] = self._prepare(request)
                else:
                    self._done[request.id] = EngineError("It was cancelled.", hint="Ask again.")
            except MiniClaudeError as error:
                self._done[request.id] = error
            except BaseException as error:  # a fault in a library must not end the thread
                what = "adapter" if request.grammar is None else "grammar"
                self._done[request.id] = EngineError(
                    f"The {what} cannot be prepared: {type(error).__name__}.",
                    hint="Ask for something else; this is a fault of the program: report it.",
                )
            self._ready(request.id)
