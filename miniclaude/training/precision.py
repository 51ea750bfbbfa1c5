"""In which number format a step computes, and the loss scaling that float16 needs.

bfloat16 has float32's range and needs nothing. float16 ends at 65,504 and loses what is below
6e-8: gradients are multiplied by a large factor, which is halved whenever one overflows and that
step skipped, and doubled after many good steps (Micikevicius et al. 2018, section 3.2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from miniclaude.device import DTYPES
from miniclaude.training.adamw import Optimizer
from miniclaude.training.config import TrainingConfig


class Precision:
    """Autocast and, for float16, the scaler. The trained weights themselves are float32."""

    def __init__(self, config: TrainingConfig, device: torch.device) -> None:
        self.device = device
        self.dtype = DTYPES[config.autocast]
        half = config.autocast == "float16"
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)

    def autocast(self) -> torch.autocast:
        """To compute a loss in."""
        wanted = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype, enabled=wanted)

    def backward(self, loss: Tensor) -> None:
        """Add to every gradient, times the present factor."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def clip(
        self,
        parameters: list[nn.Parameter],
        optimizers: list[Optimizer],
        largest: float,
    ) -> float:
        """The norm of all gradients together, which are then at most `largest` (0: as they are).
        Infinite when a float16 gradient overflowed; `step` passes over such a step."""
        for optimizer in optimizers:
            self.scaler.unscale_(optimizer)  # type: ignore[arg-type]  # it has all that is asked
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if largest:
            nn.utils.clip_grads_with_norm_(parameters, largest, norm)
        return float(norm)

    def step(self, optimizers: list[Optimizer]) -> None:
        """One update of every optimizer, and gradients forgotten."""
        for optimizer in optimizers:
            self.scaler.step(optimizer)  # type: ignore[arg-type]
        self.scaler.update()
        for optimizer in optimizers:
            optimizer.zero_grad()

    @property
    def skips_overflow(self) -> bool:
        """Whether a gradient that is not finite only costs the step."""
        return bool(self.scaler.is_enabled())

    @property
    def scale(self) -> float:
        """The present factor; 1 without scaling."""
        return float(self.scaler.get_scale())

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(self.scaler.state_dict())

    def restore(self, values: dict[str, Any]) -> None:
        """The reverse of `as_dict`."""
        if values:
            self.scaler.load_state_dict(values)
