"""One new token of many sequences attends to what they have in a pool of blocks, on a GPU.

What is gathered first is read and written once more than it need be. Here each program reads keys
and values where they lie: one for each sequence, key/value head and share of the positions, with
the softmax kept as a running maximum and sum (Milakov and Gimelshein 2018; Kwon et al. 2023,
PagedAttention). Where few sequences would leave most of the GPU idle, their positions are shared
among several programs, and a second kernel joins what those found (Flash-Decoding: Dao et al.
2023).

`fast_attention` over `cache.gathered` is the reference; it is also what runs where Triton is
absent.
The kernels are in `paged_kernel.py`, imported only where there is a GPU.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from functools import cache

import torch
from torch import Tensor

from miniclaude.model.cache import Segment, Table

STEP = 64
"""Positions that a program reads at a time."""

PROGRAMS = 256
"""As many keep a large GPU busy."""

MOST_SHARES = 16


@cache
def can_page(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `paged_attention` runs there: on a GPU, with Triton, which PyTorch's builds for Linux
    bring, and with the C compiler that Triton asks for. Tried once."""
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    pool = torch.ones(1, 1, 16, 16, device=device, dtype=dtype)
    table = Table(torch.zeros(1, 1, device=device, dtype=torch.int32), 16)
    lengths = torch.ones(1, device=device, dtype=torch.int64)
    try:
        query = torch.ones(1, 2, 1, 16, device=device, dtype=dtype)
        found = paged_attention(query, Segment(slice(0, 1), pool, pool, lengths, table), None)
        if bool((found == 1).all()):
            return True
        why = "its answer is wrong"
    except Exception as error:  # its compiler may raise anything
        why = f"{type(error).__name__}: {error}"
    print(
        f"Triton's kernel is not used, attention gathers its keys instead: {why}", file=sys.stderr
    )
    return False


def paged_attention(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """query [b, H, 1, D], segment: a pool and its table -> [b, H, 1, D]."""
    table, lengths = segment.table, segment.lengths
    if table is None or lengths is None or query.shape[2] != 1:
        raise ValueError("paged_attention: it is for one token of sequences that a table tells of.")
    from miniclaude.model.paged_kernel import join, read

    b, heads, _, dim = query.shape
    kv_heads = segment.keys.shape[1]
    group = heads // kv_heads
    shares = max(1, min(MOST_SHARES, PROGRAMS // (b * kv_heads)))
    query = query.contiguous()
    out = torch.empty_like(query)
    # What each share found: sums of values, their weights' maximum and sum. All float32.
    parts = query.new_empty((b, heads, shares, dim), dtype=torch.float32)
    bounds = query.new_empty((2, b, heads, shares), dtype=torch.float32)
    sizes = {
        "GROUP": group,
        "DIM": dim,
        "GROUP_PADDED": max(16, 1 << (group - 1).bit_length()),
        "DIM_PADDED": max(16, 1 << (dim - 1).bit_length()),
        "SHARES": shares,
    }
    read[(b, kv_heads, shares)](
        query,
        segment.keys,
        segment.values,
        table.blocks,
        lengths,
        out,
        parts,
        bounds,
        1 / math.sqrt(dim),
        segment.keys.stride(1),
        segment.keys.stride(2),
        table.blocks.stride(0),
        WINDOW=window or 0,
        BLOCK=table.block_tokens,
        STEP=STEP,
        **sizes,
    )
    if shares > 1:
        join[(b, heads)](parts, bounds, out, SHARES=shares, DIM=dim, DIM_PADDED=sizes["DIM_PADDED"])
    return out
