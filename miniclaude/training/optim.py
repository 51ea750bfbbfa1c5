"""Which parameters are trained how, and how fast at which step."""

from __future__ import annotations

import torch
from torch import nn

from miniclaude.training.config import TrainingConfig
from miniclaude.training.muon import Muon


def learning_rate_factor(step: int, progress: float, config: TrainingConfig) -> float:
    """Of the peak rate, at step 0, 1, …: rises over `warmup`, stays, falls over the last `decay` of
    the run to `final_rate`. progress: how much of the run is done, from 0 to 1."""
    rise = min(1.0, (step + 1) / (config.warmup + 1))
    if not config.decay:
        return rise
    fall = config.final_rate + (1 - config.final_rate) * (1 - progress) / config.decay
    return max(0.0, min(rise, fall))


def make_optimizers(model: nn.Module, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """AdamW (Loshchilov & Hutter 2019), and Muon where the configuration asks for it.

    Weight decay is for matrices only: norms and biases have no use for it, and embeddings see a
    gradient on few rows a step while decay would shrink them all.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    for parameter in model.parameters():
        is_matrix = parameter.ndim == 2 and id(parameter) not in embeddings
        (matrices if is_matrix else others).append(parameter)
    groups = [{"params": others, "weight_decay": 0.0}]
    if config.optimizer == "adamw":
        groups.append({"params": matrices, "weight_decay": config.weight_decay})
    rate = config.learning_rate
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=rate, betas=config.betas, eps=1e-10, fused=True)
    ]
    if config.optimizer == "muon":
        optimizers.append(
            Muon(matrices, lr=config.muon_learning_rate, weight_decay=config.weight_decay)
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def set_learning_rates(
    optimizers: list[torch.optim.Optimizer], step: int, progress: float, config: TrainingConfig
) -> None:
    """Give every group its rate at this step."""
    factor = learning_rate_factor(step, progress, config)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
