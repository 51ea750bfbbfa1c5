"""Ctrl-C that stops at the next good moment, and a second one that stops at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Wish = Literal["go", "pause", "cancel"]


@contextmanager
def wish_of_signals() -> Iterator[Callable[[], Wish]]:
    """Yields what to ask between steps: `pause` once SIGINT or SIGTERM has come.

    After the first signal they have their usual effect again.
    """
    asked = threading.Event()
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: object) -> None:
        asked.set()
        for each, handler in previous.items():
            signal.signal(each, handler)
        print("\nStopping after this step … (Ctrl-C again: at once)", file=sys.stderr)

    for number in previous:
        signal.signal(number, on_signal)
    try:
        yield lambda: "pause" if asked.is_set() else "go"
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
