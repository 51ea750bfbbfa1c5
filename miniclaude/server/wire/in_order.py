"""What a provider says, as every protocol here can tell it: one thing after the other, each as it
can be sent back to us."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

from miniclaude.errors import ProviderError
from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    PromptEcho,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)
from miniclaude.providers.tool_answers import JsonEnd
from miniclaude.server.disconnect import closing
from miniclaude.store.text import mend_text

_HIGH, _LOW = r"u[dD][89abAB][0-9a-fA-F]{2}", r"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = re.compile(
    rf"\\(?:{_HIGH}\\{_LOW}"
    rf"|(?P<begun>(?:u[0-9a-fA-F]{{0,3}}|{_HIGH}(?:\\(?:u(?:[dD](?:[c-fC-F].?)?)?)?)?)?\Z)"
    rf"|(?P<bad>u0000|{_HIGH}|{_LOW})|.)",
    re.DOTALL,
)
"""Those of JSON. begun: it ends with the text and may go on. bad: no text holds what it says."""


async def in_order(events: AsyncIterator[CompletionEvent]) -> AsyncGenerator[CompletionEvent, None]:
    """The events of an answer. A text or call begins when the one before it is whole, and waits
    until then; the most that a service's answer may have is known to `providers/listening.py`. A
    call without an id gets one, and what no text can hold is U+FFFD.

    Raises what `events` raises, and ProviderError for a call without a name.
    """
    choices: dict[int, _Choice] = {}
    async with closing(events):
        async for event in events:
            if isinstance(event, TextDelta | ToolCallDelta):
                choice = choices.setdefault(event.index, _Choice(event.index))
                for told in choice.take(event):
                    yield told
            elif isinstance(event, Finished):
                if event.index in choices:
                    for told in choices.pop(event.index).end():
                        yield told
                yield event
            elif isinstance(event, PromptEcho):
                yield _mended_echo(event)
            else:
                yield event


@dataclass(slots=True)
class _Call:
    """A call. untold: of its arguments, as they came. told: all of it was."""

    number: int
    id: str = ""
    name: str = ""
    begun: bool = False
    whole: bool = False
    told: bool = False
    untold: list[str] = field(default_factory=list)
    end: JsonEnd = field(default_factory=JsonEnd)

    def take(self, event: ToolCallDelta) -> None:
        """More of it."""
        self.id = self.id or mend_text(event.id or "")
        self.name = self.name or mend_text(event.name or "")
        self.untold.append(event.arguments)
        self.whole = self.whole or self.end.find(event.arguments) is not None

    def tell(self, index: int, *, ended: bool) -> Iterator[ToolCallDelta]:
        """What can be told of it. ended: no more will come. Raises ProviderError."""
        if not self.name:
            if ended:
                raise ProviderError(
                    "The model called a tool without a name.", hint="Send the request again."
                )
            return
        text, rest = sayable("".join(self.untold), ended=ended)
        self.untold = [rest]
        if not self.begun:
            self.begun = True
            id = self.id or f"call_{secrets.token_hex(12)}"
            yield ToolCallDelta(index, self.number, id, self.name, text)
        elif text:
            yield ToolCallDelta(index, self.number, None, None, text)


@dataclass(slots=True)
class _Choice:
    """One answer. waiting: what is not told whole, the call that is open first."""

    index: int
    waiting: deque[_Call | TextDelta] = field(default_factory=deque)
    calls: dict[int, _Call] = field(default_factory=dict)

    def take(self, event: TextDelta | ToolCallDelta) -> Iterator[StreamEvent]:
        """What can be told now."""
        if isinstance(event, TextDelta):
            self.waiting.append(_mended_delta(event))
        else:
            call = self.calls.get(event.call_index)
            if call is None:
                call = self.calls[event.call_index] = _Call(event.call_index)
                self.waiting.append(call)
            elif call.told:
                return  # what follows a whole value is no part of it
            call.take(event)
        yield from self._tell(ended=False)

    def end(self) -> Iterator[StreamEvent]:
        """The rest."""
        yield from self._tell(ended=True)

    def _tell(self, *, ended: bool) -> Iterator[StreamEvent]:
        while self.waiting:
            first = self.waiting[0]
            if isinstance(first, TextDelta):
                yield first
            else:
                yield from first.tell(self.index, ended=ended)
                if not ended and not (first.begun and first.whole and len(self.waiting) > 1):
                    return
                first.told = True
            self.waiting.popleft()


def sayable(arguments: str, *, ended: bool) -> tuple[str, str]:
    """JSON text whose escapes say what a text can hold, and what is held back of it: an escape that
    may go on. ended: nothing goes on."""
    if "\\" not in arguments:
        return mend_text(arguments), ""
    rest = ""

    def mend(escape: re.Match[str]) -> str:
        nonlocal rest
        if escape["begun"] is None:
            return escape[0] if escape["bad"] is None else "\\ufffd"
        if ended:
            return escape[0] if len(escape[0]) < 6 else f"\\ufffd{escape[0][6:]}"
        rest = escape[0]
        return ""

    said = _ESCAPES.sub(mend, arguments)
    return mend_text(said), rest


def _mended_delta(event: TextDelta) -> TextDelta:
    text, logprobs = mend_text(event.text), _mended_logprobs(event.logprobs)
    if text == event.text and logprobs is event.logprobs:
        return event
    return replace(event, text=text, logprobs=logprobs)


def _mended_echo(event: PromptEcho) -> PromptEcho:
    text, first = mend_text(event.text), mend_text(event.first)
    return replace(event, text=text, first=first, logprobs=_mended_logprobs(event.logprobs))


def _mended_logprobs(entries: tuple[ChosenLogprob, ...]) -> tuple[ChosenLogprob, ...]:
    """Those tokens' texts; their bytes say what they were."""
    tokens = (token for entry in entries for token in (entry.chosen, *entry.top))
    if all(mend_text(token.token) == token.token for token in tokens):
        return entries
    return tuple(
        ChosenLogprob(
            replace(entry.chosen, token=mend_text(entry.chosen.token)),
            tuple(replace(token, token=mend_text(token.token)) for token in entry.top),
        )
        for entry in entries
    )
