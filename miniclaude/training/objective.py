"""What the loop minimises, and what it reads: the two seams that every method of training fits.

The loop knows neither tokens nor preferences. It asks an objective for the summed loss of a batch
and for what that sum is to be divided by, so that several batches accumulated are exactly one large
one. Supervised training is `losses.Supervised`; preference training brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from miniclaude.model.transformer import Transformer


class TrainingBatch(Protocol):
    """One forward's worth of data, as the loop sees it."""

    @property
    def positions(self) -> int:
        """Tokens read in one forward: what memory and time go by."""
        ...

    @property
    def trained(self) -> int:
        """Tokens the loss is taken over."""
        ...

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        ...


AnyBatch = TypeVar("AnyBatch", bound=TrainingBatch)
ReadBatch = TypeVar("ReadBatch", bound=TrainingBatch, contravariant=True)
GivenBatch = TypeVar("GivenBatch", bound=TrainingBatch, covariant=True)


class Loss(NamedTuple):
    """total: the summed loss, a scalar with its gradient, float32. measures: further sums worth
    logging (rewards, accuracy), plain numbers; divided by the same weight as the loss."""

    total: Tensor
    measures: Mapping[str, float]


class Objective(Protocol[ReadBatch]):
    """A loss that is a mean: the loop minimises Σ loss / Σ weight over a step's batches."""

    def weight(self, batch: ReadBatch) -> float:
        """What the batch counts for in the mean: learnt tokens, pairs, rows. 0 leaves it out."""
        ...

    def loss(self, model: Transformer, batch: ReadBatch) -> Loss:
        """The summed loss of one batch. The loop has autocast on, where that is wanted, and calls
        it once a batch; it may run the model more than once, also without gradients."""
        ...


class BatchSource(Protocol[GivenBatch]):
    """Batches by number, so that a run can be taken up at any step."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> GivenBatch: ...
