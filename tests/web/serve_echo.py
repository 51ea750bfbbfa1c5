"""The real server with an echo whose pace a test commands; run as a process of its own.

    python -m tests.web.serve_echo HOME PORT

While the file HOME/hold exists, no answer gets longer than the number of words it holds. A
question that contains FAIL ends in an error after three words; one that begins with CALCULATE calls
the calculator for what follows, where it may, and then says the result. With MINI_CLAUDE_TEST_TWIN
there is a second echo, `twin/echo`; with MINI_CLAUDE_TEST_EYE one that sees, `eye/echo`, and says
what pictures it was shown before it says the words. The first line printed is the server's address.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path

from miniclaude.errors import ProviderError
from miniclaude.jobs.fine_tuning import Workshop
from miniclaude.jobs.preparing import Preparations
from miniclaude.messages import (
    Finished,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
    text_message,
)
from miniclaude.model.library import Library
from miniclaude.pictures import read_base64
from miniclaude.providers import echo
from miniclaude.providers.base import ChatRequest, ModelInfo
from miniclaude.server import services
from miniclaude.server.serve import run_server
from miniclaude.settings import ProviderSettings, ServerSettings, load_settings

WORD_SECONDS = 0.005
FAIL = "please fail"
CALCULATE = "calculate: "

STAND_IN_WORKER = "STAND_IN_WORKER"
"""In the environment: a program that takes the place of the one that trains."""

STAND_IN_PREPARER = "STAND_IN_PREPARER"
"""The same of the one that prepares datasets."""


class CommandedEcho(echo.Echo):
    """An echo that pauses, and breaks off, when it is told to."""

    def __init__(self, hold: Path) -> None:
        super().__init__()
        self._hold = hold

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """As the echo does, up to the third word of a question that contains FAIL."""
        last = request.messages[-1]
        if last.role == "user" and last.text.startswith(CALCULATE) and request.tools:
            arguments = json.dumps({"expression": last.text.removeprefix(CALCULATE)})
            yield TextDelta(0, "Let me see.")
            yield ToolCallDelta(0, 0, "call_1", "calculator", arguments)
            yield Finished(0, "tool_calls")
            yield Usage(3, 9)
            return
        if last.role == "tool":
            request = replace(request, messages=(text_message("user", f"It is {last.text}."),))
        request = replace(request, tools=())
        fails = FAIL in last.text
        words = 0
        async for event in super().chat(request):
            await self._pause(words)
            yield event
            words += isinstance(event, TextDelta)
            if fails and words == 3:
                raise ProviderError("The echo broke off.", hint="Ask something else.")

    async def _pause(self, words: int) -> None:
        await asyncio.sleep(WORD_SECONDS)
        # The test that holds is another process: there is no event to wait for.
        while words >= self._most_words():  # noqa: ASYNC110
            await asyncio.sleep(WORD_SECONDS)

    def _most_words(self) -> float:
        try:
            return int(self._hold.read_text() or "0")
        except FileNotFoundError:
            return float("inf")


class SeeingEcho(CommandedEcho):
    """Says which pictures of the conversation it was shown, then what an echo says."""

    def sees(self, model: str) -> bool:
        """Everything."""
        return True

    async def models(self) -> list[ModelInfo]:
        """The echo's, which sees."""
        return [replace(info, sees=True) for info in await super().models()]

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Kind and sides of each picture come first."""
        shown = [image for message in request.messages for image in message.images]
        pictures = [read_base64(image.media_type, image.data) for image in shown]
        told = [f"I see {it.media_type} of {it.width} by {it.height}." for it in pictures]
        words = " ".join([*told, request.messages[-1].text])
        async for event in super().chat(replace(request, messages=(text_message("user", words),))):
            yield event


def main(home: Path, port: int) -> None:
    """Serve until the process is told to end."""

    def create(options: Mapping[str, object]) -> echo.Echo:
        kind = SeeingEcho if options.get("name") == "eye" else CommandedEcho
        return kind(home / "hold")

    echo.create = create
    if stand_in := os.environ.get(STAND_IN_WORKER):
        workshop_of = services.workshop_of

        def with_stand_in(settings: ServerSettings, library: Library) -> Workshop:
            return replace(workshop_of(settings, library), worker=(stand_in,))

        services.workshop_of = with_stand_in
    if preparer := os.environ.get(STAND_IN_PREPARER):
        Preparations.__init__.__defaults__ = ((preparer,),)
    settings = load_settings(home, port=port, model="echo")
    if "MINI_CLAUDE_TEST_TWIN" in os.environ:
        settings.providers["twin"] = ProviderSettings(kind="echo")
    if "MINI_CLAUDE_TEST_EYE" in os.environ:
        settings.providers["eye"] = ProviderSettings(kind="echo")
    run_server(settings, lambda url: print(url, flush=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
