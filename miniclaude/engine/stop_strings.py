"""Find the first of several strings in a text that arrives in pieces, in linear time.

A text is delivered up to what may still become a stop string, and not beyond.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from miniclaude.engine.request import CallMark


class StopStrings:
    """An automaton over all stop strings at once (Aho and Corasick 1975).

    A state is the longest end of the text so far that begins a stop string; its depth is how many
    characters of it must be held back. The automaton can be shared; each text has its own state.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.next: list[dict[str, int]] = [{}]
        self.depth = [0]
        self.fallback = [0]
        self.match = [0]  # length of the longest stop string ending in this state; 0: none
        for stop in filter(None, stops):
            self._add(stop)
        self._link()

    def _add(self, stop: str) -> None:
        state = 0
        for character in stop:
            if character not in self.next[state]:
                self.next[state][character] = len(self.next)
                self.next.append({})
                self.depth.append(self.depth[state] + 1)
                self.fallback.append(0)
                self.match.append(0)
            state = self.next[state][character]
        self.match[state] = len(stop)

    def _link(self) -> None:
        """Where to go on when a character does not continue a state: to the longest proper end of
        it that is a state too. Breadth first, for shorter states come first."""
        queue = deque(self.next[0].values())
        while queue:
            state = queue.popleft()
            self.match[state] = max(self.match[state], self.match[self.fallback[state]])
            for character, child in self.next[state].items():
                self.fallback[child] = self.step(self.fallback[state], character)
                queue.append(child)

    def step(self, state: int, character: str) -> int:
        """The state after one more character."""
        while state and character not in self.next[state]:
            state = self.fallback[state]
        return self.next[state].get(character, 0)


class StopFilter:
    """One text on its way through: `push` pieces, get what may be shown; `stopped` once a stop
    string is complete, which `found` then holds."""

    def __init__(self, stops: StopStrings) -> None:
        self.stops = stops
        self.state = 0
        self.held = ""
        self.found: str | None = None

    @property
    def stopped(self) -> bool:
        """A stop string is complete."""
        return self.found is not None

    def push(self, piece: str) -> str:
        """The text that is now certain. After a stop string, nothing."""
        if self.stopped:
            return ""
        text = self.held + piece
        for at in range(len(self.held), len(text)):
            self.state = self.stops.step(self.state, text[at])
            length = self.stops.match[self.state]
            if length:
                self.found, self.held = text[at + 1 - length : at + 1], ""
                return text[: at + 1 - length]
        certain = len(text) - self.stops.depth[self.state]
        self.held = text[certain:]
        return text[:certain]

    def flush(self) -> str:
        """What was held back, when no more will come."""
        rest, self.held = self.held, ""
        return rest


class SaidFilter(StopFilter):
    """The filter of an answer that may call tools: stop strings end what is said before the calls.
    From their mark on all passes, and not even a character of the mark is part of a stop string.
    """

    def __init__(self, stops: StopStrings, calls: CallMark) -> None:
        super().__init__(stops)
        self.calls = calls
        self.mark = StopFilter(StopStrings([calls.text]))
        self.calling = not calls.text
        self.undecided = calls.at_start
        self.beginning = ""

    def push(self, piece: str) -> str:
        """The text that is now certain. After a stop string, nothing."""
        if self.calling:
            return piece
        said, called = self._at_start(piece) if self.calls.at_start else self._anywhere(piece)
        text = super().push(said)
        if not called or self.stopped:
            return text
        self.calling = True
        return text + super().flush() + called

    def flush(self) -> str:
        """What was held back, when no more will come: the beginning of a mark is only text."""
        beginning, self.beginning = self.beginning, ""
        return super().push(beginning + self.mark.flush()) + super().flush()

    def _at_start(self, piece: str) -> tuple[str, str]:
        """What is certainly said, and what the calls begin with: the first characters that are no
        spaces tell which of them the answer is."""
        if not self.undecided:
            return piece, ""
        text = self.beginning + piece
        begun, calls = text.lstrip(), self.calls.text
        self.undecided = len(begun) < len(calls) and calls.startswith(begun)
        self.beginning = text if self.undecided else ""
        if self.undecided:
            return "", ""
        return ("", text) if begun.startswith(calls) else (text, "")

    def _anywhere(self, piece: str) -> tuple[str, str]:
        """The same where it may say something first."""
        text = self.mark.held + piece
        said = self.mark.push(piece)
        return said, text[len(said) :] if self.mark.stopped else ""
