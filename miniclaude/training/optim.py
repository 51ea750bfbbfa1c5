"""Which parameters are trained how, and how fast at which step."""

from __future__ import annotations

import math

from torch import nn

from miniclaude.training.adamw import AdamW, Optimizer
from miniclaude.training.config import TrainingConfig
from miniclaude.training.muon import Muon


def learning_rate_factor(step: int, progress: float, config: TrainingConfig) -> float:
    """Of the peak rate, at step 0, 1, …: rises over `warmup`, then follows the schedule down to
    `final_rate`. progress: how much of the run is done, from 0 to 1."""
    rise = min(1.0, (step + 1) / (config.warmup + 1))
    if config.schedule == "constant" or (config.schedule == "trapezoid" and not config.decay):
        return rise
    if config.schedule == "trapezoid":
        left = (1 - progress) / config.decay
    else:
        risen = config.warmup / config.steps  # the part of the run that the rise takes
        left = min(1.0, (1 - progress) / max(1 - risen, 1e-9))
        if config.schedule == "cosine":
            left = (1 - math.cos(math.pi * left)) / 2
    fall = config.final_rate + (1 - config.final_rate) * left
    return max(0.0, min(rise, fall))


def make_optimizers(model: nn.Module, config: TrainingConfig) -> list[Optimizer]:
    """AdamW for what takes a gradient, and Muon where the configuration
    asks for it.

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
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.ndim >= 2 and id(parameter) not in embeddings  # experts are stacks
        (matrices if is_matrix else others).append(parameter)
    groups = [{"params": others, "weight_decay": 0.0}]
    if config.optimizer == "adamw":
        groups.append({"params": matrices, "weight_decay": config.weight_decay})
    optimizers: list[Optimizer] = [
        AdamW(groups, lr=config.learning_rate, betas=config.betas, eps=config.epsilon)
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
    optimizers: list[Optimizer], step: int, progress: float, config: TrainingConfig
) -> None:
    """Give every group its rate at this step."""
    factor = learning_rate_factor(step, progress, config)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
