"""What a model makes of a prompt while it reads it: each token's probability, or an embedding.

A prompt is read in chunks, as the scheduler gives them, so a long one holds nobody up. What a chunk
says counts only once: a chunk whose step failed is read again from the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from miniclaude.engine.request import GenerationRequest, Reading
from miniclaude.engine.sampling import Drawn, report

ROWS = 64
"""Tokens whose scores over the vocabulary exist at once; for 150,000 words they are 40 MB."""


class Read(NamedTuple):
    """What is new. logprobs: of the tokens that follow the ones read. embedding: of the whole
    prompt, when its last token was read."""

    logprobs: tuple[Drawn, ...] = ()
    embedding: tuple[float, ...] = ()


class Reader:
    """Follows one prompt. head: hidden states [R, W] -> scores [R, V]."""

    def __init__(self, request: GenerationRequest, head: Callable[[Tensor], Tensor]) -> None:
        self.prompt = request.prompt
        self.asked = request.reading or Reading()
        self.head = head
        self.sum: Tensor | None = None  # [W], of the states read so far
        self.pending: tuple[Tensor | None, Read] = (None, Read())

    def read(self, hidden: Tensor, start: int) -> None:
        """The last states [R, W] of the tokens at `start` and after. Raises RuntimeError when they
        are no finite numbers."""
        if start >= len(self.prompt):
            return
        end = start + len(hidden)
        found, total = Read(), self.sum
        if self.asked.logprobs is not None:
            following = self.prompt[start + 1 : end + 1]
            found = Read(score(self.head, hidden, following, self.asked.logprobs))
        if self.asked.embedding:
            mine = hidden.double().sum(dim=0)  # [W]
            total = mine if total is None else total + mine
            if end == len(self.prompt):
                found = found._replace(embedding=unit(total / end))
        self.pending = (total, found)

    def take(self) -> Read:
        """What the last `read` found, once its step has succeeded."""
        self.sum, found = self.pending
        self.pending = (self.sum, Read())
        return found


def score(
    head: Callable[[Tensor], Tensor], hidden: Tensor, following: tuple[int, ...], top: int
) -> tuple[Drawn, ...]:
    """The log probability of the token that follows each state [R, W], and the `top` likeliest
    there. Raises RuntimeError when the scores are no numbers."""
    found: list[Drawn] = []
    for at in range(0, len(following), ROWS):
        tokens = torch.tensor(following[at : at + ROWS], device=hidden.device)
        logits = head(hidden[at : at + len(tokens)]).float()  # [R, V]
        if not bool(torch.isfinite(logits.max(dim=-1).values).all()):
            raise RuntimeError("its scores are not numbers")
        found += report(logits, tokens, [top] * len(tokens))
    return tuple(found)


def unit(vector: Tensor) -> tuple[float, ...]:
    """A vector [W] scaled to length 1. Raises RuntimeError when it cannot be."""
    length = vector.norm()
    if not bool(torch.isfinite(length)) or not length:
        raise RuntimeError("its states are not numbers")
    return tuple((vector / length).tolist())
