"""AdamW (Loshchilov & Hutter 2019), and what every optimizer here has.

The arithmetic is PyTorch's own fused kernel, so that the result is `torch.optim.AdamW`'s to the
last bit. The classes are ours because making one of `torch.optim` imports PyTorch's compiler:
70 MB and over a second, which tuning a small model on a CPU would feel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Optimizer:
    """param_groups: each a dict of `params` and their settings, `lr` among them. state: what is
    remembered of a parameter, by name. The attributes are those that `torch.amp.GradScaler` and
    PyTorch's learning-rate schedules know."""

    def __init__(self, groups: Iterable[Mapping[str, Any]], **defaults: float) -> None:
        self.param_groups = [
            {**defaults, **group, "params": list(group["params"])} for group in groups
        ]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}

    def step(self) -> None:
        """One update of the parameters that have a gradient."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def parameters(self) -> list[nn.Parameter]:
        """Of all groups, in order."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def tensors(self) -> dict[str, Tensor]:
        """The whole state, by `<parameter's place>.<name>`."""
        return {
            f"{place}.{name}": tensor
            for place, parameter in enumerate(self.parameters())
            for name, tensor in self.state.get(parameter, {}).items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """The state that `tensors` gave, onto the parameters' device. Raises KeyError for a
        parameter that is not there, or of another shape."""
        parameters = self.parameters()
        self.state = {}
        for key, tensor in tensors.items():
            place, name = key.split(".")
            if int(place) >= len(parameters):
                raise KeyError(f"the state of parameter {place}, of {len(parameters)}")
            parameter = parameters[int(place)]
            if tensor.ndim and tensor.shape != parameter.shape:
                raise KeyError(f"{key} of shape {tuple(parameter.shape)}")
            self.state.setdefault(parameter, {})[name] = tensor.to(parameter.device)


class AdamW(Optimizer):
    """Momentum over the root of the mean square, and weight decay apart from both.

    groups: with `params` and perhaps other settings than these. The state is float32's, like the
    parameters; its names are those of torch.optim.
    """

    def __init__(
        self,
        groups: Iterable[Mapping[str, Any]],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        beta1, beta2 = betas
        super().__init__(
            groups, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay
        )

    @torch.no_grad()
    def step(self) -> None:
        """One update of the parameters that have a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not moved:
                continue
            states = [self.state.get(parameter) or self._begin(parameter) for parameter in moved]
            counts = [state["step"] for state in states]
            torch._foreach_add_(counts, 1)
            torch._fused_adamw_(
                moved,
                [parameter.grad for parameter in moved],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                counts,
                lr=group["lr"],
                beta1=group["beta1"],
                beta2=group["beta2"],
                eps=group["eps"],
                weight_decay=group["weight_decay"],
                amsgrad=False,
                maximize=False,
            )

    def _begin(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """The state before the first step."""
        state = self.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
        return state
