"""Muon's direction is orthogonal, and it learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from miniclaude.training.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)])
def test_singular_values_come_close_to_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    values = torch.linalg.svdvals(orthogonalise(matrix).float())
    assert values.min() > 0.4
    assert values.max() < 1.4


def test_the_direction_keeps_the_gradients_singular_vectors() -> None:
    """A wrong transpose would give a matrix of the right shape that points elsewhere."""
    matrix = torch.randn(12, 6, generator=torch.Generator().manual_seed(1))
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    closeness = torch.nn.functional.cosine_similarity(
        orthogonalise(matrix).float().flatten(), (u @ vt).flatten(), dim=0
    )
    assert closeness > 0.95


def test_a_linear_map_is_learnt() -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(6, 4, generator=generator)
    inputs = torch.randn(64, 4, generator=generator)
    weight = nn.Parameter(torch.zeros(6, 4))
    optimizer = Muon([weight], lr=0.05)
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        loss = ((inputs @ weight.T - inputs @ wanted.T) ** 2).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    assert loss.item() < 0.01
    assert ((wanted**2).mean()).item() > 0.5
