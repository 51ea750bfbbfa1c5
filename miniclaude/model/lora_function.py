"""y += scale · (x Aᵀ) Bᵀ on some of y's columns, forwards and backwards, without intermediates of
y's size.

Left to autograd, each product and sum of the update is a tensor of its own, as large as the
layer's output, and more of them are kept or copied on the way back. Here the update is added into
the base layer's output in place, and kept are x, which is the caller's own, and x Aᵀ, which has
r columns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Rows = tuple[tuple[int, int], ...]


def reference_add(
    y: Tensor, x: Tensor, rows: Rows, scales: tuple[float, ...], *ab: Tensor
) -> Tensor:
    """The equation written out; the arguments of `add_low_rank`."""
    y = y.clone()
    for (start, stop), scale, a, b in zip(rows, scales, ab[::2], ab[1::2], strict=True):
        y[:, start:stop] += scale * ((x.to(y.dtype) @ a.to(y.dtype).T) @ b.to(y.dtype).T)
    return y


def add_low_rank(
    y: Tensor, x: Tensor, rows: Rows, scales: tuple[float, ...], *ab: Tensor
) -> Tensor:
    """Adds to y [T, out], in place, for each part its scale · (x Aᵀ) Bᵀ.

    x: [T, in]. rows: the columns of y that a part adds to. ab: A [r, in] and B [columns, r] of
    each part in turn. Everything is computed in y's dtype, gradients are given in each input's.
    """
    result: Tensor = AddLowRank.apply(y, x, rows, scales, *ab)  # type: ignore[no-untyped-call]
    return result


class AddLowRank(torch.autograd.Function):
    """See `add_low_rank`. The As are stacked, so that x is read once for all parts."""

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, x: Tensor, rows: Rows, scales: tuple[float, ...], *ab: Tensor
    ) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):
            x = x.to(y.dtype)
            stacked = torch.cat(ab[::2]).to(y.dtype)  # [Σr, in]
            low = x @ stacked.T  # [T, Σr]
            at = 0
            for (start, stop), scale, b in zip(rows, scales, ab[1::2], strict=True):
                r = b.shape[1]
                y[:, start:stop].addmm_(low[:, at : at + r], b.to(y.dtype).T, alpha=scale)
                at += r
        ctx.mark_dirty(y)
        ctx.save_for_backward(x, low, *ab)
        ctx.rows, ctx.scales = rows, scales
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Any, ...]:
        x, low, *ab = ctx.saved_tensors
        dtype = grad_y.dtype
        with torch.autocast(grad_y.device.type, enabled=False):
            grad_low = torch.empty_like(low)  # [T, Σr]
            grads_b = []
            at = 0
            for (start, stop), scale, b in zip(ctx.rows, ctx.scales, ab[1::2], strict=True):
                r = b.shape[1]
                columns = grad_y[:, start:stop]  # [T, columns]
                grads_b.append((columns.T @ low[:, at : at + r]).to(b.dtype).mul_(scale))
                torch.mm(columns, b.to(dtype) * scale, out=grad_low[:, at : at + r])
                at += r
            grad_stacked = grad_low.T @ x  # [Σr, in]
            stacked = torch.cat(ab[::2]).to(dtype)
            grad_x = grad_low @ stacked if ctx.needs_input_grad[1] else None  # [T, in]
        grads_a = grad_stacked.split([a.shape[0] for a in ab[::2]])
        grads = []
        for grad_a, a, grad_b in zip(grads_a, ab[::2], grads_b, strict=True):
            grads += [grad_a.to(a.dtype), grad_b]
        return grad_y, grad_x, None, None, *grads
