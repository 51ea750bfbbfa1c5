"""The real server with an echo whose pace a test commands; run as a process of its own.

    python -m tests.web.serve_echo HOME PORT

While the file HOME/hold exists, no further word is said. A word takes WORD_SECONDS, so that an
answer is long enough to be watched. A question that contains FAIL ends in an error after
three words. The first line printed is the server's address.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from miniclaude.errors import ProviderError
from miniclaude.messages import StreamEvent, TextDelta
from miniclaude.providers import echo
from miniclaude.providers.base import ChatRequest
from miniclaude.server.serve import run_server
from miniclaude.settings import load_settings

WORD_SECONDS = 0.01
FAIL = "please fail"


class FailingEcho(echo.Echo):
    """An echo that breaks off when asked to."""

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """As the echo does, up to the third word of a question that contains FAIL."""
        fails = FAIL in request.messages[-1].text
        words = 0
        async for event in super().chat(request):
            yield event
            words += isinstance(event, TextDelta)
            if fails and words == 3:
                raise ProviderError("The echo broke off.", hint="Ask something else.")


def main(home: Path, port: int) -> None:
    """Serve until the process is told to end."""
    hold = home / "hold"

    async def pace() -> None:
        await asyncio.sleep(WORD_SECONDS)
        # The test that holds is another process: there is no event to wait for.
        while hold.exists():  # noqa: ASYNC110
            await asyncio.sleep(WORD_SECONDS)

    def create(options: Mapping[str, object]) -> echo.Echo:
        return FailingEcho(pace)

    echo.create = create
    settings = load_settings(home, port=port, model="echo")
    run_server(settings, lambda url: print(url, flush=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
