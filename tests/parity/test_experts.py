"""Models with experts, beyond what every family is tested for: packed documents, the balancing loss
and its gradients, and experts that are stored as one stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from miniclaude.errors import CheckpointError
from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.experts import balancing_loss, router_scores
from tests.parity.conftest import Pair, load_theirs, make_pair

WITH_EXPERTS = ["mixtral", "qwen2-moe", "qwen2-moe-some-layers", "qwen3-moe-some-layers"]
TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=WITH_EXPERTS)
def mixture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Each family with experts in turn."""
    return make_pair(request.param, tmp_path_factory.mktemp("experts"))


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=TOLERANCE, rtol=0)


@torch.no_grad()
def test_packed_documents(mixture: Pair) -> None:
    """Sorting tokens by expert must not carry anything from one document into another."""
    lengths = [13, 1, 26]
    ids = mixture.ids[:1]
    packed = mixture.ours(ids, DocumentsApart(lengths))
    alone = [mixture.theirs(each).logits for each in torch.split(ids, lengths, dim=1)]
    close(packed, torch.cat(alone, dim=1))


def test_training_with_the_balancing_loss(mixture: Pair) -> None:
    """Cross-entropy and a tenth of the balancing loss: the same numbers and the same gradients."""
    ours = load_model(mixture.folder).requires_grad_(True)
    theirs = load_theirs(mixture.folder)
    theirs.router_aux_loss_coef = 0.1
    answer = theirs(mixture.ids, labels=mixture.ids, output_router_logits=True)
    with router_scores(ours) as scores:
        logits = ours(mixture.ids)[:, :-1].flatten(0, 1)  # [B·(T-1), V]
    uneven = balancing_loss(scores, ours.config.experts_per_token)
    close(uneven, answer.aux_loss)
    loss = torch.nn.functional.cross_entropy(logits, mixture.ids[:, 1:].flatten()) + 0.1 * uneven
    close(loss, answer.loss)
    torch.autograd.backward(loss)
    torch.autograd.backward(answer.loss)
    layer = next(n for n in range(3) if ours.config.is_sparse(n))
    mlp: Any = ours.blocks[layer].mlp
    expected = theirs.model.layers[layer].mlp
    close(mlp.router.weight.grad, expected.gate.weight.grad)
    close(mlp.up.grad, expected.experts.gate_up_proj.grad)
    close(mlp.down.grad, expected.experts.down_proj.grad)
    if ours.config.shared_expert_width:
        close(mlp.shared_gate.weight.grad, expected.shared_expert_gate.weight.grad)


@torch.no_grad()
def test_experts_stored_as_one_stack(mixture: Pair, tmp_path: Path) -> None:
    """transformers 5 holds them so, and writes them so when it is asked not to convert."""
    mixture.theirs.save_pretrained(tmp_path, save_original_format=False)
    stored = load_file(tmp_path / "model.safetensors")
    assert any(name.endswith("experts.gate_up_proj") for name in stored)
    ours = load_model(tmp_path)
    assert torch.equal(ours(mixture.ids), mixture.ours(mixture.ids))
    save_model(ours, tmp_path / "apart")
    close(load_theirs(tmp_path / "apart")(mixture.ids).logits, mixture.theirs(mixture.ids).logits)


@pytest.mark.parametrize(
    "shape", [(4, 96, 32), (5, 95, 32), (5, 96, 16), (5, 96), (1 << 30, 96, 0)], ids=str
)
def test_a_stack_of_another_shape_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    """A stack of a thousand million experts, each of nothing, must not be cut into as many."""
    pair = make_pair("mixtral", tmp_path)
    folder = tmp_path / "stacked"
    pair.theirs.save_pretrained(folder, save_original_format=False)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.mlp.experts.gate_up_proj"] = torch.zeros(shape)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"layers\.0\.block_sparse_moe\.experts\.0\.w1"):
        load_model(folder)
