"""An answer while it grows: one writer, any number of watchers, each at its own pace.

The whole answer is kept until its turn has ended, so a watcher may come, go and come back at any
offset; nothing is queued for one, so a slow one costs nothing and holds nobody back.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from dataclasses import replace

from miniclaude.chat.events import TurnDelta, TurnEvent, last_event
from miniclaude.chat.tool_loop import ToolStep
from miniclaude.store.text import mend_text
from miniclaude.store.turns import Ending


class GrowingAnswer:
    """Text with a length in code points, calls of tools, and in the end an `Ending`."""

    def __init__(self) -> None:
        self.length = 0
        self.ending: Ending | None = None
        self.steps: list[ToolStep] = []
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self._pieces)

    def append(self, text: str) -> None:
        """Add text, and wake the watchers. Characters no database can hold become U+FFFD here, so
        that watchers and store agree."""
        if text:
            self._starts.append(self.length)
            self._pieces.append(mend_text(text))
            self.length += len(text)
            self._wake()

    def put(self, step: ToolStep) -> None:
        """Add a call of a tool where the text now ends, or tell how it stands."""
        step = replace(step, result=mend_text(step.result))
        if step.number < len(self.steps):
            self.steps[step.number] = replace(step, offset=self.steps[step.number].offset)
        else:
            self.steps.append(replace(step, offset=self.length))
        self._wake()

    def end(self, ending: Ending) -> None:
        """There will be no more."""
        self.ending = ending
        self._wake()

    async def ended(self) -> None:
        """Wait for the end."""
        while self.ending is None:
            await self._news.wait()

    async def watch(self, offset: int) -> AsyncGenerator[TurnEvent, None]:
        """Everything after the first `offset` code points, at once where it is there already,
        and the end; of each call of a tool how it stands, and every change of it. An offset beyond
        what there is waits for the text to get there."""
        told: dict[int, ToolStep] = {}
        while True:
            if news := [step for step in self.steps if told.get(step.number) != step]:
                for step in news:
                    told[step.number] = step
                    yield step
            elif offset < self.length:
                text = self._after(offset)
                offset = self.length
                yield TurnDelta(text, offset)
            elif self.ending is not None:
                yield last_event(self.ending)
                return
            else:
                await self._news.wait()

    def _after(self, offset: int) -> str:
        first = bisect_right(self._starts, offset) - 1
        return "".join(self._pieces[first:])[offset - self._starts[first] :]

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
