"""Attention over packed documents, with little kept for the way back.

The model's own way takes one document after the other and leaves the gradient to autograd, which
keeps queries, keys, values and outputs, adds every document's gradient into a tensor of zeros as
long as the row, and on a CPU runs a backward kernel that in half precision is four times slower
than in float32. Here every document's gradients are written where they belong, and on a CPU they
are computed in float32.

Letters in shapes: T positions of the row, H heads, K key/value heads, D head_dim; N neighbours of
one length n.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from miniclaude.model.cache import Cache, Segment
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.transformer import Attention, Transformer, fast_attention

ATTEND = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
ATTEND_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
FLASH = torch.ops.aten._flash_attention_forward
"""FlashAttention by the name that autograd knows it by; on a GPU only."""

HALF = (torch.bfloat16, torch.float16)
"""What FlashAttention computes in."""

LARGEST_HEAD = 256
"""Numbers of a head that its kernels are made for."""

ROWS = 64
"""What the number of rows of a product is to be a multiple of, on a CPU."""


class PackedSegment(Segment):
    """A whole row of documents; only `packed_attention` knows where one ends. The segment's own
    fields are those of `Segment`, without lengths. bounds: [documents + 1] int32 on the segment's
    device, where each begins and the last one ends."""

    documents: tuple[int, ...]
    bounds: Tensor


class PackedDocuments(DocumentsApart):
    """`DocumentsApart` that hands the row over in one piece."""

    def __init__(self, lengths: Sequence[int], device: torch.device | str = "cpu") -> None:
        super().__init__(lengths, device)
        self._documents = tuple(lengths)
        self._bounds = torch.tensor((0, *accumulate(lengths)), dtype=torch.int32, device=device)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """One segment. keys, values: [1, T, K, D]."""
        segment = PackedSegment(slice(None), keys.transpose(1, 2), values.transpose(1, 2))
        segment.documents, segment.bounds = self._documents, self._bounds
        return [segment]


def packed_attention(query: Tensor, segment: Segment, window: int | None) -> Tensor:
    """Each document of a packed segment by itself; any other segment as `fast_attention` does.
    query [1, H, T, D] -> [1, H, T, D]."""
    if not isinstance(segment, PackedSegment):
        return fast_attention(query, segment, window)
    keys, values, documents = segment.keys, segment.values, segment.documents
    mixed: Tensor
    whole = window is None or max(documents) <= window
    if whole and can_flash(query.device, values.dtype, values.shape[-1]):
        return flash_attention(query, segment)
    if query.device.type == "cpu" and whole:
        mixed = _CPUAttention.apply(query, keys, values, documents)  # type: ignore[no-untyped-call]
    else:
        mixed = _AnyAttention.apply(  # type: ignore[no-untyped-call]
            query, keys, values, documents, window
        )
    return mixed


@cache
def can_flash(device: torch.device, dtype: torch.dtype, size: int) -> bool:
    """Whether FlashAttention is there for heads of so many numbers: on NVIDIA's GPUs from Ampere
    on, in half precision."""
    return (
        device.type == "cuda"
        and dtype in HALF
        and size % 8 == 0
        and size <= LARGEST_HEAD
        and torch.cuda.get_device_capability(device) >= (8, 0)
        and torch.backends.cuda.is_flash_attention_available()
    )


def flash_attention(query: Tensor, segment: PackedSegment) -> Tensor:
    """Each document by itself, all in one kernel of a GPU, in the values' half precision.
    query [1, H, T, D] -> [1, H, T, D]."""
    heads, dtype = query.shape[1], segment.values.dtype
    q, k, v = (
        _wide(tensor, heads)[0].transpose(0, 1).to(dtype)  # [T, H, D]
        for tensor in (query, segment.keys, segment.values)
    )
    longest = max(segment.documents)
    mixed: Tensor = FLASH(
        q, k, v, segment.bounds, segment.bounds, longest, longest, 0.0, True, False
    )[0]
    return mixed.transpose(0, 1)[None]  # [1, H, T, D]


def documents_of(model: Transformer, lengths: Sequence[int], device: torch.device) -> Cache:
    """The wall between packed documents that fits how the model computes attention at present."""
    attention = next(module for module in model.modules() if isinstance(module, Attention))
    known = attention.attend is packed_attention
    return (PackedDocuments if known else DocumentsApart)(lengths, device)


def packed_states(model: Transformer, ids: Tensor, lengths: Sequence[int]) -> Tensor:
    """The last layer's states of packed documents. ids [1, T] -> [1, T, W].

    On a CPU the row is filled up to a multiple of `ROWS`: oneDNN compiles its products anew for
    every number of rows that it has not met lately, and keeps what it compiled, working memory
    included. Not with experts, who would count the filling as tokens.
    """
    tokens = ids.shape[1]
    spare = 0 if ids.device.type != "cpu" or model.config.experts else -tokens % ROWS
    if spare:
        longest = model.config.context  # a document longer than that has no positions
        filling = [longest] * (spare // longest) + [spare % longest] * (spare % longest > 0)
        ids, lengths = pad(ids, (0, spare)), (*lengths, *filling)  # [1, T + spare]
    return model.hidden(ids, documents_of(model, lengths, ids.device))[:, :tokens]


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


def _wide(tensor: Tensor, heads: int) -> Tensor:
    """Keys or values once for each query head. [N, K, n, D] -> [N, H, n, D]."""
    each = heads // tensor.shape[1]
    return tensor if each == 1 else tensor.repeat_interleave(each, dim=1)


def _narrow(gradient: Tensor, heads: int) -> Tensor:
    """The gradient of what `_wide` repeated. [N, H, n, D] -> [N, K, n, D]."""
    batch, wide, tokens, size = gradient.shape
    if wide == heads:
        return gradient
    grouped = gradient.view(batch, heads, wide // heads, tokens, size)  # [N, K, H/K, n, D]
    return grouped.sum(dim=2)


class _CPUAttention(torch.autograd.Function):
    """By PyTorch's fused kernels, called by name: through autograd, the forward would be computed
    once more on the way back."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, keys: Tensor, values: Tensor, documents: tuple[int, ...]
    ) -> Tensor:
        """query [1, H, T, D], keys and values [1, K, T, D] -> [1, H, T, D], laid out as
        [1, T, H, D], which is how the model goes on."""
        given = query.dtype, keys.dtype, values.dtype
        batch, heads, tokens, size = query.shape
        mixed = values.new_empty(batch, tokens, heads, size).transpose(1, 2)  # [1, H, T, D]
        sums = []
        query = query.to(values.dtype)  # a norm or a rotation may have widened it
        keys = keys.to(values.dtype)
        for rows, count in _alike(documents):
            q, k, v, place = (
                _apart(tensor, rows, count) for tensor in (query, keys, values, mixed)
            )
            own, logsumexp = ATTEND(q, _wide(k, heads), _wide(v, heads), 0.0, True)
            place.copy_(own)
            sums.append(logsumexp)
        ctx.save_for_backward(query, keys, values, mixed, *sums)
        ctx.documents, ctx.given = documents, given
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Of query, keys and values, each laid out as it came."""
        query, keys, values, mixed, *sums = ctx.saved_tensors
        heads = query.shape[1]
        results = [
            torch.empty_like(tensor, dtype=dtype)
            for tensor, dtype in zip((query, keys, values), ctx.given, strict=True)
        ]
        exact = [tensor.float() for tensor in (gradient, query, keys, values, mixed)]
        for (rows, count), logsumexp in zip(_alike(ctx.documents), sums, strict=True):
            out, q, k, v, own = (_apart(tensor, rows, count) for tensor in exact)
            k, v = _wide(k, heads), _wide(v, heads)  # [N, H, n, D]
            found = ATTEND_BACKWARD(out, q, k, v, own, logsumexp, 0.0, True)
            for result, part in zip(results, found, strict=True):
                place = _apart(result, rows, count)
                place.copy_(_narrow(part, result.shape[1]))
        return (*results, None)


class _AnyAttention(torch.autograd.Function):
    """Each document computed again on the way back: for other devices, and for windows that are
    shorter than a document."""

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


def _alike(documents: tuple[int, ...]) -> Iterator[tuple[slice, int]]:
    """The rows of neighbours of one length, which a kernel takes together, and how many they are:
    one call where a text is cut into blocks."""
    start = 0
    for length, group in groupby(documents):
        count = len(list(group))
        yield slice(start, start + count * length), count
        start += count * length


def _apart(tensor: Tensor, rows: slice, count: int) -> Tensor:
    """A view of some rows as so many documents. [1, H, T, D] -> [N, H, n, D]."""
    part = tensor[0, :, rows]  # [H, N·n, D]
    return part.view(len(part), count, -1, part.shape[-1]).transpose(0, 1)  # [N, H, n, D]


def _rows(documents: tuple[int, ...]) -> Iterator[slice]:
    start = 0
    for length in documents:
        yield slice(start, start + length)
        start += length
