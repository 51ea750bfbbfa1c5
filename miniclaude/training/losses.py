"""Cross-entropy without ever holding all scores, and the supervised objective on top of it.

Scores over the vocabulary are by far the largest thing a small model computes: 1,000 positions of
GPT-2 need 200 MB for them, and as much again for their gradient. Here they exist for a few rows at
a time. Since the gradient of cross-entropy is softmax minus one at the target, it is taken while
the rows are at hand, so nothing is computed twice (the trick of Liger Kernel's fused linear
cross-entropy, Hsu et al. 2024; arXiv 2410.10989).

Letters in shapes: n rows to learn from, W width, V vocabulary, c rows of a chunk.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from miniclaude.data.batches import Batch
from miniclaude.model.transformer import Transformer
from miniclaude.training.attention import documents_of
from miniclaude.training.objective import Loss

CHUNK_BYTES = 32 << 20
"""How much of the scores, in float32, exists at once."""


def reference_head_loss(head: nn.Module, states: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy in nats, all scores at once. states [n, W], targets [n] -> []."""
    return cross_entropy(head(states).float(), targets, reduction="sum")


def head_loss(
    head: nn.Module, states: Tensor, targets: Tensor, chunk_bytes: int = CHUNK_BYTES
) -> Tensor:
    """The same, a few rows at a time. states [n, W], targets [n] -> [].

    A plain linear head takes the fused way. Anything else that maps [n, W] to [n, V], such as one
    with an adapter, is computed chunk by chunk and once more on the way back.
    """
    if not len(states):
        return states.float().sum()  # nothing to learn, but still a gradient of zero
    vocabulary = int(head.out_features)  # type: ignore[arg-type]
    rows = max(1, chunk_bytes // (4 * vocabulary))
    if type(head) is nn.Linear and head.bias is None:
        total: Tensor = _LinearCrossEntropy.apply(states, head.weight, targets, rows)
        return total
    pieces = [
        checkpoint(reference_head_loss, head, some, wanted, use_reentrant=False)
        for some, wanted in zip(torch.split(states, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.stack(pieces).sum()


class _LinearCrossEntropy(torch.autograd.Function):
    """Σ cross_entropy(states @ weightᵀ, targets) whose gradients are ready after the forward."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, rows: int) -> Tensor:
        """states [n, W], weight [V, W], targets [n] -> []."""
        device = states.device.type
        product = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        wants_states, wants_weight = ctx.needs_input_grad[:2]
        states_gradient = torch.empty_like(states) if wants_states else None
        weight_gradient = torch.zeros_like(weight) if wants_weight else None
        with torch.autocast(device, enabled=False):
            matrix = weight.to(product or weight.dtype)  # [V, W]
            room = states.new_empty(min(rows, len(states)), len(matrix), dtype=matrix.dtype)
            for start in range(0, len(states), rows):
                piece = slice(start, start + rows)
                x, wanted = states[piece].to(matrix.dtype), targets[piece]  # [c, W], [c]
                scores = torch.mm(x, matrix.T, out=room[: len(x)]).float()  # [c, V]
                at_target = scores.gather(1, wanted[:, None])  # [c, 1]
                largest = scores.amax(dim=1, keepdim=True)  # [c, 1]
                powers = scores.sub_(largest).exp_()  # [c, V], softmax but for its divisor
                divisor = powers.sum(dim=1, keepdim=True)  # [c, 1]
                total += (divisor.log() + largest - at_target).sum()
                # Softmax − one at the target, times the matrix. The target's own term is − the sum
                # of all others: subtracting a one instead would leave of a token that is nearly
                # certain only the rounding of the product. Dividing last spares a pass over V.
                powers.scatter_(1, wanted[:, None], 0)
                others = powers.sum(dim=1, keepdim=True)  # [c, 1]
                powers = powers.to(matrix.dtype)
                if states_gradient is not None:
                    pulled = powers @ matrix - others * matrix[wanted]  # [c, W]
                    states_gradient[piece] = pulled / divisor
                if weight_gradient is not None:
                    x = x / divisor  # [c, W]
                    if powers.dtype == weight_gradient.dtype:
                        weight_gradient.addmm_(powers.T, x)  # [V, W]
                    else:
                        weight_gradient += powers.T @ x.to(powers.dtype)  # [V, W]
                    pushed = -others * x  # [c, W]
                    weight_gradient.index_add_(0, wanted, pushed.to(weight_gradient.dtype))
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


def _times(tensor: Tensor, factor: Tensor) -> Tensor:
    """In float32, for a factor that scales a float16 loss is more than float16 can hold."""
    if tensor.dtype == torch.float32:
        return tensor.mul_(factor)
    return (tensor.float() * factor).to(tensor.dtype)


class Supervised:
    """Cross-entropy of the tokens to learn, in nats; the mean is over those tokens."""

    def weight(self, batch: Batch) -> float:
        """Tokens to learn."""
        return batch.trained

    def loss(self, model: Transformer, batch: Batch) -> Loss:
        """Only the states that a token is learnt from ever meet the head."""
        documents = documents_of(model, batch.lengths, batch.ids.device)
        states = model.hidden(batch.ids, documents)[batch.learn]  # [n, W]
        return Loss(head_loss(model.head, states, batch.targets[batch.learn]), {})
