"""Keys and values in 8 bits: each head's vector of a token as one row, D whole numbers and the
scale that they are to be multiplied by.

A vector's largest number becomes ±127. A row is D + 4 bytes, the scale a float32 at its end, so
that what a score needs of a key lies side by side. This is the plain definition;
`attention_kernel.py` and `attention_tiles.py` read the same rows, and `elementwise.to_int8` writes
them.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALE_BYTES = 4
MOST = 127.0


def to_rows(vectors: Tensor) -> Tensor:
    """[..., D] -> int8 [..., D + 4]."""
    exact = vectors.float()
    largest = exact.abs().amax(dim=-1, keepdim=True)  # [..., 1]
    inverse = torch.where(largest > 0, MOST / largest, 0.0)
    codes = (exact * inverse).round().to(torch.int8)  # [..., D]
    scales = (largest * (1 / MOST)).contiguous().view(torch.int8)  # [..., 4]
    return torch.cat((codes, scales), dim=-1)


def from_rows(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """int8 [..., D + 4] -> [..., D]."""
    codes, scales = rows[..., :-SCALE_BYTES], rows[..., -SCALE_BYTES:].contiguous()
    return (codes.float() * scales.view(torch.float32)).to(dtype)
