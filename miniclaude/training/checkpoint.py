"""Stop anywhere, go on as if nothing had happened: weights, optimizer state and step on disk.

A checkpoint is a folder `step-00000120` of two safetensors files and a manifest with their
hashes. It is written under another name, flushed to the disk and renamed, so that a folder of that
name is always whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from miniclaude.errors import CheckpointError

FILES = ("weights.safetensors", "optimizer.safetensors")
MANIFEST = "manifest.json"


def optimizer_tensors(optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The state of every optimizer, by `<optimizer>.<parameter>.<name>`."""
    return {
        f"{number}.{index}.{name}": tensor
        for number, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for name, tensor in state.items()
    }


def restore_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], tensors: dict[str, Tensor]
) -> None:
    """Give each optimizer the state that `optimizer_tensors` took from its like."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for key, tensor in tensors.items():
        number, index, name = key.split(".")
        states[int(number)].setdefault(int(index), {})[name] = tensor
    for optimizer, state in zip(optimizers, states, strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    *,
    seconds: float = 0.0,
    keep: int = 2,
) -> Path:
    """Write `folder/step-<step>`, whole or not at all; then drop all but the newest `keep`.

    step: how many steps are done. seconds: how long they took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{step:08d}"
    draft = folder / f"{final.name}.partial"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    weights = {name: tensor.detach() for name, tensor in model.named_parameters()}
    hashes: dict[str, str] = {}
    for name, tensors in zip(FILES, (weights, optimizer_tensors(optimizers)), strict=True):
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, draft / name)
        _flush(draft / name)
        hashes[name] = _sha256(draft / name)
    manifest = json.dumps({"step": step, "seconds": seconds, "sha256": hashes}, indent=1)
    (draft / MANIFEST).write_text(manifest, encoding="utf-8")
    _flush(draft / MANIFEST)
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    _flush(folder)
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(
        path for path in folder.glob("step-*") if path.suffix != ".partial" and path.is_dir()
    )


def load_latest(
    folder: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[int, float]:
    """Restore the newest checkpoint and return how many steps it has done, and in how many
    seconds; zeros when there is none.

    Raises CheckpointError when it is damaged or belongs to another model.
    """
    found = checkpoints(folder)
    if not found:
        return 0, 0.0
    newest = found[-1]
    try:
        manifest = json.loads((newest / MANIFEST).read_text(encoding="utf-8"))
        for name in FILES:
            if _sha256(newest / name) != manifest["sha256"][name]:
                raise CheckpointError(
                    f"{newest / name} is not what was written: its hash differs.",
                    hint=f"Remove {newest} to go on from the checkpoint before it.",
                )
        weights, state = (load_file(newest / name) for name in FILES)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if weights[name].shape != parameter.shape:
                    raise KeyError(f"{name} of shape {tuple(parameter.shape)}")
                parameter.copy_(weights[name])
        restore_optimizers(optimizers, state)
        return int(manifest["step"]), float(manifest["seconds"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{newest} does not fit this run: {error}.",
            hint="Resume with the model and optimizer it was made with, or use another folder.",
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
