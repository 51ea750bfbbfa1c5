"""A tuned model of a few kilobytes, on the tiny checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from miniclaude.model.adapter import save_adapter
from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.lora import LoraConfig, add_lora, fold, lora_parameters
from miniclaude.model.tuned import new_id, publish


def write_tiny_adapter(
    base: Path,
    adapters: Path,
    *,
    base_name: str = "tiny",
    suffix: str = "mine",
    seed: int = 1,
    strength: float = 1.0,
    whole: bool = False,
    dora: bool = False,
    companions: Iterable[Path] = (),
) -> str:
    """Tune the model in the folder `base` by chance and publish the result: its name.

    whole: as a whole model, not as an adapter. strength: how large its numbers are; those of 1 make
    a base of small weights say anything, and its scores follow every rounding.
    """
    model = load_model(base)
    targets = ("q_proj", "v_proj", "down_proj")
    add_lora(model, LoraConfig(r=4, alpha=16, targets=targets, dora=dora))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in lora_parameters(model):
            parameter.copy_(strength * torch.randn(parameter.shape, generator=generator))
    staging = adapters / ".making"
    if whole:
        fold(model)
        files = [path for path in base.iterdir() if path.name.startswith("tokenizer")]
        save_model(model, staging, extra_config={"eos_token_id": 2}, companions=files)
    else:
        save_adapter(model, staging, base=base_name, companions=companions)
    tuned = publish(
        staging,
        adapters,
        base=base_name,
        org="us",
        suffix=suffix,
        method="full" if whole else "lora",
        model_id=new_id(),
    )
    return tuned.name
