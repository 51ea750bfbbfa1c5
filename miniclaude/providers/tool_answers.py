"""The calls of tools in an answer's text, read as the text arrives."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Literal

from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    FinishReason,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)
from miniclaude.tokenizer.tool_format import ANY_ID, ID_PATTERN, NAME_PATTERN, ToolFormat

State = Literal["undecided", "text", "name", "arguments"]


class CallReader:
    """One answer on its way through: text to events of choice `index`.

    What the answer says before its first call is passed on, less the space before the call. Of a
    call, what stands around name and arguments is dropped; so is a call that ends before its name
    does. The answer follows the grammar of `engine/tool_grammar.py`: after a call come only calls.
    must_call: it is nothing but calls, so that even a piece of the first one's mark is no text.
    """

    def __init__(self, index: int, form: ToolFormat, *, must_call: bool = False) -> None:
        self._index = index
        self._form = form
        self._state: State = "text" if form.mark else "undecided"
        if must_call:
            self._state = "name"
        self._lead: re.Pattern[str] | None = _lead(form.before, form.between)
        self._next = None if form.middle is None else _lead(form.middle, form.between)
        self._end = JsonEnd()
        self._held = ""
        self._maybe = False  # it begins as a call without a mark does, and a JSON answer may
        self._calls = 0
        self._logprobs: list[tuple[int, ChosenLogprob]] = []
        self._come = self._gone = 0

    def push(self, text: str, logprobs: tuple[ChosenLogprob, ...] = ()) -> Iterator[StreamEvent]:
        """The events that this text makes certain. Log probabilities go with text alone: they are
        held for as long as nothing of their own text is told, which may be a call's mark."""
        if self._state in ("undecided", "text"):
            self._logprobs += ((self._come, entry) for entry in logprobs)
        self._come += len(text)
        self._held += text
        if self._state == "undecided":
            self._decide()
        if self._state == "text" and (said := self._text()):
            yield self._said(said)
        while self._state in ("name", "arguments"):
            before = len(self._held)
            yield from self._name() if self._state == "name" else self._arguments()
            if len(self._held) == before:
                return

    def rest(self) -> Iterator[StreamEvent]:
        """The text that was held back, when no more will come."""
        if self._state in ("undecided", "text") and (self._held or self._logprobs):
            self._gone = self._come + 1  # all of them go now
            yield self._said(self._held)
            self._held = ""

    def finish(self, reason: FinishReason, stop: str | None = None) -> Iterator[StreamEvent]:
        """What was held back, when no more will come, and the end. reason, stop: the engine's."""
        if self._state == "name" and self._maybe and not self._calls and reason == "stop":
            self._state = "text"  # it was whole, and no call
        yield from self.rest()
        called = self._calls and reason == "stop"
        yield Finished(self._index, "tool_calls" if called else reason, stop)

    def _said(self, text: str) -> TextDelta:
        """The next text, with the log probabilities of what it begins to tell."""
        self._gone += len(text)
        ready = [entry for place, entry in self._logprobs if place < self._gone]
        del self._logprobs[: len(ready)]
        return TextDelta(self._index, text, tuple(ready))

    def _decide(self) -> None:
        """Of a form without a mark: by what stands before the name, which JSON begins with too."""
        begun, call = self._held.lstrip(), self._form.beginning
        if begun.startswith(call):
            self._state, self._maybe = "name", True
        elif not call.startswith(begun):
            self._state = "text"

    def _text(self) -> str:
        """What is certain not to belong to a call; at the mark, what follows is one."""
        mark = self._form.mark
        if not mark:
            certain = len(self._held)
        elif (certain := self._held.find(mark)) >= 0:
            self._state = "name"
            said, self._held = self._held[:certain].rstrip(), self._held[certain:]
            return said
        else:
            ends = range(min(len(mark) - 1, len(self._held)), 0, -1)
            begun = next((n for n in ends if self._held.endswith(mark[:n])), 0)
            certain = len(self._held[: len(self._held) - begun].rstrip())
        said, self._held = self._held[:certain], self._held[certain:]
        return said

    def _name(self) -> Iterator[StreamEvent]:
        found = self._lead.match(self._held) if self._lead else None
        if found is not None:
            self._held = self._held[found.end() :]
            self._state, self._lead, self._end = "arguments", self._next, JsonEnd()
            call_id = f"call_{secrets.token_hex(12)}"
            yield ToolCallDelta(self._index, self._calls, call_id, found["name"], "")
            self._calls += 1

    def _arguments(self) -> Iterator[StreamEvent]:
        end = self._end.find(self._held)
        part, self._held = self._held[:end], "" if end is None else self._held[end:]
        if end is not None:
            self._state = "name"
        if part:
            yield ToolCallDelta(self._index, self._calls - 1, None, None, part)


class JsonEnd:
    """Finds where a JSON object ends that arrives in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def find(self, piece: str) -> int | None:
        """The length of `piece` up to the object's last brace; None when it goes on."""
        for place, character in enumerate(piece):
            if self._escaped:
                self._escaped = False
            elif self._in_string:
                self._escaped = character == "\\"
                self._in_string = character != '"'
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth == 0:
                    return place + 1
        return None


def _lead(before: str, between: str) -> re.Pattern[str]:
    """What stands before a call's arguments, its name in the group `name`."""

    def exactly(text: str) -> str:
        return ID_PATTERN.join(re.escape(part) for part in text.split(ANY_ID))

    return re.compile(rf"\s*{exactly(before)}(?P<name>{NAME_PATTERN}){exactly(between)}")
