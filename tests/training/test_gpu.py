"""Training on a GPU gives what the CPU gives. Skipped where there is none."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from miniclaude.training.attention import PackedDocuments, packed_attention
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import train
from miniclaude.training.muon import Muon
from tests.training.test_attention import LENGTHS, reference
from tests.training.tiny import counting_batches, tiny_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_packed_attention_is_that_of_the_equation(dtype: torch.dtype, kv_heads: int) -> None:
    """All documents go through one kernel that is told where each begins: a bound off by one, or
    heads in another order, would let one document read the next."""
    rows = torch.randn(1, sum(LENGTHS), 4 + 2 * kv_heads, 16, device="cuda")
    upstream = torch.randn(1, 4, sum(LENGTHS), 16, device="cuda")
    results = []
    for function in (packed_attention, reference):
        given = rows.to(dtype).requires_grad_()
        q, k, v = torch.split(given, [4, kv_heads, kv_heads], dim=2)  # [1, T, H or K, D]
        [segment] = PackedDocuments(LENGTHS, "cuda").extend(0, k, v)
        mixed = function(q.transpose(1, 2), segment, None)
        mixed.backward(upstream.to(dtype))  # type: ignore[no-untyped-call]
        assert given.grad is not None
        results.append((mixed.detach(), given.grad))
    rtol, atol = (1e-4, 1e-4) if dtype == torch.float32 else (0.02, 0.06)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_on_the_gpu_learns_what_one_on_the_cpu_does(optimizer: str) -> None:
    """Whatever is built on one device and used on the other shows here, compiled parts too."""
    batches = counting_batches()
    config = TrainingConfig(steps=60, optimizer="muon", learning_rate=0.01, warmup=5)
    if optimizer == "adamw":
        config = replace(config, optimizer="adamw")
    losses = []
    for device, changes in (("cpu", {}), ("cuda", {"autocast": "bfloat16", "compile": True})):
        model = tiny_model().to(device)
        train(model, batches, replace(config, **changes))  # type: ignore[arg-type]
        batch = batches[70].to(torch.device(device))
        with torch.no_grad():
            states = model(batch.ids).float()  # [1, T, V]
            loss = torch.nn.functional.cross_entropy(states[0], batch.targets[0])
        losses.append(float(loss))
    assert abs(losses[0] - losses[1]) < 0.15


def test_matrices_of_one_shape_move_as_each_would_alone() -> None:
    """On a GPU they are made orthogonal as a stack; a norm over the whole stack would shrink every
    step by its size."""
    generator = torch.Generator().manual_seed(0)
    alone = [torch.nn.Parameter(torch.randn(6, 4, generator=generator)) for _ in range(3)]
    together = [torch.nn.Parameter(p.detach().clone().cuda()) for p in copy.deepcopy(alone)]
    for parameters in (alone, together):
        for number, parameter in enumerate(parameters):
            drawn = torch.Generator().manual_seed(number)
            parameter.grad = torch.randn(6, 4, generator=drawn).to(parameter.device)
        Muon(parameters, lr=0.1).step()
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one.data, other.data.cpu(), atol=0.01, rtol=0.02)
