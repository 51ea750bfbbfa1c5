"""From scores to the next token.

The order: penalties and bias change the scores; a grammar leaves out what may not follow;
temperature divides them; top-k, then top-p, then min-p leave out unlikely tokens; what remains is
drawn from. `distribution` states this for one row and is the reference; `sample` does the same for
many rows at once and is what the engine runs.

Tokens exactly as likely as the last one kept are kept too, so no result depends on how a sort
breaks ties. One uniform number, hashed from seed, choice and place, decides each draw: an answer
does not depend on which others were computed with it. Where another model has drawn the token
already, that draw is taken or replaced so that the probabilities are these all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import torch
from torch import Tensor

from miniclaude.engine.request import Sampling

NUCLEUS = 1024
"""Candidates sorted first for top-p; the whole vocabulary is sorted only when they fall short."""

GREEDY_BELOW = 1e-5
"""A lower temperature is taken as 0."""

LEAST_LOGPROB = -9999.0
"""Reported in place of minus infinity, which JSON cannot carry."""


class Guess(NamedTuple):
    """What another model drew for a place, and the probabilities [V] that it drew from."""

    token: int
    chances: Tensor


@dataclass(slots=True, eq=False)
class Draws:
    """The random numbers and the memory of one answer.

    seed, index: the request's seed and which of its answers this is. count: tokens drawn so far.
    seen: ids that penalties look at, with how often the answer holds them; 0: only the prompt does.
    allowed: the tokens that may be drawn next, bool [V]; None: any. guess: a token that was drawn
    for the next place with other probabilities, to be taken or replaced.
    """

    sampling: Sampling
    seed: int
    index: int = 0
    count: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    allowed: Tensor | None = None
    guess: Guess | None = None

    @classmethod
    def begin(cls, sampling: Sampling, seed: int, index: int, prompt: Sequence[int]) -> Draws:
        """The state before the first token."""
        remembered = prompt if sampling.repetition_penalty != 1 else ()
        return cls(sampling, seed, index, seen=dict.fromkeys(remembered, 0))

    @property
    def penalises(self) -> bool:
        """Whether any penalty looks at `seen`."""
        s = self.sampling
        return bool(s.repetition_penalty != 1 or s.frequency_penalty or s.presence_penalty)

    def uniform(self, purpose: str = "") -> float:
        """The number in [0, 1) that decides the next token; another for each other purpose."""
        place = f"{self.seed}/{self.index}/{self.count}{purpose}".encode()
        return (int.from_bytes(blake2b(place, digest_size=8).digest(), "big") >> 11) / 2**53

    def took(self, token: int) -> None:
        """Note the token that was drawn."""
        self.count += 1
        if self.penalises:
            self.seen[token] = self.seen.get(token, 0) + 1


class Drawn(NamedTuple):
    """A row's result. token: None when the scores held no finite maximum (a broken model).

    logprob: natural log, of the model's own distribution. top: the likeliest (id, logprob).
    """

    token: int | None
    logprob: float = 0.0
    top: tuple[tuple[int, float], ...] = ()


def distribution(
    logits: Tensor,
    sampling: Sampling,
    seen: Mapping[int, int],
    allowed: Tensor | None = None,
) -> Tensor:
    """The probabilities [V] that the next token is drawn from: the definition, one row at a time.

    logits: [V]. allowed: bool [V]. Greedy is the limit of temperature 0: all on the highest score.
    """
    scores = logits.double().clone()
    for token, count in seen.items():
        score = float(scores[token])
        factor = sampling.repetition_penalty
        score = score / factor if score > 0 else score * factor
        score -= sampling.frequency_penalty * count + sampling.presence_penalty * (count > 0)
        scores[token] = score
    for token, bias in sampling.logit_bias.items():
        scores[token] += bias
    if allowed is not None:
        scores[~allowed] = -torch.inf
    if sampling.temperature < GREEDY_BELOW:
        best = torch.zeros_like(scores)
        best[scores.argmax()] = 1
        return best
    scores = scores / sampling.temperature
    if sampling.top_k:
        ranked = scores.sort(descending=True).values
        scores[scores < ranked[min(sampling.top_k, len(ranked)) - 1]] = -torch.inf
    if sampling.top_p < 1:
        probabilities = scores.softmax(-1)
        ranked = probabilities.sort(descending=True).values
        enough = int((ranked.cumsum(-1) < sampling.top_p).sum())  # how many fall short of the mass
        scores[probabilities < ranked[min(enough, len(ranked) - 1)]] = -torch.inf
    if sampling.min_p:
        probabilities = scores.softmax(-1)
        scores[probabilities < sampling.min_p * probabilities.max()] = -torch.inf
    return scores.softmax(-1)


def pick(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The tokens [R] at which the running sums of probabilities [R, V] pass uniform [R]."""
    sums = probabilities.cumsum(-1)
    total = sums[:, -1:]
    below = torch.nextafter(total, torch.zeros_like(total))
    at = torch.minimum(uniform[:, None] * total, below)
    found = torch.searchsorted(sums, at, right=True)[:, 0]  # never a token of probability 0
    return found.clamp(max=probabilities.shape[-1] - 1)


def sample(logits: Tensor, draws: Sequence[Draws]) -> list[Drawn]:
    """Draw one token for each row. logits: [R, V]; the states are not changed."""
    logits = logits.float()
    scores = adjust(logits, draws)
    best, tokens = likeliest(scores)
    rows = [row for row, draw in enumerate(draws) if draw.sampling.temperature >= GREEDY_BELOW]
    if rows:
        shifted = scores[rows] - best[rows, None]  # ≤ 0, so that no temperature overflows
        chosen = draw_rows(shifted, [draws[row] for row in rows])
        tokens[rows] = chosen
    usable = torch.isfinite(best).tolist()
    results = [
        Drawn(token) if ok else Drawn(None)
        for token, ok in zip(tokens.tolist(), usable, strict=True)
    ]
    reported = [
        row for row, draw in enumerate(draws) if draw.sampling.logprobs is not None and usable[row]
    ]
    if reported:
        wanted = [draws[row].sampling.logprobs or 0 for row in reported]
        reports = report(logits[reported], tokens[reported], wanted)
        for row, drawn in zip(reported, reports, strict=True):
            results[row] = drawn
    return results


def likeliest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The highest score of each row [R, V] and its token, [R] each; the first of equal ones. A NaN
    anywhere in a row comes out as its maximum."""
    if scores.device.type != "cpu":
        best, tokens = scores.max(dim=-1)
        return best, tokens
    # NumPy looks at a vector of scores at a time, and takes a tenth as long.
    tokens = torch.from_numpy(scores.numpy().argmax(-1))
    return scores.gather(-1, tokens[:, None])[:, 0], tokens


def adjust(logits: Tensor, draws: Sequence[Draws]) -> Tensor:
    """Scores after penalties, bias and what is not allowed [R, V]; the logits themselves where no
    row asks for any."""
    touched = [
        row
        for row, d in enumerate(draws)
        if d.penalises or d.sampling.logit_bias or d.allowed is not None
    ]
    if not touched:
        return logits
    scores, device = logits.clone(), logits.device
    for row in touched:
        s, seen = draws[row].sampling, draws[row].seen
        if draws[row].penalises and seen:
            ids = torch.tensor(list(seen.keys()), device=device)
            counts = torch.tensor(list(seen.values()), dtype=torch.float32, device=device)
            values = scores[row, ids]
            factor = s.repetition_penalty
            values = torch.where(values > 0, values / factor, values * factor)
            values -= counts * s.frequency_penalty + (counts > 0) * s.presence_penalty
            scores[row, ids] = values
        if s.logit_bias:
            ids = torch.tensor(list(s.logit_bias.keys()), device=device)
            scores[row, ids] += torch.tensor(list(s.logit_bias.values()), device=device)
        allowed = draws[row].allowed
        if allowed is not None:
            scores[row].masked_fill_(~allowed.to(device), -torch.inf)
    return scores


def draw_rows(scores: Tensor, draws: Sequence[Draws]) -> Tensor:
    """Tokens [R] for rows of temperature above 0. scores: [R, V], the highest of each row 0;
    changed in place."""
    chances = chances_of(scores, draws)
    guesses = [(row, draw) for row, draw in enumerate(draws) if draw.guess is not None]
    if guesses:
        rows = [row for row, _ in guesses]
        chances[rows] = after_guesses(chances[rows], [draw for _, draw in guesses])
    uniform = torch.tensor([draw.uniform() for draw in draws], device=chances.device)
    return pick(chances, uniform)


def after_guesses(chances: Tensor, draws: Sequence[Draws]) -> Tensor:
    """What is left to draw from, once each row's guess is taken or not: weights [R, V], not scaled.

    chances: [R, V]. A guess x, drawn from q, is taken with probability min(1, p(x) / q(x)), and is
    then all there is; else the rest is max(0, p - q), in which x has no part. So x comes out with
    probability min(q, p) of its own, every other token with what it lacks: with p, exactly
    (speculative sampling: Leviathan et al. 2023, theorem A.1; Chen et al. 2023).
    """
    guesses = [draw.guess for draw in draws if draw.guess is not None]
    device = chances.device
    tokens = torch.tensor([[guess.token] for guess in guesses], device=device)
    guessed = torch.stack([guess.chances.to(device) for guess in guesses])  # [R, V]
    rest = (chances - guessed).clamp(min=0)
    number = torch.tensor([[draw.uniform("/stands")] for draw in draws], device=device)
    stands = number * guessed.gather(1, tokens) < chances.gather(1, tokens)  # [R, 1]
    stands |= rest.sum(-1, keepdim=True) == 0  # rounding left nothing to choose instead
    certain = torch.zeros_like(rest).scatter_(1, tokens, 1.0)
    return torch.where(stands, certain, rest)


def chances_of(scores: Tensor, draws: Sequence[Draws]) -> Tensor:
    """What rows of temperature above 0 are drawn from, [R, V]. scores: [R, V], the highest of each
    row 0; changed in place."""
    settings = [draw.sampling for draw in draws]
    device, size = scores.device, scores.shape[-1]
    scores /= torch.tensor([[s.temperature] for s in settings], device=device)
    rows = [row for row, s in enumerate(settings) if 0 < s.top_k < size]
    if rows:
        kept = torch.tensor([[settings[row].top_k] for row in rows], device=device)
        scores[rows] = keep_top_k(scores[rows], kept)
    rows = [row for row, s in enumerate(settings) if s.top_p < 1]
    if rows:
        mass = torch.tensor([[settings[row].top_p] for row in rows], device=device)
        scores[rows] = keep_top_p(scores[rows], mass)
    if any(s.min_p for s in settings):
        floor = [[math.log(s.min_p) if s.min_p else -math.inf] for s in settings]
        scores.masked_fill_(scores < torch.tensor(floor, device=device), -torch.inf)
    return scores.softmax(-1)


def keep_top_k(scores: Tensor, count: Tensor) -> Tensor:
    """Leave out all but the `count` [R, 1] highest scores [R, V] of each row."""
    ranked = scores.topk(int(count.max())).values
    return scores.masked_fill(scores < ranked.gather(1, count - 1), -torch.inf)


def keep_top_p(scores: Tensor, mass: Tensor) -> Tensor:
    """Leave out all but the fewest likeliest tokens [R, V] whose probabilities reach `mass`
    [R, 1] (Holtzman et al. 2020, nucleus sampling)."""
    probabilities = scores.softmax(-1)
    ranked = probabilities.topk(min(NUCLEUS, scores.shape[-1])).values
    sums = ranked.cumsum(-1)
    if bool((sums[:, -1:] < mass).any()):
        ranked = probabilities.sort(descending=True).values
        sums = ranked.cumsum(-1)
    enough = (sums < mass).sum(-1, keepdim=True).clamp(max=ranked.shape[-1] - 1)
    return scores.masked_fill(probabilities < ranked.gather(1, enough), -torch.inf)


def report(logits: Tensor, tokens: Tensor, wanted: Sequence[int]) -> list[Drawn]:
    """Log probabilities of the `tokens` [R] drawn and of the `wanted` likeliest; logits [R, V]."""
    logprobs = logits.log_softmax(-1)
    chosen = logprobs.gather(1, tokens[:, None])[:, 0].clamp(min=LEAST_LOGPROB).tolist()
    top = logprobs.topk(min(max(wanted), logits.shape[-1]))
    values, ids = top.values.clamp(min=LEAST_LOGPROB).tolist(), top.indices.tolist()
    return [
        Drawn(token, chosen[row], tuple(zip(ids[row], values[row], strict=True))[: wanted[row]])
        for row, token in enumerate(tokens.tolist())
    ]
