"""The order of a tuning run, and how its examples share forwards.

Examples are laid end to end, as many as a forward may hold, each seeing only itself
(`model/documents_apart.py`): nothing is padded, so no work is done twice for short rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.batches import Batch, make_batch
from miniclaude.data.tokens import TokenSet


def pack_epochs(
    lengths: NDArray[np.int64],
    *,
    size: int,
    most: int = 0,
    epochs: float = 1.0,
    batches: int = 0,
    seed: int = 0,
) -> list[NDArray[np.int64]]:
    """Which examples each batch holds, in order; a function of its arguments alone.

    lengths: [D] positions each example takes. size: most positions in a batch, unless one example
    is longer; most: most examples in it, 0 for any number. epochs: how often each example is read,
    every time in a new order. batches: when above 0, make so many and leave `epochs` aside.
    """
    generator = np.random.default_rng(seed)
    packed: list[NDArray[np.int64]] = []
    chosen: list[int] = []
    filled = read = 0
    wanted = math.inf if batches else max(1, round(epochs * len(lengths)))
    while read < wanted:
        for index in generator.permutation(len(lengths)):
            length = int(lengths[index])
            if chosen and (filled + length > size or len(chosen) == most):
                packed.append(np.array(chosen, dtype=np.int64))
                chosen, filled = [], 0
                if batches and len(packed) == batches:
                    return packed
            chosen.append(int(index))
            filled += length
            read += 1
            if read >= wanted:
                break
    packed.append(np.array(chosen, dtype=np.int64))
    return packed


class PackedBatches:
    """A `BatchSource` over a token set. chosen: what `pack_epochs` returns."""

    def __init__(self, documents: TokenSet, chosen: list[NDArray[np.int64]]) -> None:
        self.documents = documents
        self.chosen = chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`, counted from 0. Raises IndexError past the last."""
        return make_batch([self.documents.document(index) for index in self.chosen[number]])
