"""Training with experts: an even load, the same gradients every way, the same bits again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from miniclaude.data.batches import Batch
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.experts import Experts, balancing_loss, router_scores
from miniclaude.model.transformer import Transformer
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import train
from miniclaude.training.losses import Supervised
from miniclaude.training.memory import activations, needed, parameters
from miniclaude.training.muon import Muon
from miniclaude.training.recompute import blocks_recomputed
from miniclaude.training.spec import TuneSpec
from tests.training.test_loop import quiet
from tests.training.tiny import after, counting_batches, tiny_model

EXPERTS = 4
MIXTURE = dataclasses.replace(
    tiny_model().config,
    experts=EXPERTS,
    experts_per_token=1,
    expert_width=16,
    shared_expert_width=8,
)


def mixture(seed: int = 0) -> Transformer:
    model = Transformer(MIXTURE)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def some() -> Batch:
    return counting_batches()[0]


def gradients(model: Transformer, objective: Supervised) -> dict[str, Tensor]:
    model.zero_grad()
    torch.autograd.backward(objective.loss(model, some()).total)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_the_loss_grows_by_how_uneven_the_load_is() -> None:
    model, batch = mixture(), some()
    plain = Supervised().loss(model, batch)
    loss = Supervised(balance=0.5).loss(model, batch)
    with router_scores(model) as scores:
        model(batch.ids, DocumentsApart(batch.lengths))
    assert len(scores) == MIXTURE.layers
    uneven = loss.measures["balance"] / batch.trained
    assert uneven == pytest.approx(float(balancing_loss(scores, 1).detach()), rel=1e-5)
    expected = plain.total + 0.5 * batch.trained * uneven  # a mean over the tokens to learn
    torch.testing.assert_close(loss.total, expected)
    assert not plain.measures


def test_a_dense_model_is_trained_as_without_it() -> None:
    model = tiny_model()
    losses = [Supervised(balance).loss(model, some()) for balance in (0.0, 0.5)]
    assert torch.equal(losses[0].total, losses[1].total)
    assert not losses[1].measures


def test_recomputed_blocks_give_the_same_gradients() -> None:
    """The scores leave a block by the side door; its insides are still to be computed again."""
    model, objective = mixture(), Supervised(balance=0.5)
    expected = gradients(model, objective)
    with blocks_recomputed(model):
        found = gradients(model, objective)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], msg=name)
    without = gradients(model, Supervised())
    router = "blocks.0.mlp.router.weight"
    assert not torch.allclose(without[router], expected[router])


def busiest(model: Transformer) -> float:
    """The largest share of a layer's tokens that one expert gets."""
    with torch.no_grad(), router_scores(model) as scores:
        for number in range(10):
            model(counting_batches()[number].ids)
    layers = [torch.cat(scores[layer :: MIXTURE.layers]) for layer in range(MIXTURE.layers)]
    shares = [torch.bincount(each.argmax(-1), minlength=EXPERTS) / len(each) for each in layers]
    return float(torch.stack(shares).max())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_evens_the_load(optimizer: str) -> None:
    """A router that begins by sending nearly all to one expert stays so, unless it costs."""
    shares: dict[float, float] = {}
    for balance in (0.0, 0.3):
        model = mixture()
        with torch.no_grad():
            for block in model.blocks:
                assert isinstance(block.mlp, Experts)
                block.mlp.router.weight.mul_(0.01)  # nothing to choose by ...
                block.get_parameter("mlp_norm.weight")[0] = 5.0
                block.mlp.router.weight[0, 0] = 0.3  # ... but for one dimension
        model.tokens.weight.data[:, 0] = 0.2
        config = TrainingConfig(steps=60, optimizer=optimizer, balance=balance, warmup=0)  # type: ignore[arg-type]
        assert busiest(model) > 0.9
        result = train(model, counting_batches(), config, log=quiet())
        assert result.ended == "finished"
        shares[balance] = busiest(model)
    assert shares[0.3] < 0.6, "of four experts, none gets most of the tokens"
    assert shares[0.0] > shares[0.3] + 0.2


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_killed_and_resumed_is_the_same_as_uninterrupted(tmp_path: Path, optimizer: str) -> None:
    """Bit for bit: gradients of tokens that share an expert are added in a fixed order."""
    config = TrainingConfig(steps=8, optimizer=optimizer, checkpoint_every=2)  # type: ignore[arg-type]
    whole, parts = mixture(), mixture()
    train(whole, counting_batches(), config, log=quiet())
    train(parts, counting_batches(), config, folder=tmp_path, log=quiet(), control=after(5))
    resumed = mixture(seed=3)
    train(resumed, counting_batches(), config, folder=tmp_path, log=quiet())
    for (name, one), (_, other) in zip(
        whole.named_parameters(), resumed.named_parameters(), strict=True
    ):
        assert torch.equal(one, other), name


def test_muon_takes_each_expert_by_itself() -> None:
    """Made orthogonal together, a busy expert would outvote the others."""
    stack = torch.randn(3, 8, 5, generator=torch.Generator().manual_seed(0))
    together = torch.nn.Parameter(torch.zeros(3, 8, 5))
    apart = [torch.nn.Parameter(torch.zeros(8, 5)) for _ in range(3)]
    together.grad = stack.clone()
    for matrix, gradient in zip(apart, stack, strict=True):
        matrix.grad = gradient.clone()
    Muon([together]).step()
    Muon(apart).step()
    torch.testing.assert_close(together, torch.stack(list(apart)), atol=1e-3, rtol=0)


def test_half_precision_learns_too() -> None:
    model = mixture()
    config = TrainingConfig(
        steps=60, learning_rate=0.02, warmup=0, autocast="bfloat16", gradient_checkpointing=True
    )
    before = float(Supervised().loss(model, some()).total.detach())
    assert train(model, counting_batches(), config, log=quiet()).ended == "finished"
    assert float(Supervised().loss(model, some()).total.detach()) < before / 2
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_without_a_dense_mlp_there_is_nothing_to_compile() -> None:
    model, config = mixture(), TrainingConfig(steps=1, compile=True)
    assert train(model, counting_batches(), config, log=quiet()).steps == 1


def test_memory_counts_all_experts_and_the_insides_of_those_asked() -> None:
    sizes = {count: dataclasses.replace(MIXTURE, experts=count) for count in (4, 8)}
    for config in sizes.values():
        total = sum(parameter.numel() for parameter in Transformer(config).parameters())
        assert sum(parameters(config)) == total
    spec = TuneSpec(method="full")
    one, two = (needed(config, spec, 1000) for config in sizes.values())
    more = 4 * 4 * 4 * MIXTURE.layers * (3 * 16 * 16 + 16)  # weights, gradients, two moments
    assert two.weights + two.training - one.weights - one.training == more
    scores = 2 * 4 * 4 * MIXTURE.layers * 1000
    assert two.activations - one.activations == scores, "idle experts keep nothing"
    asked = dataclasses.replace(MIXTURE, experts_per_token=2)
    assert activations(asked, spec, 1000) > activations(MIXTURE, spec, 1000)
