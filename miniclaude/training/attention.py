"""Attention over packed documents, with little kept for the way back.

The model's own way takes one document after the other and leaves the gradient to autograd, which
keeps queries, keys, values and outputs, adds every document's gradient into a tensor of zeros as
long as the row, and on a CPU runs a backward kernel that in half precision is four times slower
than in float32. Here the queries, keys and values alone are kept, each document is computed again
on the way back, in float32 on a CPU, and its gradients are written where they belong.

Letters in shapes: T positions of the row, H heads, K key/value heads, D head_dim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from miniclaude.model.cache import Cache, Segment
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.transformer import Attention, Transformer, fast_attention


class PackedSegment(Segment):
    """A whole row of documents; only `packed_attention` knows where one ends. The segment's own
    fields are those of `Segment`, without lengths."""

    documents: tuple[int, ...]


class PackedDocuments(DocumentsApart):
    """`DocumentsApart` that hands the row over in one piece."""

    def __init__(self, lengths: Sequence[int], device: torch.device | str = "cpu") -> None:
        super().__init__(lengths, device)
        self._documents = tuple(lengths)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """One segment. keys, values: [1, T, K, D]."""
        segment = PackedSegment(slice(None), keys.transpose(1, 2), values.transpose(1, 2))
        segment.documents = self._documents
        return [segment]


def packed_attention(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """Each document of a packed segment by itself; any other segment as `fast_attention` does.
    query [1, H, T, D] -> [1, H, T, D]."""
    if not isinstance(segment, PackedSegment):
        return fast_attention(query, segment, window)
    mixed: Tensor = _PackedAttention.apply(  # type: ignore[no-untyped-call]
        query, segment.keys, segment.values, segment.documents, window
    )
    return mixed


def documents_of(model: Transformer, lengths: Sequence[int], device: torch.device) -> Cache:
    """The wall between packed documents that fits how the model computes attention at present."""
    attention = next(module for module in model.modules() if isinstance(module, Attention))
    known = attention.attend is packed_attention
    return (PackedDocuments if known else DocumentsApart)(lengths, device)


@contextmanager
def attention_for_training(model: Transformer) -> Iterator[None]:
    """While it is open, packed documents are attended to by `packed_attention`."""
    before = {m: m.attend for m in model.modules() if isinstance(m, Attention)}
    model.use_attention(packed_attention)
    try:
        yield
    finally:
        for module, function in before.items():
            module.attend = function


class _PackedAttention(torch.autograd.Function):
    """See the top of the file."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        documents: tuple[int, ...],
        window: int | None,
    ) -> Tensor:
        """query [1, H, T, D], keys and values [1, K, T, D] -> [1, H, T, D], laid out as
        [1, T, H, D], which is how the model goes on."""
        batch, heads, tokens, size = query.shape
        mixed = query.new_empty(batch, tokens, heads, size).transpose(1, 2)  # [1, H, T, D]
        for rows in _rows(documents):
            alone = Segment(rows, keys[:, :, rows], values[:, :, rows])
            mixed[:, :, rows] = fast_attention(query[:, :, rows], alone, window)
        ctx.save_for_backward(query, keys, values)
        ctx.documents, ctx.window = documents, window
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of query, keys and values, each laid out as it came."""
        [gradient] = gradients
        inputs = ctx.saved_tensors
        results = [torch.empty_like(tensor) for tensor in inputs]
        dtype = torch.float32 if gradient.device.type == "cpu" else inputs[0].dtype
        device = gradient.device.type
        for rows in _rows(ctx.documents):
            with torch.enable_grad(), torch.autocast(device, enabled=False):
                q, k, v = (
                    tensor[:, :, rows].detach().to(dtype).requires_grad_() for tensor in inputs
                )
                mixed = fast_attention(q, Segment(rows, k, v), ctx.window)
            found = torch.autograd.grad(mixed, (q, k, v), gradient[:, :, rows].to(dtype))
            for result, own in zip(results, found, strict=True):
                result[:, :, rows] = own
        return (*results, None, None)


def _rows(documents: tuple[int, ...]) -> Iterator[slice]:
    start = 0
    for length in documents:
        yield slice(start, start + length)
        start += length
