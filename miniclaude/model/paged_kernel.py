"""The kernels of `paged_attention.py`, in Triton's dialect of Python.

Letters in shapes: G query heads of one key/value head, padded to a power of two that the tensor
cores take; D a head's numbers, padded likewise; N positions read at a time.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def read(
    query,  # [b, H, D]
    keys,  # [K, slots, D]
    values,  # [K, slots, D]
    table,  # [b, blocks]
    lengths,  # [b]
    out,  # [b, H, D]
    parts,  # [b, H, SHARES, D]
    bounds,  # [2, b, H, SHARES]: greatest score, sum of exponentials
    scale,
    head_stride,
    slot_stride,
    table_stride,
    WINDOW: tl.constexpr,  # 0: none
    BLOCK: tl.constexpr,
    STEP: tl.constexpr,
    GROUP: tl.constexpr,
    DIM: tl.constexpr,
    GROUP_PADDED: tl.constexpr,
    DIM_PADDED: tl.constexpr,
    SHARES: tl.constexpr,
):
    """One share of one sequence's positions, for the query heads of one key/value head."""
    row, kv_head, share = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows, heads = tl.num_programs(0), tl.num_programs(1) * GROUP
    member = tl.arange(0, GROUP_PADDED)
    dim = tl.arange(0, DIM_PADDED)
    head = row * heads + kv_head * GROUP + member  # [G]
    real = (member[:, None] < GROUP) & (dim[None, :] < DIM)
    q = tl.load(query + head[:, None] * DIM + dim[None, :], mask=real, other=0.0)  # [G, D]

    length = tl.load(lengths + row).to(tl.int32)
    oldest = 0
    if WINDOW > 0:
        oldest = tl.maximum(length - WINDOW, 0)
    steps = tl.cdiv(length - oldest, STEP)
    per_share = tl.cdiv(steps, SHARES) * STEP
    first = oldest + share * per_share
    last = tl.minimum(first + per_share, length)

    best = tl.full([GROUP_PADDED], -float("inf"), tl.float32)
    total = tl.zeros([GROUP_PADDED], tl.float32)
    mixed = tl.zeros([GROUP_PADDED, DIM_PADDED], tl.float32)
    base = kv_head.to(tl.int64) * head_stride
    for start in range(first, last, STEP):
        position = start + tl.arange(0, STEP)  # [N]
        seen = position < last
        block = tl.load(table + row * table_stride + position // BLOCK, mask=seen, other=0)
        slot = block.to(tl.int64) * BLOCK + position % BLOCK
        at = base + slot[:, None] * slot_stride + dim[None, :]  # [N, D]
        there = seen[:, None] & (dim[None, :] < DIM)
        k = tl.load(keys + at, mask=there, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale  # [G, N]
        scores = tl.where(seen[None, :], scores, -float("inf"))
        higher = tl.maximum(best, tl.max(scores, 1))
        weight = tl.exp(scores - higher[:, None])  # [G, N]
        shrink = tl.exp(best - higher)
        v = tl.load(values + at, mask=there, other=0.0)  # [N, D]
        new = tl.dot(weight.to(v.dtype), v, input_precision="ieee")
        mixed = mixed * shrink[:, None] + new
        total = total * shrink + tl.sum(weight, 1)
        best = higher

    if SHARES == 1:
        mixed = mixed / total[:, None]
        place = out + head[:, None] * DIM + dim[None, :]
        tl.store(place, mixed.to(out.dtype.element_ty), mask=real)
    else:
        entry = head * SHARES + share  # [G]
        tl.store(parts + entry[:, None] * DIM + dim[None, :], mixed, mask=real)
        tl.store(bounds + entry, best, mask=member < GROUP)
        tl.store(bounds + rows * heads * SHARES + entry, total, mask=member < GROUP)


@triton.jit
def join(
    parts,  # [b, H, SHARES, D]
    bounds,  # [2, b, H, SHARES]
    out,  # [b, H, D]
    SHARES: tl.constexpr,
    DIM: tl.constexpr,
    DIM_PADDED: tl.constexpr,
):
    """What the shares of one head's positions come to together. An empty share's maximum is minus
    infinity, and it counts for nothing."""
    head = tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
    count = tl.num_programs(0) * tl.num_programs(1) * SHARES
    dim = tl.arange(0, DIM_PADDED)
    best = tl.full([1], -float("inf"), tl.float32)
    total = tl.zeros([1], tl.float32)
    mixed = tl.zeros([DIM_PADDED], tl.float32)
    for share in range(SHARES):
        entry = head * SHARES + share
        theirs = tl.load(bounds + entry)
        higher = tl.maximum(best, theirs)
        shrink, counts = tl.exp(best - higher), tl.exp(theirs - higher)
        part = tl.load(parts + entry * DIM + dim, mask=dim < DIM, other=0.0)
        mixed = mixed * shrink + part * counts
        total = total * shrink + tl.load(bounds + count + entry) * counts
        best = higher
    tl.store(out + head * DIM + dim, (mixed / total).to(out.dtype.element_ty), mask=dim < DIM)
