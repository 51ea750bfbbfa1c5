"""Grammars are compiled beside the step loop, so that nobody else's answer waits for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from miniclaude.engine.matching import Matcher
from miniclaude.engine.request import GenerationRequest
from miniclaude.errors import EngineError, MiniClaudeError, OverloadedError

MAX_COMPILING = 64
"""Requests that may wait for their grammar."""


class Compiling:
    """The requests that wait for their grammar, and the one thread that compiles.

    compile: a grammar to a matcher, or MiniClaudeError. ready: told the id of each request whose
    grammar is done, in that thread; `take` it then. All else is called from the step loop's thread.
    """

    def __init__(self, compile: Callable[[str], Matcher], ready: Callable[[str], object]) -> None:
        self._compile = compile
        self._ready = ready
        self._waiting: dict[str, GenerationRequest] = {}
        self._done: dict[str, Matcher | MiniClaudeError] = {}
        self._line: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, request: GenerationRequest) -> None:
        """Put a request with a grammar in line. Raises OverloadedError when too many wait."""
        if len(self._waiting) >= MAX_COMPILING:
            raise OverloadedError(
                f"{MAX_COMPILING} requests are waiting for their grammar already.",
                hint="Try again in a few seconds.",
                retry_after=5,
            )
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._waiting[request.id] = request
        self._line.put((request.id, request.grammar or ""))

    def take(self, request_id: str) -> tuple[GenerationRequest, Matcher] | None:
        """A request that is ready, with its grammar compiled; None when it was cancelled. Raises
        what is wrong with the grammar."""
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
            request_id, grammar = self._line.get()
            try:
                if request_id in self._waiting:
                    self._done[request_id] = self._compile(grammar)
                else:
                    self._done[request_id] = EngineError("It was cancelled.", hint="Ask again.")
            except MiniClaudeError as error:
                self._done[request_id] = error
            except BaseException as error:  # a fault in the library must not end the thread
                self._done[request_id] = EngineError(
                    f"The grammar cannot be compiled: {type(error).__name__}.",
                    hint="Use a simpler schema; this is a fault of the program: report it.",
                )
            self._ready(request_id)
