"""Attention over packed documents against the equation, one document after the other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from miniclaude.model.cache import Segment
from miniclaude.model.transformer import reference_attention
from miniclaude.training.attention import PackedDocuments, packed_attention

LENGTHS = (5, 1, 37, 12, 12, 12, 5)  # some neighbours are of one length


def reference(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """Each document by the equation. query [1, H, T, D] -> [1, H, T, D]."""
    parts, start = [], 0
    for length in LENGTHS:
        rows = slice(start, start + length)
        own = Segment(rows, segment.keys[:, :, rows], segment.values[:, :, rows])
        parts.append(reference_attention(query[:, :, rows], own, window))
        start += length
    return torch.cat(parts, dim=2)


@pytest.mark.parametrize("window", [None, 8])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_the_equation(
    dtype: torch.dtype, kv_heads: int, window: int | None
) -> None:
    """The kernels are called by name, on slices of a row: heads that share keys, a document of one
    token or gradients written beside their place would go unnoticed in a loss that still falls."""
    generator = torch.Generator().manual_seed(0)
    tokens = sum(LENGTHS)
    rows = torch.randn(1, tokens, 4 + 2 * kv_heads, 16, generator=generator)
    upstream = torch.randn(1, 4, tokens, 16, generator=generator)
    results = []
    for function in (packed_attention, reference):
        given = rows.to(dtype).requires_grad_()
        q, k, v = torch.split(given, [4, kv_heads, kv_heads], dim=2)  # [1, T, H or K, D]
        [segment] = PackedDocuments(LENGTHS).extend(0, k, v)
        mixed = function(q.transpose(1, 2), segment, window)
        mixed.backward(upstream.to(dtype))  # type: ignore[no-untyped-call]
        assert given.grad is not None
        results.append((mixed.detach(), given.grad))
    rtol, atol = (1e-5, 1e-5) if dtype == torch.float32 else (0.02, 0.06)
    for one, other in zip(*results, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


def test_rotated_queries_may_be_wider_than_the_values() -> None:
    """Under autocast a norm on queries and keys leaves them in float32 beside values in bfloat16;
    the kernel takes only one format. Each gets its gradient in its own."""
    query = torch.randn(1, 2, sum(LENGTHS), 16).requires_grad_()
    keys = torch.randn(1, sum(LENGTHS), 2, 16).requires_grad_()
    values = torch.randn(1, sum(LENGTHS), 2, 16, dtype=torch.bfloat16).requires_grad_()
    [segment] = PackedDocuments(LENGTHS).extend(0, keys, values)
    mixed = packed_attention(query, segment, None)
    assert mixed.dtype == torch.bfloat16
    mixed.float().sum().backward()  # type: ignore[no-untyped-call]
    for tensor in (query, keys, values):
        assert tensor.grad is not None
        assert tensor.grad.dtype == tensor.dtype
