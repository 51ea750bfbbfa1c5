"""Guess the next tokens from what was said before, and check all guesses in one forward pass
(prompt lookup: Saxena 2023; speculative decoding: Leviathan et al. 2023).

An answer that quotes, corrects or repeats goes on where the same few tokens stood before. The
guessed tokens are computed together with the last known one, and each place draws its token as it
would have alone: a guess stands when it is what was drawn. Which number decides a draw depends on
seed and place only (`sampling.py`), so from the same scores the answer is, token for token, what it
is without guessing, greedy or not; nothing is accepted or resampled by chance. Scores of several
tokens computed together are the same bits on packed weights without an adapter; elsewhere products
round in another order, which can tip a draw that is all but even.

Guessing pays only where a step over several tokens costs little more than one over a single token
and enough guesses stand; both are measured as it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.sampling import Drawn, Draws, Guess
from miniclaude.engine.scheduler import Answer, Chunk

NGRAMS = (3, 2)
"""How many of the last tokens are looked up, the most telling first."""

RECENT = 16_384
"""How many of a text's last tokens are known when its first guess is made: to note them takes a
hundredth of a second in the step loop, and of a whole long context a tenth and 30 MB."""

MAX_ANSWERS = 4
"""With more answers in a step, its cost is arithmetic, and guesses are no longer almost free."""

REMEMBER = 0.8
"""Of a running mean, at each new value."""

RETRY = 64
"""Steps after which an answer whose guesses did not pay guesses again."""


@dataclass(slots=True, eq=False)
class Lookup:
    """Where in one answer's tokens, its prompt's last ones included, each few of them stood last;
    and how its guesses fared. standing: a running mean of how many guesses of a step stood."""

    places: dict[tuple[int, ...], int] = field(default_factory=dict)
    known: int = 0
    standing: float = 1.0
    waited: int = 0

    def propose(self, tokens: Sequence[int], most: int) -> tuple[int, ...]:
        """`most` tokens that followed the last time these stood here, going round where that was a
        moment ago; () when they never did."""
        for end in range(max(self.known, len(tokens) - RECENT, 1), len(tokens)):
            for n in NGRAMS:
                if end >= n:
                    self.places[tuple(tokens[end - n : end])] = end
        self.known = len(tokens)
        for n in NGRAMS:
            place = self.places.get(tuple(tokens[-n:]))
            if place is not None and len(tokens) > n:
                followed = list(tokens[place : place + most])
                period = len(tokens) - place
                while len(followed) < most:
                    followed.append(followed[len(followed) - period])
                return tuple(followed)
        return ()

    def stood(self, count: int) -> None:
        """How many of a step's guesses were what was drawn."""
        self.standing = REMEMBER * self.standing + (1 - REMEMBER) * count
        self.waited = 0


class Pace:
    """Seconds that a step takes, as running means: by the number of answers in it, with and without
    guesses."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[int, bool], float] = {}

    def took(self, chunks: Sequence[Chunk], seconds: float) -> None:
        """A step is over. Those that computed prompts tell nothing."""
        if decoding(chunks):
            key = len(chunks), any(chunk.draft for chunk in chunks)
            before = self.seconds.get(key, seconds)
            self.seconds[key] = REMEMBER * before + (1 - REMEMBER) * seconds

    def cost(self, answers: int) -> float:
        """A step with guesses, in steps without: too much as long as none without was seen, none
        too much as long as none with them was."""
        plain, guessing = (self.seconds.get((answers, kind)) for kind in (False, True))
        if plain is None:
            return math.inf
        return guessing / plain if plain and guessing else 1.0


def decoding(chunks: Sequence[Chunk]) -> bool:
    """Whether a step goes on with answers only, and computes no prompt."""
    return all(
        chunk.samples == (chunk.answer,) and chunk.count == 1 + len(chunk.draft) for chunk in chunks
    )


def with_guesses(
    chunks: list[Chunk],
    lookup: Callable[[Answer], tuple[Lookup | None, Sequence[int]]],
    limits: EngineLimits,
    pace: Pace,
) -> list[Chunk]:
    """The step's chunks with up to `draft_tokens` guesses for each answer, where that pays:
    nobody's prompt is being computed, few answers are written, and the guesses of this one stand
    often enough.

    lookup: an answer's, None if it must not guess, and its tokens.
    """
    if not limits.draft_tokens or len(chunks) > MAX_ANSWERS or not decoding(chunks):
        return chunks
    cost = pace.cost(len(chunks))
    spare = limits.step_tokens - len(chunks)
    made = []
    for chunk in chunks:
        own, tokens = lookup(chunk.answer)
        room = min(room_for(chunk.answer, limits), spare)
        draft: tuple[int, ...] = ()
        if own is not None and room > 0:
            own.waited += 1
            if 1 + own.standing > cost or own.waited > RETRY:
                draft = own.propose(tokens, room)
                spare -= len(draft)
        made.append(replace(chunk, count=1 + len(draft), draft=draft) if draft else chunk)
    return made


def most_gainful(rate: float, room: int, cost: float, price: float) -> int:
    """How many guesses, at most `room`, bring the most tokens for their time; 0 when none bring
    more than none (Leviathan et al. 2023, section 3.3).

    rate: how likely each stands. cost: of a step that checks guesses, price: of making one; both in
    steps without any.
    """
    best, gain, tokens = 0, 1.0, 1.0
    for count in range(1, room + 1):
        tokens += rate**count
        brings = tokens / (max(cost, 1.0) + count * price)
        if brings > gain:
            best, gain = count, brings
    return best


def room_for(answer: Answer, limits: EngineLimits) -> int:
    """How many tokens may be guessed. The last of all is drawn from the one before it: there is no
    room to guess it."""
    return min(limits.draft_tokens, answer.job.longest - answer.length - 1)


def draws_along(draws: Draws, draft: Sequence[int], chances: Sequence[Tensor] = ()) -> list[Draws]:
    """The state of an answer's draws before each of its places, were all guesses to stand.
    chances: what each guess was drawn from, [V] each, when it is to be taken or replaced."""
    states = [draws]
    for token in draft:
        ahead = replace(states[-1], seen=dict(states[-1].seen))
        ahead.took(token)
        states.append(ahead)
    for place, guess in enumerate(map(Guess, draft, chances)):
        states[place] = replace(states[place], guess=guess)
    return states


def standing(
    chunks: Iterable[Chunk], drawn: Sequence[tuple[Answer, Drawn]]
) -> list[tuple[Answer, Drawn]]:
    """Of what was drawn, one for each place of each chunk, what counts: up to the first token that
    is not the one guessed."""
    kept: list[tuple[Answer, Drawn]] = []
    at = 0
    for chunk in chunks:
        places = len(chunk.samples) + len(chunk.draft)
        results = drawn[at : at + places]
        at += places
        if chunk.draft:
            right = 0
            while right < len(chunk.draft) and results[right][1].token == chunk.draft[right]:
                right += 1
            results = results[: right + 1]
        kept += results
    return kept


def settled(chunk: Chunk, drawn: Sequence[tuple[Answer, Drawn]]) -> Chunk:
    """A chunk as far as its guesses stood: what of it is in the cache for good."""
    if not chunk.draft:
        return chunk
    return replace(chunk, count=sum(answer is chunk.answer for answer, _ in drawn), draft=())
