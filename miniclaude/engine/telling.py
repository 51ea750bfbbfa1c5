"""Which log probabilities of an answer are told, and with which of its text. No torch here."""

from __future__ import annotations

from collections import deque

from miniclaude.engine.request import ChosenToken

Part = tuple[str, tuple[ChosenToken, ...]]
"""Text, and the log probabilities of the tokens that begin it."""


class Telling:
    """One answer's tokens, each waiting for its text to be told: what a stop string holds back or
    cuts off has no log probabilities either."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, ChosenToken]] = deque()
        self.told = 0

    def add(self, place: int, token: ChosenToken) -> None:
        """A token whose text begins behind so many characters of the answer, told or not."""
        self.waiting.append((place, token))

    def parts(self, text: str, *, rest: bool) -> list[Part]:
        """The text that is told now, cut where tokens begin; at least one part. rest: no more text
        will come, and tokens that never had any are told too."""
        start, self.told = self.told, self.told + len(text)
        begun: dict[int, list[ChosenToken]] = {start: []}
        while self.waiting and (rest or self.waiting[0][0] < self.told):
            place, token = self.waiting.popleft()
            begun.setdefault(place, []).append(token)
        ends = [*begun, self.told][1:]
        parts = [
            (text[place - start : end - start], tuple(tokens))
            for (place, tokens), end in zip(begun.items(), ends, strict=True)
        ]
        return parts[1:] if len(parts) > 1 and parts[0] == ("", ()) else parts
