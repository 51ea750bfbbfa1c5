"""Tokens to text as they come: never half a character, never past a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from miniclaude.engine.request import CallMark, ChosenToken, TokenInfo
from miniclaude.engine.stop_strings import SaidFilter, StopFilter, StopStrings

if TYPE_CHECKING:  # this module needs no torch
    from miniclaude.engine.sampling import Drawn


class Vocabulary(Protocol):
    """What the engine asks of a tokenizer; see `miniclaude.tokenizer.tokenizer.Tokenizer`."""

    strips_leading_space: bool
    eos_ids: tuple[int, ...]

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token adds to a text."""
        ...

    def is_special(self, token_id: int) -> bool:
        """Whether the token is never shown."""
        ...


class Detokenizer:
    """The text of one answer. All that `push` and `flush` return, joined, is what the tokenizer
    would decode the whole answer to, up to the first stop string.

    continues: the answer goes on in the middle of the prompt's text (raw completion), so that a
    space before its first word is part of it. shown: special tokens that are part of the text.
    calls: where no stop string is looked for any more. `come` counts the characters so far, those
    held back or cut off as well.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        stops: StopStrings,
        *,
        continues: bool = False,
        shown: Collection[int] = (),
        calls: CallMark | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.filter = StopFilter(stops) if calls is None else SaidFilter(stops, calls)
        self.shown = shown
        self.at_start = vocabulary.strips_leading_space and not continues
        self.come = 0

    @property
    def stopped(self) -> bool:
        """A stop string is complete."""
        return self.filter.stopped

    def push(self, token: int) -> str:
        """The text that this token makes certain; often all of its own, at times none."""
        if self.vocabulary.is_special(token) and token not in self.shown:
            return ""
        piece = self.vocabulary.token_bytes(token)
        if self.at_start and piece:
            piece = piece.removeprefix(b" ")
            self.at_start = False
        text = self.decoder.decode(piece)
        self.come += len(text)
        return self.filter.push(text)

    def flush(self) -> str:
        """The rest: what was held back, and U+FFFD for a character that was never completed."""
        return self.filter.push(self.decoder.decode(b"", final=True)) + self.filter.flush()


def told_token(vocabulary: Vocabulary, token: int, drawn: Drawn) -> ChosenToken:
    """A draw's log probabilities, with the tokens' bytes."""
    return ChosenToken(
        TokenInfo(token, vocabulary.token_bytes(token), drawn.logprob),
        tuple(
            TokenInfo(other, vocabulary.token_bytes(other), logprob) for other, logprob in drawn.top
        ),
    )
