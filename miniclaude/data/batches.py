"""The order of a whole run, decided before it starts, and the batches it is cut into.

Since the order is a function of the sources, their weights and a seed, resuming at step s needs
nothing but s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from miniclaude.data.tokens import TokenSet
from miniclaude.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole documents laid end to end in one row of T positions.

    ids: [1, T] input tokens. targets: [1, T] the token after each. learn: [1, T] bool, which
    targets count. lengths: positions of each document, summing to T.
    """

    ids: Tensor
    targets: Tensor
    learn: Tensor
    lengths: tuple[int, ...]

    @property
    def positions(self) -> int:
        """Tokens read in one forward."""
        return self.ids.shape[1]

    @property
    def trained(self) -> int:
        """Targets that count."""
        return int(self.learn.sum())

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        if self.ids.device == device:
            return self
        ids, targets, learn = (
            tensor.to(device, non_blocking=True) for tensor in (self.ids, self.targets, self.learn)
        )
        return Batch(ids, targets, learn, self.lengths)


def make_batch(documents: list[tuple[NDArray[np.int32], NDArray[np.bool_]]]) -> Batch:
    """Documents (ids and learn mask, each [length + 1]) as one batch."""
    ids = np.concatenate([ids[:-1] for ids, _ in documents])
    targets = np.concatenate([ids[1:] for ids, _ in documents])
    learn = np.concatenate([learn[1:] for _, learn in documents])
    return Batch(
        torch.from_numpy(ids.astype(np.int64))[None],
        torch.from_numpy(targets.astype(np.int64))[None],
        torch.from_numpy(learn)[None],
        tuple(len(ids) - 1 for ids, _ in documents),
    )


def mixed_order(
    sets: Mapping[str, TokenSet], weights: Mapping[str, float], tokens: int, seed: int
) -> NDArray[np.int64]:
    """Which documents to read, in order: [n, 2], source (its place in `weights`) and document.

    Each source gives its share of about `tokens` positions, shuffled, and is read again in a new
    order when it is used up. Raises DatasetError for a source that is missing or empty.
    """
    generator = np.random.default_rng(seed)
    total = sum(weights.values())
    parts: list[NDArray[np.int64]] = []
    for source, (name, weight) in enumerate(weights.items()):
        if name not in sets or not len(sets[name]):
            raise DatasetError(
                f"The mixture takes {weight:g} parts of {name!r}, which has no documents.",
                hint="Check the file and its filters, or leave the source out of the mixture.",
            )
        lengths = sets[name].lengths
        wanted = tokens * weight / total
        rounds = int(np.ceil(wanted / lengths.sum()))
        order = np.concatenate([generator.permutation(len(lengths)) for _ in range(rounds)])
        count = int(np.searchsorted(np.cumsum(lengths[order]), wanted)) + 1
        chosen = order[:count]
        parts.append(np.stack((np.full(len(chosen), source), chosen), axis=1))
    mixed: NDArray[np.int64] = generator.permutation(np.concatenate(parts))
    return mixed


class Batches:
    """The run's batches by number, each of at most `size` positions and at least one document."""

    def __init__(
        self,
        sets: Mapping[str, TokenSet],
        weights: Mapping[str, float],
        *,
        tokens: int,
        size: int,
        seed: int,
    ) -> None:
        self._sets = [sets[name] for name in weights if name in sets]
        self._order = mixed_order(sets, weights, tokens, seed)
        self._starts = [0]
        filled = 0
        lengths = [token_set.lengths for token_set in self._sets]
        beginnings = np.cumsum([0, *(len(some) for some in lengths[:-1])])  # [sources]
        every = np.concatenate(lengths)[beginnings[self._order[:, 0]] + self._order[:, 1]]
        for place, length in enumerate(every.tolist()):
            if filled and filled + length > size:
                self._starts.append(place)
                filled = 0
            filled += length
        self._starts.append(len(self._order))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`, counted from 0. Raises IndexError past the last."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        chosen = self._order[self._starts[number] : self._starts[number + 1]]
        return make_batch([self._sets[source].document(document) for source, document in chosen])
