"""Cross-entropy without ever holding all scores, and the supervised objective on top of it.

Scores over the vocabulary are by far the largest thing a small model computes: 1,000 positions of
GPT-2 need 200 MB for them, and as much again for their gradient. Here they exist for a few rows at
a time. Since the gradient of cross-entropy is softmax minus one at the target, it is taken while
the rows are at hand, so nothing is computed twice (the trick of Liger Kernel's fused linear
cross-entropy, Hsu et al. 2024; arXiv 2410.10989).

Letters in shapes: n rows to learn from, W width, V vocabulary, c rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from torch.utils.checkpoint import checkpoint

from miniclaude.data.batches import Batch
from miniclaude.model.experts import balancing_loss, router_scores
from miniclaude.model.transformer import Transformer
from miniclaude.training.attention import ROWS, packed_states
from miniclaude.training.objective import Loss

CHUNK_BYTES = 32 << 20
"""How much of the scores exists at once, in the format of the products."""

GPU_CHUNK_BYTES = 512 << 20
"""The same on a GPU, which a small product would leave waiting for the next."""

ONEDNN = torch.ops.mkldnn._linear_pointwise
"""oneDNN's product by the name that PyTorch's compiler calls it by."""

LARGE = 1 << 20
"""Numbers in a head's matrix from which oneDNN is asked."""

CACHED_BYTES = 4 << 20
"""What is passed over several times is cut into parts of this size, which stay in the processor's
caches meanwhile."""


def bytes_at_once(device: str) -> int:
    """How much of the scores exists at once on a type of device."""
    return GPU_CHUNK_BYTES if device == "cuda" else CHUNK_BYTES


def reference_head_loss(head: nn.Module, states: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy in nats, all scores at once. states [n, W], targets [n] -> []."""
    return cross_entropy(head(states).float(), targets, reduction="sum")


def head_loss(head: nn.Module, states: Tensor, targets: Tensor, chunk_bytes: int = 0) -> Tensor:
    """The same, a few rows at a time. states [n, W], targets [n] -> []. chunk_bytes: of scores at
    once; 0 takes what suits the device.

    A plain linear head takes the fused way. Anything else that maps [n, W] to [n, V], such as one
    with an adapter, is computed chunk by chunk and once more on the way back.
    """
    if not len(states):
        return states.float().sum()  # nothing to learn, but still a gradient of zero
    chunk_bytes = chunk_bytes or bytes_at_once(states.device.type)
    vocabulary = int(head.out_features)  # type: ignore[arg-type]
    if type(head) is nn.Linear and head.bias is None:
        total: Tensor = _LinearCrossEntropy.apply(states, head.weight, targets, chunk_bytes)
        return total
    rows = max(1, chunk_bytes // (4 * vocabulary))
    pieces = [
        checkpoint(reference_head_loss, head, some, wanted, use_reentrant=False)
        for some, wanted in zip(torch.split(states, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.stack(pieces).sum()


def head_scores(x: Tensor, matrix: Tensor) -> Tensor:
    """x matrixᵀ, without a gradient. x [c, W], matrix [V, W] -> [c, V].

    In float32 on a CPU, PyTorch asks MKL, which with few rows and a large vocabulary takes nearly
    twice as long as oneDNN does; both come with PyTorch.
    """
    if (
        matrix.device.type != "cpu"
        or matrix.dtype != torch.float32
        or matrix.numel() < LARGE
        or not torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    ):
        return x @ matrix.T
    filled = pad(x, (0, 0, 0, -len(x) % ROWS))  # [c and a few more, W]
    scores: Tensor = ONEDNN(filled, matrix, None, "none", [], "")
    return scores[: len(x)]


class _LinearCrossEntropy(torch.autograd.Function):
    """Σ cross_entropy(states @ weightᵀ, targets) whose gradients are ready after the forward."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, chunk_bytes: int
    ) -> Tensor:
        """states [n, W], weight [V, W], targets [n] -> []."""
        device = states.device.type
        asked = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        wants_states, wants_weight = ctx.needs_input_grad[:2]
        states_gradient = torch.empty_like(states) if wants_states else None
        weight_gradient = torch.zeros_like(weight) if wants_weight else None
        with torch.autocast(device, enabled=False):
            matrix = weight.to(asked or weight.dtype)  # [V, W]
            rows = max(1, chunk_bytes // (matrix.itemsize * len(matrix)))
            for piece in _pieces(len(states), rows):
                x, wanted = states[piece].to(matrix.dtype), targets[piece]  # [c, W], [c]
                scores = head_scores(x, matrix)  # [c, V]
                loss, divisor, others = _powers(scores, wanted)
                total += loss
                if states_gradient is not None:
                    pulled = scores @ matrix - others * matrix[wanted]  # [c, W]
                    states_gradient[piece] = pulled / divisor
                if weight_gradient is not None:
                    x = x / divisor  # [c, W]
                    _add_product(weight_gradient, scores, x.to(scores.dtype))
                    pushed = -others * x  # [c, W]
                    weight_gradient.index_add_(0, wanted, pushed.to(weight_gradient.dtype))
                del scores  # before the next are made
        ctx.save_for_backward(states_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """The gradients of the forward, times that of the sum."""
        [gradient] = gradients
        states, weight = (
            None if one is None else _times(one, gradient) for one in ctx.saved_tensors
        )
        return states, weight, None, None


def _pieces(count: int, rows: int) -> Iterator[slice]:
    """All of `count` rows, at most `rows` at a time, by multiples of `ROWS` but the last few."""
    start = 0
    while start < count:
        size = min(rows, count - start)
        size -= size % ROWS if size > ROWS else 0
        yield slice(start, start + size)
        start += size


def _powers(scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Puts softmax, but for its divisor and without the target's term, in the place of the scores.

    Softmax − one at the target, times the matrix, is what the gradients need. The target's own term
    is − the sum of all others: subtracting a one instead would leave of a token that is nearly
    certain only the rounding of the product. Dividing last spares a pass over V.

    scores [c, V], wanted [c] -> the summed loss [], the divisors [c, 1] and, of all terms but the
    target's, the sum [c, 1]; computed in float32.
    """
    total = torch.zeros((), dtype=torch.float32, device=scores.device)
    divisors = torch.empty(len(scores), 1, dtype=torch.float32, device=scores.device)
    others = torch.empty_like(divisors)
    step = _rows_in_cache(4 * scores.shape[1], scores)
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        exact, target = scores[part].float(), wanted[part, None]  # [s, V], [s, 1]
        at_target = exact.gather(1, target)  # [s, 1]
        largest = exact.amax(dim=1, keepdim=True)  # [s, 1]
        powers = exact.sub_(largest).exp_()  # [s, V]; of float32 these are the scores themselves
        divisors[part] = powers.sum(dim=1, keepdim=True)
        total += (divisors[part].log() + largest - at_target).sum()
        powers.scatter_(1, target, 0)
        others[part] = powers.sum(dim=1, keepdim=True)
        if powers.dtype != scores.dtype:
            scores[part] = powers
    return total, divisors, others


def _add_product(gradient: Tensor, powers: Tensor, x: Tensor) -> None:
    """gradient += powersᵀ x. gradient [V, W] of float32, powers [c, V], x [c, W].

    A product in half precision has to be made before it can be added: a few of the vocabulary's
    rows at a time, so that it does not travel through memory.
    """
    if powers.dtype == gradient.dtype:
        gradient.addmm_(powers.T, x)
        return
    step = _rows_in_cache(x.itemsize * x.shape[1], gradient)
    for start in range(0, len(gradient), step):
        part = slice(start, start + step)
        gradient[part].add_(powers[:, part].T @ x)


def _rows_in_cache(row_bytes: int, whole: Tensor) -> int:
    """How many rows of so many bytes to take at a time; on other devices than a CPU, all."""
    return max(1, CACHED_BYTES // row_bytes) if whole.device.type == "cpu" else len(whole)


def _times(tensor: Tensor, factor: Tensor) -> Tensor:
    """In float32, for a factor that scales a float16 loss is more than float16 can hold."""
    if tensor.dtype == torch.float32:
        return tensor.mul_(factor)
    return (tensor.float() * factor).to(tensor.dtype)


class Supervised:
    """Cross-entropy of the tokens to learn, in nats; the mean is over those tokens.

    balance: how much of `balancing_loss` is added to that mean, of a model with experts; with any,
    the measure `balance` is that loss, whose least is the experts that a token asks.
    """

    def __init__(self, balance: float = 0.0) -> None:
        self.balance = balance

    def weight(self, batch: Batch) -> float:
        """Tokens to learn."""
        return batch.trained

    def loss(self, model: Transformer, batch: Batch) -> Loss:
        """Only the states that a token is learnt from ever meet the head."""
        if not (self.balance and model.config.experts):
            states = packed_states(model, batch.ids, batch.lengths)[batch.learn]  # [n, W]
            return Loss(head_loss(model.head, states, batch.targets[batch.learn]), {})
        with router_scores(model) as scores:
            states = packed_states(model, batch.ids, batch.lengths)[batch.learn]  # [n, W]
        uneven = balancing_loss(scores, model.config.experts_per_token)
        learnt = head_loss(model.head, states, batch.targets[batch.learn])
        total = learnt + self.balance * batch.trained * uneven
        return Loss(total, {"balance": float(uneven.detach()) * batch.trained})
