"""Guess the next tokens with a second, smaller model of the same vocabulary (speculative decoding:
Leviathan et al. 2023; Chen et al. 2023).

The draft writes a few tokens ahead, one after another; the model then checks all of them in one
forward pass. A greedy answer's guesses are the draft's likeliest tokens, and stand when the model
would have chosen them. Where the request names a seed, the draft draws with the number that decides
the model's own draw, and a guess stands when both drew the same: the answer is, token for token,
what it is without a draft, given the same scores (see `speculation.py`). Any other guess is drawn
by chance and taken or replaced so that the answer's probabilities are the model's
(`sampling.after_guesses`); more guesses stand that way, and without a seed nobody can ask for the
same answer twice.

The draft has a cache of its own with the same blocks, so that whoever has a block has it in both.
What is in there decides how good the guesses are, and never what the answer is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from miniclaude.engine.kv_cache import BlockCache, Span, cache_place
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import AdapterRef
from miniclaude.engine.sampling import GREEDY_BELOW, Draws, adjust, chances_of, pick
from miniclaude.engine.scheduler import Answer, Chunk
from miniclaude.engine.sketch import Sketch
from miniclaude.engine.speculation import (
    MAX_ANSWERS,
    REMEMBER,
    RETRY,
    Pace,
    decoding,
    draws_along,
    most_gainful,
    room_for,
)

if TYPE_CHECKING:
    from miniclaude.engine.fused import FusedModel
    from miniclaude.engine.live import Writing
    from miniclaude.model.transformer import Transformer

HOPE = 0.8
"""How likely a guess is held to stand before any was checked."""

MAX_RATES = 64
"""Adapters of which that is remembered, those asked last."""

SLOW = 0.9
"""Of the running mean over an adapter's answers, at each step that checked guesses."""

PATIENCE = 4
"""Where guesses did not pay, at most so many tokens are caught up with for each step waited."""


class Wanted(NamedTuple):
    """An answer to be guessed on: at most `most` tokens."""

    answer: Answer
    writing: Writing
    sketch: Sketch
    most: int


class Drafter:
    """A draft model beside the model, of whose vocabulary it scores `vocab_size` tokens.

    blocks: of the model's cache. Its model must be in eval mode.
    """

    def __init__(
        self,
        model: Transformer | FusedModel,
        vocab_size: int,
        blocks: int,
        limits: EngineLimits,
        clock: Callable[[], float],
    ) -> None:
        self.model, self.vocab_size, self.limits, self.clock = model, vocab_size, limits, clock
        dtype, device = cache_place(model, limits)
        self.cache = BlockCache(
            model.config,
            blocks=blocks,
            block_tokens=limits.block_tokens,
            dtype=dtype,
            device=device,
        )
        self.held: dict[int, bytes] = {}  # by block: the key of the text that the cache holds there
        self.rates: dict[AdapterRef | None, float] = {}  # by whom the draft guesses for
        self.seconds: dict[int, float] = {}  # of a pass over one token each, by how many answers
        self.failed = False

    def begin(self, adapter: AdapterRef | None = None) -> Sketch:
        """The memory of a new answer: its guesses are taken for as good as they were for others of
        the same adapter, which may write nothing that the draft would."""
        return Sketch(self.rates.get(adapter, HOPE), adapter)

    def add(
        self, chunks: list[Chunk], writing: Callable[[Answer], Writing], pace: Pace
    ) -> list[Chunk]:
        """The step's chunks with guesses for the answers that have none yet, where that pays: as
        prompt lookup, with few answers and beside no prompt. pace: of the model, without the draft.
        """
        sketches = [writing(chunk.answer).sketch for chunk in chunks]
        for chunk, sketch in zip(chunks, sketches, strict=True):
            if sketch is not None:
                sketch.settle(writing(chunk.answer).tokens)
        if self.failed or len(chunks) > MAX_ANSWERS or not decoding(chunks):
            return chunks
        spare = self.limits.step_tokens - sum(chunk.count for chunk in chunks)
        wanted = []
        for chunk, sketch in zip(chunks, sketches, strict=True):
            if sketch is not None and not chunk.draft:
                count = self.count(chunk.answer, sketch, len(chunks), pace, spare)
                if count:
                    wanted.append(Wanted(chunk.answer, writing(chunk.answer), sketch, count))
                    spare -= count
        try:
            self.guess(wanted)
        except (RuntimeError, MemoryError) as error:  # torch's, out of memory included; NumPy's
            print(f"The draft model failed and is not asked again: {error}", file=sys.stderr)
            self.failed = True
        made = {want.answer: want.sketch.guesses for want in wanted if want.sketch.guesses}
        return [
            replace(chunk, count=1 + len(made[chunk.answer]), draft=made[chunk.answer])
            if chunk.answer in made
            else chunk
            for chunk in chunks
        ]

    def count(self, answer: Answer, sketch: Sketch, answers: int, pace: Pace, spare: int) -> int:
        """How many guesses pay best; now and then one though none does."""
        if sketch.computed is None:
            sketch.computed = self.known(answer)
            sketch.noted = sketch.computed // self.limits.block_tokens
        sketch.waited += 1
        behind = answer.length - sketch.computed
        left = room_for(answer, self.limits)
        room = min(left, spare, self.model.config.context - answer.length)
        if room < 1 or behind > RETRY * (answer.job.longest - answer.length):
            return 0
        plain = pace.seconds.get((answers, False))
        price = self.seconds.get(answers, 0.0) / plain if plain else 0.0
        best = most_gainful(sketch.rate, room, pace.cost(answers), price)
        if not best and sketch.waited > RETRY + behind / PATIENCE:
            return 1
        return best

    def known(self, answer: Answer) -> int:
        """How many of a new answer's tokens the draft's cache holds, of an earlier request."""
        keys = () if answer.keys is None else answer.keys.keys
        full = 0
        while full < len(keys) and self.held.get(answer.blocks[full]) == keys[full]:
            full += 1
        return min(full * self.limits.block_tokens, answer.length - 1)

    def guess(self, wanted: Sequence[Wanted]) -> None:
        """Catch up with each answer, and guess on where all of it is known now; what comes of it
        is in the sketches."""
        feeds, ready = [], []
        spare = self.limits.step_tokens
        for want in wanted:
            start, length = want.sketch.computed or 0, len(want.writing.tokens)
            end = min(length, start + spare)
            spare -= end - start
            if end > start:
                feeds.append((want, start, want.writing.tokens[start:end]))
                ready.append(end == length)
        while feeds:
            logits = self.score(feeds)  # [R, V]
            rows = [row for row, whole in enumerate(ready) if whole]
            asked = [feeds[row][0] for row in rows]
            if not asked:
                return
            feeds = [
                (want, len(want.writing.tokens) + len(want.sketch.guesses) - 1, [token])
                for want, token in zip(asked, self.draw(logits[rows], asked), strict=True)
                if token is not None and len(want.sketch.guesses) < want.most
            ]
            ready = [True] * len(feeds)

    def score(self, feeds: Sequence[tuple[Wanted, int, list[int]]]) -> Tensor:
        """One pass of the draft over some tokens of each answer, from a position on: the scores
        that follow the last of each, [R, V]."""
        begun = self.clock()
        size, ids, spans, rows = self.limits.block_tokens, [], [], []
        for want, start, tokens in feeds:
            ids += tokens
            spans.append(Span(want.answer.blocks, start, start + len(tokens)))
            rows.append(len(ids) - 1)
            for place in range(start // size, (start + len(tokens) - 1) // size + 1):
                self.held.pop(want.answer.blocks[place], None)
        device = self.cache.pool.device
        known = self.model.config.vocab_size
        row = torch.tensor([ids], device=device).clamp(max=known - 1)  # [1, T]
        hidden = self.model.hidden(row, self.cache.step(spans))[0]  # [T, W]
        logits = self.model.head(hidden[torch.tensor(rows, device=device)]).float()
        for want, start, tokens in feeds:
            end, keys = start + len(tokens), want.answer.keys
            if end <= len(want.writing.tokens):
                want.sketch.computed = end
                if keys is not None:
                    full = min(end // size, len(keys.keys))
                    for place in range(want.sketch.noted, full):
                        self.held[want.answer.blocks[place]] = keys.keys[place]
                    want.sketch.noted = full
        if len(ids) == len(feeds):
            took = self.clock() - begun
            before = self.seconds.get(len(feeds), took)
            self.seconds[len(feeds)] = REMEMBER * before + (1 - REMEMBER) * took
        if known < self.vocab_size:  # models of one family pad their vocabulary differently
            return pad(logits, (0, self.vocab_size - known), value=-torch.inf)
        return logits[:, : self.vocab_size]

    def draw(self, logits: Tensor, asked: Sequence[Wanted]) -> list[int | None]:
        """A guess for each row of logits [R, V], noted in its sketch; None where the scores are
        not numbers."""
        draws = [draws_along(want.writing.draws, want.sketch.guesses)[-1] for want in asked]
        scores = adjust(logits, draws)
        best, tokens = scores.max(dim=-1)  # [R] each
        rows = [row for row, draw in enumerate(draws) if draw.sampling.temperature >= GREEDY_BELOW]
        chances = dict[int, Tensor]()
        if rows:
            drawn = [draws[row] for row in rows]
            chosen = chances_of(scores[rows] - best[rows, None], drawn)  # [R, V]
            numbers = torch.tensor(list(map(number_of, drawn)), device=chosen.device)
            tokens[rows] = pick(chosen, numbers)
            chances = dict(zip(rows, chosen, strict=True))
        guesses: list[int | None] = []
        usable = torch.isfinite(best).tolist()
        for row, (want, token) in enumerate(zip(asked, tokens.tolist(), strict=True)):
            guesses.append(token if usable[row] else None)
            if usable[row]:
                want.sketch.guesses += (token,)
                if row in chances and want.writing.draws.sampling.seed is None:
                    want.sketch.chances += (chances[row],)
        return guesses

    def stood(self, sketch: Sketch, right: int) -> None:
        """How many of an answer's guesses were what came, up to the first that was not."""
        sketch.stood(right)
        before = self.rates.pop(sketch.adapter, HOPE)
        self.rates[sketch.adapter] = SLOW * before + (1 - SLOW) * sketch.rate
        if len(self.rates) > MAX_RATES:
            self.rates.pop(next(iter(self.rates)))


def number_of(draws: Draws) -> float:
    """What decides the draft's draw: the model's own number where the request names a seed, else
    one that has nothing to do with it."""
    return draws.uniform("/guess" if draws.sampling.seed is None else "")
