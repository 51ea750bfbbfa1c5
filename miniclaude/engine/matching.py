"""Grammars at work: which tokens may come next, by llguidance."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from torch import Tensor

from miniclaude.engine.grammar_check import SHARED, GrammarCheck, refused
from miniclaude.engine.grammar_trial import LIMITS
from miniclaude.errors import InvalidRequestError

if TYPE_CHECKING:
    from llguidance import TokenizerWrapper

KEPT = 8
"""Compiled grammars that are kept for the next request; agents send the same one again."""


class MatchedVocabulary(Protocol):
    """What is asked of a tokenizer."""

    eos_ids: tuple[int, ...]

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token adds to a text."""
        ...

    def is_special(self, token_id: int) -> bool:
        """Whether the token is never part of a text."""
        ...


class Matcher:
    """How far one answer has come in its grammar.

    ends: tokens that end this answer beside the vocabulary's own ends, of which the grammar knows
    nothing. error: why it can go no further, once it cannot: the grammar asks for more work than is
    allowed, or for bytes that no token has.
    """

    def __init__(self, matcher: LLMatcher, vocab_size: int, ends: Sequence[int] = ()) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._ends = [end for end in ends if end < vocab_size]

    def copy(self, ends: Sequence[int] = ()) -> Matcher:
        """Another one, as far as this, for an answer with these ends."""
        return Matcher(self._matcher.deep_copy(), self._vocab_size, ends)

    @property
    def error(self) -> InvalidRequestError | None:
        """None while all is well."""
        if not self._matcher.is_error():
            return None
        return refused("The grammar cannot be followed", self._matcher.get_error())

    @property
    def complete(self) -> bool:
        """Nothing may follow but the end."""
        return bool(self._matcher.is_stopped())

    def allowed(self) -> Tensor:
        """Which tokens may come next, bool [V]; an end of text only where the grammar accepts."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        mask = np.unpackbits(bits, bitorder="little")[: self._vocab_size]
        allowed = torch.from_numpy(mask).bool()
        if self._ends and self._matcher.is_accepting():
            allowed[self._ends] = True
        return allowed

    def take(self, token: int) -> None:
        """Note the token that was drawn. After an end of the answer's own nothing will follow."""
        if token not in self._ends:
            self._matcher.consume_token(token)


class Grammars:
    """Compiles for one model. vocabulary: its tokens; vocab_size: how many scores it gives; check:
    tries each grammar first, within bounds."""

    def __init__(
        self, vocabulary: MatchedVocabulary, vocab_size: int, check: GrammarCheck = SHARED
    ) -> None:
        self._check = check
        self._vocabulary = vocabulary
        self._vocab_size = vocab_size
        self._tokens: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()  # the longest unused first
        self._lock = threading.Lock()  # of what is compiled

    def known(self, grammar: str) -> Matcher | None:
        """A matcher at the beginning, where the grammar is compiled already; from any thread, and
        at once, also while another one is being compiled."""
        with self._lock:
            known = self._compiled.get(grammar)
            if known is None:
                return None
            self._compiled.move_to_end(grammar)
            return Matcher(known.deep_copy(), self._vocab_size)

    def compile(self, grammar: str) -> Matcher:
        """A matcher at the beginning. The first call also sorts the vocabulary (0.4 s for 50,000
        tokens). Called from one thread only.

        Raises InvalidRequestError (code `invalid_grammar`) saying what is wrong or too much.
        """
        known = self.known(grammar)
        if known is not None:
            return known
        self._check.check(grammar)
        if self._tokens is None:
            words = _Words(self._vocabulary, self._vocab_size)
            ends = list(self._vocabulary.eos_ids) or None
            self._tokens = LLTokenizer(cast("TokenizerWrapper", words), eos_token=ends)
        made = LLMatcher(self._tokens, grammar, log_level=0, limits=LIMITS)
        if not made.is_error():
            made.compute_bitmask()  # the first mask finds more of what is too much
        if made.is_error():
            raise refused("The grammar cannot be compiled", made.get_error())
        with self._lock:
            self._compiled[grammar] = made
            while len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
            return Matcher(made.deep_copy(), self._vocab_size)


class _Words:
    """A vocabulary in the form that llguidance asks for."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, vocabulary: MatchedVocabulary, size: int) -> None:
        self.eos_token_id = vocabulary.eos_ids[0] if vocabulary.eos_ids else None
        self.tokens = [vocabulary.token_bytes(n) for n in range(size)]
        self.special_token_ids = [n for n in range(size) if vocabulary.is_special(n)]
        for n in self.special_token_ids:  # one without a text would begin all the others
            self.tokens[n] = self.tokens[n] or f"<{n}>".encode()

    def __call__(self, text: str) -> list[int]:
        """Never needed: our grammars force no tokens. The answer means "cut it up greedily"."""
        return []
