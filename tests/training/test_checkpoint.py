"""A checkpoint is whole or absent, and only fits its own run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from miniclaude.errors import CheckpointError
from miniclaude.training.checkpoint import checkpoints, load_latest, save_checkpoint
from miniclaude.training.config import TrainingConfig
from miniclaude.training.optim import make_optimizers
from tests.training.tiny import tiny_model

CONFIG = TrainingConfig(steps=1)


def test_the_newest_whole_checkpoint_is_read_and_old_ones_go(tmp_path: Path) -> None:
    """A draft left by a crash must never be taken for a checkpoint."""
    model = tiny_model()
    optimizers = make_optimizers(model, CONFIG)
    for step in (5, 90, 100):
        with torch.no_grad():
            model.norm.weight.fill_(step)  # type: ignore[operator]
        save_checkpoint(tmp_path, step, model, optimizers, numbers={"seconds": step / 10})
    (tmp_path / "step-00000200.partial").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000090", "step-00000100"]
    other = tiny_model(seed=1)
    saved = load_latest(tmp_path, other, make_optimizers(other, CONFIG))
    assert (saved.step, saved.numbers["seconds"]) == (100, 10.0)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_an_empty_folder_is_a_fresh_start(tmp_path: Path) -> None:
    model = tiny_model()
    assert load_latest(tmp_path / "none", model, make_optimizers(model, CONFIG)).step == 0


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    model = tiny_model()
    optimizers = make_optimizers(model, CONFIG)
    weights = save_checkpoint(tmp_path, 1, model, optimizers) / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match="its hash differs"):
        load_latest(tmp_path, model, optimizers)


def test_another_model_is_refused(tmp_path: Path) -> None:
    model = tiny_model()
    save_checkpoint(tmp_path, 1, model, make_optimizers(model, CONFIG))
    other = torch.nn.Linear(3, 3)
    with pytest.raises(CheckpointError, match="does not fit this run"):
        load_latest(tmp_path, other, make_optimizers(other, CONFIG))
