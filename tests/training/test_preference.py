"""DPO and KTO equal their equations, written out with padding on a model of their own."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from miniclaude.data.tokens import TokenDocument, TokenSet
from miniclaude.model.lora import LoraConfig, add_lora
from miniclaude.model.transformer import Transformer
from miniclaude.training.comparisons import ComparisonBatch, ComparisonBatches, Comparisons
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import train
from miniclaude.training.packing import pack_epochs
from miniclaude.training.preference import (
    DPO,
    KTO,
    answer_log_probabilities,
    kto_weights,
    reference_log_probabilities,
    token_log_probabilities,
)
from miniclaude.training.run_log import RunLog
from tests.training.tiny import tiny_model

PAIRS = [
    ([1, 2, 3, 4], [1, 2, 9], 2),
    ([5, 6, 7], [5, 6, 8, 10, 11], 2),
    ([3, 1, 2, 2], [3, 5, 5, 5], 1),
]
"""Two documents that share their first tokens, and how many; the rest is the answer."""


def document(ids: Sequence[int], prompt: int) -> TokenDocument:
    return TokenDocument(ids, [n >= prompt for n in range(len(ids))], len(ids))


def comparisons(desirable: list[bool] | None = None) -> Comparisons:
    """The pairs above, as preferences or as KTO's matched and mismatched answers."""
    documents = [document(ids, prompt) for *both, prompt in PAIRS for ids in both]
    return Comparisons(
        TokenSet.gather(documents), None if desirable is None else np.array(desirable)
    )


def changed(base: Transformer) -> Transformer:
    """A policy that has moved away from its base."""
    policy = copy.deepcopy(base)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return policy


def log_probability(model: Transformer, ids: Sequence[int], prompt: int) -> Tensor:
    """Written out, one padded row: Σ log p of the answer's tokens."""
    padded = torch.tensor([[*ids, *[0] * (8 - len(ids))]])  # [1, 8]; padding comes last, unseen
    scores = model(padded)[0].log_softmax(dim=-1)  # [8, V]
    return torch.stack([scores[n - 1, ids[n]] for n in range(prompt, len(ids))]).sum()


def reference_dpo(policy: Transformer, base: Transformer, beta: float) -> Tensor:
    """Equation 7: mean of −log σ(β (log π/π_ref (chosen) − log π/π_ref (rejected)))."""
    losses = []
    for chosen, rejected, prompt in PAIRS:
        with torch.no_grad():
            known = [log_probability(base, ids, prompt) for ids in (chosen, rejected)]
        better, worse = (log_probability(policy, ids, prompt) for ids in (chosen, rejected))
        losses.append(-logsigmoid(beta * ((better - known[0]) - (worse - known[1]))))
    return torch.stack(losses).mean()


def reference_kto(
    policy: Transformer,
    base: Transformer,
    beta: float,
    labels: list[bool],
    weights: tuple[float, float],
) -> Tensor:
    """Equation 8, with z the mean reward of the mismatched answers, not below 0."""
    with torch.no_grad():
        drift = torch.stack(
            [log_probability(policy, m, p) - log_probability(base, m, p) for _, m, p in PAIRS]
        )
        z = beta * drift.mean().clamp(min=0)
    losses = []
    for (ids, _, prompt), good in zip(PAIRS, labels, strict=True):
        with torch.no_grad():
            known = log_probability(base, ids, prompt)
        reward = beta * (log_probability(policy, ids, prompt) - known)
        value = torch.sigmoid(reward - z if good else z - reward)
        losses.append((weights[0] if good else weights[1]) * (1 - value))
    return torch.stack(losses).mean()


def whole_batch(data: Comparisons, base: Transformer) -> ComparisonBatch:
    known = data.with_reference(reference_log_probabilities(base, data, size=9))
    return ComparisonBatches(known, pack_epochs(known.lengths, size=1000))[0]


def gradients(model: Transformer, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters())))


def assert_same(one: Transformer, other: Transformer, first: Tensor, second: Tensor) -> None:
    torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-5)
    for a, b in zip(gradients(one, first), gradients(other, second), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


def test_dpo_is_its_equation() -> None:
    """Packed, with precomputed references, loss and every gradient are those of the paper: a token
    of the prompt counted, or a document attending to its neighbour, would show here."""
    base = tiny_model().eval()
    policy = changed(base)
    twin = copy.deepcopy(policy)
    loss = DPO(0.3).loss(policy, whole_batch(comparisons(), base))
    assert_same(policy, twin, loss.total / 3, reference_dpo(twin, base, 0.3))
    margin = loss.measures["reward_chosen"] - loss.measures["reward_rejected"]
    assert loss.measures["reward_margin"] == pytest.approx(margin, abs=1e-5)
    assert loss.measures["accuracy"] in (0, 1, 2, 3)


@pytest.mark.parametrize("labels", [[True, False, True], [False, False, False]])
def test_kto_is_its_equation(labels: list[bool]) -> None:
    """Also with a drift above zero, which must carry no gradient."""
    base = tiny_model().eval()
    policy = changed(base)
    with torch.no_grad():  # make the mismatched answers likelier, so that z is above 0
        policy.head.weight[[8, 9, 10, 11, 5]] *= 1.5
    twin = copy.deepcopy(policy)
    loss = KTO(0.3, 1.2, 0.7).loss(policy, whole_batch(comparisons(labels), base))
    wanted = reference_kto(twin, base, 0.3, labels, (1.2, 0.7))
    assert_same(policy, twin, loss.total / 3, wanted)
    assert loss.measures["drift"] >= 0


def test_a_policy_that_is_its_base_loses_log_two_and_a_half() -> None:
    base = tiny_model().eval()
    dpo = DPO().loss(base, whole_batch(comparisons(), base))
    assert float(dpo.total.detach()) / 3 == pytest.approx(np.log(2), abs=1e-5)
    kto = KTO().loss(base, whole_batch(comparisons([True, False, True]), base))
    assert float(kto.total.detach()) / 3 == pytest.approx(0.5, abs=1e-5)


def test_the_reference_is_the_base_with_its_adapter_off() -> None:
    """With the adapter left on, the reward of everything would stay zero."""
    model = tiny_model()
    alone = reference_log_probabilities(model, comparisons())
    add_lora(model, LoraConfig(r=2, alpha=4, dropout=0.5))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    model.train()
    np.testing.assert_allclose(reference_log_probabilities(model, comparisons()), alone, rtol=1e-5)
    assert model.training
    batch = whole_batch(comparisons(), model)
    adapted = answer_log_probabilities(model.eval(), batch.batch).detach().numpy()
    assert np.abs(adapted - alone).max() > 0.1


def test_scores_a_few_rows_at_a_time_are_all_scores_at_once() -> None:
    model = tiny_model()
    states, targets = torch.randn(7, 16), torch.arange(7)
    few = token_log_probabilities(model.head, states, targets, chunk_bytes=4 * 24 * 2)
    torch.testing.assert_close(few, model.head(states).log_softmax(-1)[range(7), targets])


def test_training_makes_the_chosen_answers_win() -> None:
    """Through the real loop, with an adapter: the margin grows and every pair comes out right."""
    model = tiny_model()
    add_lora(model, LoraConfig(r=4, alpha=16))
    data = comparisons()
    known = data.with_reference(reference_log_probabilities(model, data))
    batches = ComparisonBatches(known, pack_epochs(known.lengths, size=20, batches=40))
    config = TrainingConfig(steps=20, accumulate=2, learning_rate=0.02, warmup=0)
    train(model, batches, config, objective=DPO(), log=RunLog())
    after = DPO().loss(model, ComparisonBatches(known, [np.arange(3)])[0])
    assert after.measures["accuracy"] == 3
    assert after.measures["reward_margin"] / 3 > 0.05


def test_kto_weighs_the_rarer_kind_up() -> None:
    assert kto_weights(np.array([True] * 3 + [False])) == (1.0, 3.0)
    assert kto_weights(np.array([True] * 3)) == (1.0, 1.0)


def test_training_without_the_reference_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="reference is to be computed"):
        ComparisonBatches(comparisons(), [np.arange(1)])[0]
