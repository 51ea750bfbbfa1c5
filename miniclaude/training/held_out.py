"""What an objective makes of text it does not learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from miniclaude.device import DTYPES
from miniclaude.model.transformer import Transformer
from miniclaude.training.objective import BatchSource, Objective


def mean_loss(
    objective: Objective[Any], batches: BatchSource[Any], precision: str
) -> Callable[[Transformer], dict[str, float]]:
    """An evaluation: the objective's mean `loss`, and its other measures, over all batches."""
    dtype = DTYPES[precision]

    @torch.no_grad()
    def evaluate(model: Transformer) -> dict[str, float]:
        device = next(model.parameters()).device
        sums: dict[str, float] = {"loss": 0.0}
        whole = 0.0
        for number in range(len(batches)):
            batch = batches[number].to(device)
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                loss = objective.loss(model, batch)
            whole += objective.weight(batch)
            for name, value in {"loss": float(loss.total), **loss.measures}.items():
                sums[name] = sums.get(name, 0.0) + value
        return {name: value / max(whole, 1e-9) for name, value in sums.items()}

    return evaluate
