"""An answer while it grows: one writer, any number of watchers, each at its own pace.

The whole answer is kept until its turn has ended, so a watcher may come, go and come back at any
offset; nothing is queued for one, so a slow one costs nothing and holds nobody back.
"""

from __future__ import annotations

import asyncio
import codecs
import math
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from miniclaude.chat.events import (
    TokenChoice,
    TurnDelta,
    TurnEvent,
    TurnLogprobs,
    last_event,
)
from miniclaude.chat.tool_loop import ToolStep
from miniclaude.messages import ChosenLogprob, TokenLogprob
from miniclaude.store.text import mend_text
from miniclaude.store.turns import Ending

MOST_LOGPROBS = 4096
"""Tokens of an answer whose probabilities are kept while it is written and a while after; they are
never stored."""
LEAST_LOGPROB = -9999.0
"""Said of what is impossible: JSON has no infinity."""


class GrowingAnswer:
    """Text with a length in code points, calls of tools, and in the end an `Ending`. logprobs: of
    its tokens, as far as they were asked for."""

    def __init__(self) -> None:
        self.length = 0
        self.logprobs: list[TokenChoice] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoded = 0
        self.ending: Ending | None = None
        self.steps: list[ToolStep] = []
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self._pieces)

    def restore(self, text: str, steps: Sequence[ToolStep]) -> None:
        """Begin with what an earlier turn wrote."""
        self.steps = list(steps)
        self.append(text)
        self._decoded = self.length

    def weigh(self, tokens: Sequence[ChosenLogprob]) -> None:
        """Note the probabilities of the tokens that come next. A text may come later than its
        tokens (a character can have several), so their own bytes tell where each begins."""
        for entry in tokens[: MOST_LOGPROBS - len(self.logprobs)]:
            self.logprobs.append(
                TokenChoice(
                    self._decoded,
                    mend_text(entry.chosen.token),
                    _finite(entry.chosen),
                    tuple((mend_text(other.token), _finite(other)) for other in entry.top),
                )
            )
            self._decoded += len(self._decoder.decode(entry.chosen.token_bytes))

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
            self._decoder.reset()
            self._decoded = self.length  # a call's own tokens are not told
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
        weighed = 0
        while True:
            if news := [step for step in self.steps if told.get(step.number) != step]:
                for step in news:
                    told[step.number] = step
                    yield step
            elif offset < self.length:
                text = self._after(offset)
                offset = self.length
                yield TurnDelta(text, offset)
            elif weighed < len(self.logprobs):
                tokens = tuple(self.logprobs[weighed:])
                yield TurnLogprobs(weighed, tokens)
                weighed += len(tokens)
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


def _finite(token: TokenLogprob) -> float:
    return round(token.logprob, 4) if math.isfinite(token.logprob) else LEAST_LOGPROB
