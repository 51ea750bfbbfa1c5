"""Muon: momentum whose direction is made orthogonal, for weight matrices (Keller Jordan 2024).

A gradient matrix is usually dominated by few directions. Replacing the momentum U S Vᵀ by nearly
U Vᵀ gives every direction the same say, so that a step teaches more.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor, nn

from miniclaude.training.adamw import Optimizer
from miniclaude.training.machine import has_fast_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial a s + b s³ + c s⁵, chosen to lift small singular values fast; repeated, it
leaves all of them between about 0.7 and 1.2."""


@cache
def product_format(device: torch.device) -> torch.dtype:
    """bfloat16, whose digits suffice, unless this device would have to emulate it."""
    return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32


def orthogonalise(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Nearly U Vᵀ of matrix = U S Vᵀ, by Newton-Schulz steps; of a stack, of each of its matrices.
    [..., m, n] -> [..., m, n], in bfloat16, or in float32 where that is the faster."""
    a, b, c = COEFFICIENTS
    x: Tensor = matrix.to(product_format(matrix.device))
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """For matrices, and stacks of them.

    momentum: Nesterov's. weight_decay: decoupled, times the learning rate, as in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        groups = [{"params": list(parameters)}]
        super().__init__(groups, lr=lr, momentum=momentum, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients at hand."""
        for group in self.param_groups:
            for alike in _together([p for p in group["params"] if p.grad is not None]):
                ahead = [self._direction(p, group["momentum"]) for p in alike]
                directions = (
                    orthogonalise(torch.stack(ahead))
                    if len(ahead) > 1
                    else orthogonalise(ahead[0])[None]
                )
                for parameter, direction in zip(alike, directions, strict=True):
                    # A tall matrix's rows would otherwise move less than a wide one's.
                    scale = max(1.0, parameter.shape[-2] / parameter.shape[-1]) ** 0.5
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(direction, alpha=-group["lr"] * scale)

    def _direction(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """The gradient ahead of the momentum, which it is added to."""
        assert parameter.grad is not None  # noqa: S101  # step has looked
        state = self.state.setdefault(parameter, {})
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        velocity = state["momentum"]
        velocity.lerp_(parameter.grad, 1 - momentum)
        ahead: Tensor = parameter.grad.lerp(velocity, momentum)
        return ahead


def _together(parameters: list[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Which matrices are made orthogonal in one go: on a GPU those of one shape, since a small
    matrix keeps but a corner of it busy; elsewhere each by itself."""
    groups: dict[object, list[nn.Parameter]] = {}
    for parameter in parameters:
        key = (parameter.shape, parameter.device) if parameter.is_cuda else id(parameter)
        groups.setdefault(key, []).append(parameter)
    return list(groups.values())
