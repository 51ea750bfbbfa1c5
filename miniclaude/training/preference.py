"""Learning from preferences: DPO (Rafailov et al. 2023) and KTO (Ethayarajh et al. 2024).

Both reward an answer by how much likelier the model finds it than the base did, β · log(π / π_ref).
What the base thinks never changes, so it is computed once, before the first step, by the very model
that is trained, its adapter off; a second model is never in memory.

Letters in shapes: T positions, n tokens that count, d documents, r rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid
from torch.utils.checkpoint import checkpoint

from miniclaude.data.batches import Batch, make_batch
from miniclaude.model.lora import layers
from miniclaude.model.transformer import Transformer
from miniclaude.training.attention import packed_states
from miniclaude.training.comparisons import ComparisonBatch, Comparisons
from miniclaude.training.losses import CHUNK_BYTES
from miniclaude.training.objective import Loss
from miniclaude.training.packing import pack_epochs


def answer_log_probabilities(model: Transformer, batch: Batch) -> Tensor:
    """Summed log-probability of each document's tokens that count: [d], float32."""
    device = batch.ids.device
    lengths = torch.tensor(batch.lengths, device=device)
    owner = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)  # [T]
    counted = batch.learn[0]  # [T]
    states = packed_states(model, batch.ids, batch.lengths)[0, counted]  # [n, W]
    tokens = token_log_probabilities(model.head, states, batch.targets[0, counted])  # [n]
    totals = torch.zeros(len(lengths), dtype=torch.float32, device=device)
    return totals.index_add(0, owner[counted], tokens)


def token_log_probabilities(
    head: nn.Module, states: Tensor, targets: Tensor, chunk_bytes: int = CHUNK_BYTES
) -> Tensor:
    """log p(target) of each state, a few rows at a time, computed again on the way back rather than
    kept. states [n, W], targets [n] -> [n]."""
    rows = max(1, chunk_bytes // (4 * int(head.out_features)))  # type: ignore[arg-type]
    pieces = [
        checkpoint(_chunk_log_probabilities, head, some, wanted, use_reentrant=False)
        for some, wanted in zip(torch.split(states, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat(pieces)


def _chunk_log_probabilities(head: nn.Module, states: Tensor, targets: Tensor) -> Tensor:
    """[c, W], [c] -> [c]."""
    return -cross_entropy(head(states).float(), targets, reduction="none")


@contextmanager
def as_the_base(model: Transformer) -> Iterator[None]:
    """While it is open, no adapter is in use and no dropout is drawn."""
    adapted = [(layer, layer.active) for layer in layers(model)]
    training = model.training
    model.eval()
    for layer, _ in adapted:
        layer.active = None
    try:
        yield
    finally:
        for layer, active in adapted:
            layer.active = active
        model.train(training)


def reference_log_probabilities(
    model: Transformer, comparisons: Comparisons, size: int = 4096
) -> NDArray[np.float32]:
    """What the base thinks of each document, [2 · rows]; to be called before training, under the
    autocast that training will have. size: most positions in one forward."""
    known = np.zeros(len(comparisons.documents), dtype=np.float32)
    device = model.tokens.weight.device
    with as_the_base(model), torch.inference_mode():
        for chosen in pack_epochs(comparisons.documents.lengths, size=size):
            batch = make_batch([comparisons.documents.document(index) for index in chosen])
            known[chosen] = answer_log_probabilities(model, batch.to(device)).cpu().numpy()
    return known


class DPO:
    """−log σ(β · (reward of the chosen − reward of the rejected)), equation 7 of the paper; the
    mean is over pairs. beta: how dearly the policy pays for leaving the base."""

    def __init__(self, beta: float = 0.1) -> None:
        self.beta = beta

    def weight(self, batch: ComparisonBatch) -> float:
        """Pairs."""
        return len(batch.desirable)

    def loss(self, model: Transformer, batch: ComparisonBatch) -> Loss:
        """Chosen and rejected documents share one forward."""
        policy = answer_log_probabilities(model, batch.batch).view(-1, 2)  # [r, 2]
        rewards = self.beta * (policy - batch.reference)
        margins = rewards[:, 0] - rewards[:, 1]  # [r]
        seen = margins.detach()
        means = rewards.detach().sum(dim=0)
        measures = {
            "accuracy": float((seen > 0).sum()),
            "reward_margin": float(seen.sum()),
            "reward_chosen": float(means[0]),
            "reward_rejected": float(means[1]),
        }
        return Loss(-logsigmoid(margins).sum(), measures)


class KTO:
    """1 − σ(±(reward − z)) of each answer, + for a desirable one; equation 8 of the paper. The mean
    is over rows.

    z estimates how far the policy is from the base, β · KL: the mean reward of mismatched answers
    in the batch, not below 0, without a gradient (as in the paper and in TRL). desirable,
    undesirable: weights of the two kinds; the paper wants weight · count of one to be 1 to 4/3 of
    the other's.
    """

    def __init__(self, beta: float = 0.1, desirable: float = 1.0, undesirable: float = 1.0) -> None:
        self.beta = beta
        self.desirable, self.undesirable = desirable, undesirable

    def weight(self, batch: ComparisonBatch) -> float:
        """Rows."""
        return len(batch.desirable)

    def loss(self, model: Transformer, batch: ComparisonBatch) -> Loss:
        """One forward with gradients, and one without for the mismatched answers."""
        assert batch.mismatched is not None  # noqa: S101  # every batch of rated answers has them
        with torch.no_grad():
            mismatched = answer_log_probabilities(model, batch.mismatched)  # [r]
            drift = self.beta * (mismatched - batch.reference[:, 1]).mean().clamp(min=0)
        policy = answer_log_probabilities(model, batch.batch)  # [r]
        rewards = self.beta * (policy - batch.reference[:, 0])
        good = batch.desirable
        sign = torch.where(good, 1.0, -1.0)
        weights = torch.where(good, self.desirable, self.undesirable)
        losses = weights * (1 - torch.sigmoid(sign * (rewards - drift)))
        seen = rewards.detach()
        measures = {
            "accuracy": float((sign * (seen - drift) > 0).sum()),
            "reward_margin": float((sign * (seen - drift)).sum()),
            "drift": float(drift) * len(seen),
        }
        return Loss(losses.sum(), measures)


def kto_weights(desirable: NDArray[np.bool_]) -> tuple[float, float]:
    """Weights (desirable, undesirable) by which both kinds of answer count the same, the rarer one
    weighted up (section 4.2 of the KTO paper)."""
    good = int(desirable.sum())
    bad = len(desirable) - good
    if not good or not bad:
        return 1.0, 1.0
    return max(1.0, bad / good), max(1.0, good / bad)
