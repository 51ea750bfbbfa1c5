"""Keys and values in 8 bits: near the numbers, and written alike by both ways."""

from __future__ import annotations

import numpy as np
import torch

from miniclaude.model.elementwise import to_int8
from miniclaude.model.kv_rows import from_rows, to_rows


def test_a_row_is_near_its_numbers_whatever_their_size() -> None:
    vectors = torch.randn(50, 64, generator=torch.Generator().manual_seed(1))
    vectors *= torch.logspace(-20, 20, 50)[:, None]
    vectors[7] = 0
    again = from_rows(to_rows(vectors), torch.float32)
    step = vectors.abs().amax(dim=1, keepdim=True) / 127
    assert bool(((again - vectors).abs() <= step * 0.501).all())
    assert to_rows(vectors).shape == (50, 68)


def test_the_compiled_way_writes_the_same_rows() -> None:
    """Scales to the bit; a number that lies between two codes may become either."""
    vectors = torch.randn(200, 32, generator=torch.Generator().manual_seed(2))
    vectors[3] = 0
    rows = np.zeros((200, 18), np.int16)
    for vector, row in zip(vectors.numpy(), rows, strict=True):
        to_int8(vector, row)
    ours, plain = rows.view(np.int8), to_rows(vectors).numpy()  # [200, 36] each
    assert ours[:, 32:].tobytes() == plain[:, 32:].tobytes()
    apart = np.abs(ours[:, :32].astype(int) - plain[:, :32])
    assert apart.max() <= 1
    assert apart.mean() < 0.002
