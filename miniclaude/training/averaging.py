"""An exponential moving average of the weights, which often predicts better than the last ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """What a run changes, by name: the parameters that take a gradient."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


class MovingAverage:
    """average ← decay · average + (1 − decay) · weights, after each step.

    decay: 0.999 remembers about the last thousand steps. It is held below (1 + n) / (10 + n) after
    n steps, so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors: dict[str, Tensor] = {
            name: parameter.detach().clone()
            for name, parameter in trained_parameters(model).items()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in trained_parameters(model).items():
            self.tensors[name].lerp_(parameter, 1 - decay)

    @contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """While it is open, the model has the average for its weights."""
        self.swap(model)
        try:
            yield
        finally:
            self.swap(model)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchange the model's weights and the average."""
        for name, parameter in trained_parameters(model).items():
            kept = parameter.detach().clone()
            parameter.copy_(self.tensors[name])
            self.tensors[name] = kept
