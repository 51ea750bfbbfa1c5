"""The mean of two models."""

from __future__ import annotations

from pathlib import Path

import torch

from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.library import bundled_models
from recipes.bundled.mean import mean


def test_it_lies_between_the_two(tmp_path: Path) -> None:
    """A share of the wrong side would ship the model that one wanted to leave."""
    bundled = (bundled_models() or Path()) / "mini-claude-11m"
    model = load_model(bundled)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    save_model(model, tmp_path / "zero", extra_config={"eos_token_id": [1]})
    mean(tmp_path / "zero", bundled, 0.75, tmp_path / "mean")
    first, second = load_model(bundled), load_model(tmp_path / "mean")
    for (name, whole), part in zip(first.named_parameters(), second.parameters(), strict=True):
        assert (part - 0.75 * whole).abs().max() <= whole.abs().max() / 100, name
    assert (tmp_path / "mean" / "tokenizer.json").is_file()
    assert (tmp_path / "mean" / "config.json").read_text().count("eos_token_id") == 1
