"""Many documents in one row, none looking at another.

The model asks a cache what each token may attend to. This one remembers nothing between steps: it
answers with one segment a document, so a packed row costs no padding and attention never crosses
from one document into the next (Raffel et al. 2020, section 2.2, pack without such a wall).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from miniclaude.model.cache import Segment


class DocumentsApart:
    """A `Cache` for one packed row. lengths: positions of each document, in order."""

    def __init__(self, lengths: Sequence[int], device: torch.device | str = "cpu") -> None:
        sizes = torch.tensor(lengths, device=device)
        within = torch.arange(int(sizes.sum()), device=device)
        self._positions = within - torch.repeat_interleave(sizes.cumsum(0) - sizes, sizes)
        self._lengths = torch.repeat_interleave(sizes, sizes)
        ends = sizes.cumsum(0).tolist()
        self._rows = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Positions count from 0 in each document. Both [1, tokens]."""
        return self._positions[None], self._lengths[None]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """One segment a document. keys, values: [1, T, kv_heads, head_dim]."""
        keys, values = keys.transpose(1, 2), values.transpose(1, 2)  # [1, K, T, D]
        return [Segment(rows, keys[:, :, rows], values[:, :, rows]) for rows in self._rows]
