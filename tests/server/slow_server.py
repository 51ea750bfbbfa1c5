"""The real server, with an echo that says a word every few milliseconds; run as a process.

    python -m tests.server.slow_server HOME PORT [stuck] [impatient]

stuck: the echo never lets itself be closed, in a thread that nothing can interrupt.
impatient: a client that does not read is dropped at once.
The first line printed is the server's address; an error we foresaw is printed and exits with 1.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from miniclaude.errors import MiniClaudeError
from miniclaude.providers import echo
from miniclaude.server import serve, unread
from miniclaude.settings import load_settings


async def pace() -> None:
    """Slow enough to be interrupted, fast enough not to be waited for."""
    await asyncio.sleep(0.01)


class StuckEcho(echo.Echo):
    """Waits for ever at its end."""

    async def aclose(self) -> None:
        await asyncio.to_thread(threading.Event().wait)


def create(options: Mapping[str, object]) -> echo.Echo:
    """In place of the echo's own factory."""
    return StuckEcho(pace) if "stuck" in sys.argv else echo.Echo(pace)


if __name__ == "__main__":
    echo.create = create
    serve.LAST_SECONDS = 0.1 if "stuck" in sys.argv else 120  # a slow machine ends slowly
    if "impatient" in sys.argv:
        unread.DropsUnread.patience = 0.1
    try:
        serve.run_server(
            load_settings(Path(sys.argv[1]), port=int(sys.argv[2]), model="echo"),
            lambda url: print(url, flush=True),
        )
    except MiniClaudeError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print("ended", flush=True)
