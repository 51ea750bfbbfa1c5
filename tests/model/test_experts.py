"""Experts: the fast path against the definition, what the router says, and an even load."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from miniclaude.errors import CheckpointError
from miniclaude.model.config import MOST_EXPERTS
from miniclaude.model.experts import (
    Experts,
    balancing_loss,
    choose,
    fast_mixture,
    reference_mixture,
    router_scores,
)
from miniclaude.model.transformer import Transformer
from tests.model.models import LLAMA, MIXTURE, random_ids, random_model


def experts_of(model: Transformer) -> list[Experts]:
    return [module for module in model.modules() if isinstance(module, Experts)]


def answer(experts: Experts, x: Tensor, chosen: Tensor | None, mix: Any) -> list[Tensor]:
    """What a mixture says and every gradient of it. chosen: by the router where None."""
    experts.zero_grad()
    x = x.clone().requires_grad_()
    scores = experts.router(x)
    weights, likeliest = choose(scores, experts.config)
    y = mix(experts, x, weights, likeliest if chosen is None else chosen)
    torch.autograd.backward((y * torch.arange(y.numel()).view(y.shape).cos()).sum())
    gradients = [x.grad, experts.up.grad, experts.down.grad, experts.router.weight.grad]
    return [y, *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize(
    ("tokens", "chosen"),
    [(9, None), (1, None), (4, [[3, 1]] * 4), (3, [[0, 4], [4, 0], [2, 4]])],
    ids=["routed", "one token", "experts that nobody asks", "in any order"],
)
def test_fast_is_the_definition(tokens: int, chosen: list[list[int]] | None) -> None:
    """Sorting by expert and back must not mix up tokens, nor their gradients."""
    experts = experts_of(random_model(MIXTURE))[0]
    x = torch.randn(tokens, MIXTURE.width, generator=torch.Generator().manual_seed(1))
    asked = None if chosen is None else torch.tensor(chosen)
    expected = answer(experts, x, asked, reference_mixture)
    found = answer(experts, x, asked, fast_mixture)
    assert len(found) == len(expected) == 5
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_whole_model_by_the_definition() -> None:
    model, ids = random_model(MIXTURE), random_ids(2, 11)
    fast = model(ids)
    for experts in experts_of(model):
        experts.mix = reference_mixture
    torch.testing.assert_close(model(ids), fast, atol=1e-5, rtol=0)


def test_weights_of_the_chosen() -> None:
    """Mixtral's softmax over the chosen scores is the renormalised softmax over all."""
    scores = torch.tensor([[1.0, 3.0, 2.0, -1.0, 0.0]])
    weights, chosen = choose(scores, MIXTURE)
    assert chosen.tolist() == [[1, 2]]
    torch.testing.assert_close(weights, scores.softmax(-1)[:, [1, 2]])
    weights, _ = choose(scores, dataclasses.replace(MIXTURE, norm_topk=True))
    torch.testing.assert_close(weights, torch.tensor([[3.0, 2.0]]).softmax(-1))


@torch.no_grad()
def test_one_expert_of_one_is_a_dense_model() -> None:
    """With the same weights: whatever the router says, its one expert counts for all."""
    config = dataclasses.replace(LLAMA, experts=1, experts_per_token=1, expert_width=24)
    sparse, dense = Transformer(config).eval(), random_model(LLAMA)
    weights = dense.state_dict()
    for layer in range(LLAMA.layers):
        for name in ("up", "down"):
            stacked = weights.pop(f"blocks.{layer}.mlp.{name}.weight")[None]
            weights[f"blocks.{layer}.mlp.{name}"] = stacked
        weights[f"blocks.{layer}.mlp.router.weight"] = torch.ones(1, LLAMA.width)
    sparse.load_state_dict(weights)
    ids = random_ids(2, 9)
    torch.testing.assert_close(sparse(ids), dense(ids), atol=1e-5, rtol=0)


@torch.no_grad()
def test_scores_are_float32_where_weights_are_not() -> None:
    """Rounded scores would send tokens to other experts, and autocast would round them."""
    experts = experts_of(random_model(MIXTURE))[0]
    x = torch.randn(6, MIXTURE.width, generator=torch.Generator().manual_seed(1))
    exact = experts.router(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(experts.router(x), exact)
        assert experts(x[None]).dtype == torch.float32
    assert experts.bfloat16().router(x.bfloat16()).dtype == torch.float32
    assert experts(x[None].bfloat16()).dtype == torch.bfloat16


@torch.no_grad()
def test_fresh_weights_fill_the_stacks() -> None:
    model = Transformer(dataclasses.replace(MIXTURE, width=64, expert_width=64))
    model.initialise(torch.Generator().manual_seed(0))
    [experts] = experts_of(model)
    assert float(experts.up.std()) == pytest.approx(0.02, rel=0.1)
    assert float(experts.down.std()) == pytest.approx(0.01, rel=0.1)
    assert float(experts.router.weight.std()) == pytest.approx(0.02, rel=0.2)


def test_what_a_token_costs() -> None:
    """Total less idle is what a model that has only the experts asked would have."""
    model = random_model(MIXTURE)
    small = random_model(dataclasses.replace(MIXTURE, experts=2))
    routers = 3 * MIXTURE.width  # a router scores the idle experts too
    counts = [sum(p.numel() for p in each.parameters()) for each in (model, small)]
    assert counts[0] - MIXTURE.idle_parameters == counts[1] + routers
    assert LLAMA.idle_parameters == 0


def test_balancing_loss_is_least_where_the_load_is_even() -> None:
    even = torch.eye(4).repeat(3, 1) * 9  # [12, 4]: each expert is asked by three tokens
    assert float(balancing_loss([even], 1)) == pytest.approx(1)
    assert float(balancing_loss([even, even], 2)) == pytest.approx(2)
    uneven = torch.tensor([[9.0, 0.0, 0.0, 0.0]]).repeat(12, 1)
    assert float(balancing_loss([uneven], 1)) == pytest.approx(4, rel=1e-2)


def test_balancing_loss_pulls_at_the_busy_expert() -> None:
    scores = torch.tensor([[1.0, 0.5, 0.0]] * 5, requires_grad=True)
    torch.autograd.backward(balancing_loss([scores], 1))
    assert scores.grad is not None
    assert float(scores.grad[:, 0].min()) > 0, "its score must fall"
    assert float(scores.grad[:, 1:].max()) < 0


def test_scores_are_kept_while_asked_for() -> None:
    """A hook that stayed would keep every step's scores in memory for ever."""
    model, ids = random_model(MIXTURE, sparse_layers=(True, True)), random_ids(1, 6)
    with router_scores(model) as scores:
        model(ids)
    assert [tuple(each.shape) for each in scores] == [(6, 5), (6, 5)]
    assert all(each.requires_grad for each in scores)
    with pytest.raises(IndexError), router_scores(model) as interrupted:
        model(ids + MIXTURE.vocab_size)
    model(ids)
    assert (len(scores), len(interrupted)) == (2, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"experts": 1 << 11}, "experts is 2048; it must be from 1 to 1,024"),
        ({"expert_width": 0}, "expert_width is 0"),
        ({"shared_expert_width": -1}, "shared_expert_width is -1"),
        ({"experts_per_token": 6}, "from 1 to the number of experts, 5"),
        ({"experts_per_token": 0}, "experts_per_token is 0"),
        ({"sparse_layers": (True,)}, "sparse_layers has 1 entries for 2 layers"),
        ({"sparse_layers": (False, False)}, "no layer is sparse"),
        ({"experts": 0}, "other settings speak of experts"),
        (
            {"experts": 1024, "layers": 80, "windows": (), "sparse_layers": ()},
            f"1024 experts in 80 layers are more than {MOST_EXPERTS:,}",
        ),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        dataclasses.replace(MIXTURE, **changes)
    assert words in caught.value.message
    assert "Correct the settings of the experts" in caught.value.hint


def test_every_layer_is_sparse_unless_it_is_said() -> None:
    assert dataclasses.replace(MIXTURE, sparse_layers=()).sparse_layers == (True, True)
    assert not LLAMA.sparse_layers
    with pytest.raises(CheckpointError, match="some layers are to be sparse"):
        dataclasses.replace(LLAMA, sparse_layers=(True, True))
