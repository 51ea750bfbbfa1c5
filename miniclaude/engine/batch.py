"""From a plan to tensors: the rows of one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from miniclaude.engine.kv_cache import BlockCache, Span, StepCache
from miniclaude.engine.scheduler import Answer, Chunk

Scored = tuple[tuple[Answer, ...], Tensor | None]
"""The answers that want a token after a step, in order, and the scores [R, V] of each one's; None
where nobody does."""


class Batch(NamedTuple):
    """One packed row of tokens.

    ids: [1, T]. cache: says what each of them may attend to. rows: [R] the columns whose scores
    are wanted, one for each of `answers`, in order; those of a chunk with guesses are all wanted.
    """

    ids: Tensor
    cache: StepCache
    rows: Tensor
    answers: tuple[Answer, ...]


def pack(
    chunks: Sequence[Chunk],
    tokens: Sequence[Sequence[int]],
    cache: BlockCache,
    whole: Sequence[bool],
) -> Batch:
    """Lay the chunks one after another. tokens: everything known of each sequence. whole: whether
    somebody reads the states of all of a chunk's tokens, and not only those of `rows`."""
    ids: list[int] = []
    spans: list[Span] = []
    rows: list[int] = []
    kept: list[int] = []
    answers: list[Answer] = []
    for chunk, known, is_whole in zip(chunks, tokens, whole, strict=True):
        first = len(ids)
        end = chunk.start + chunk.count
        ids += [*known[chunk.start : end], *chunk.draft]
        spans.append(Span(chunk.answer.blocks, chunk.start, end))
        rows += range(len(ids) - 1 - len(chunk.draft), len(ids) - 1)
        rows += [len(ids) - 1] * len(chunk.samples)
        answers += [chunk.answer] * len(chunk.draft) + list(chunk.samples)
        if not is_whole:
            first = len(ids) - (1 + len(chunk.draft) if chunk.samples or chunk.draft else 0)
        kept += range(first, len(ids))
    device, step = cache.pool.device, cache.step(spans)
    if len(kept) < len(ids):
        step.kept = torch.tensor(kept, dtype=torch.long)
    return Batch(
        torch.tensor([ids], device=device),
        step,
        torch.tensor(rows, dtype=torch.long, device=device),
        tuple(answers),
    )
