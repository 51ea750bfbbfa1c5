"""Stop anywhere, go on as if nothing had happened: what a run has learned, on disk.

A checkpoint is a folder `step-00000120` of safetensors files and a manifest with their hashes and
the small numbers of the run. It holds what is trained and nothing else: of a run with adapters, the
adapters, and of the base only a fingerprint. It is written under another name, flushed to the disk
and renamed, so that a folder of that name is always whole. The best weights so far lie beside it,
in `best-00000100`.

No random state is kept: each step draws from a generator seeded by its own number.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from miniclaude.errors import NO_ROOM, CheckpointError, DiskFullError
from miniclaude.model.new_file import flush_to_disk, sha256_of
from miniclaude.training.adamw import Optimizer
from miniclaude.training.averaging import trained_parameters

WEIGHTS, OPTIMIZER, AVERAGE = "weights.safetensors", "optimizer.safetensors", "ema.safetensors"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that was read. step: steps done. numbers: what the run gave `save_checkpoint`.
    average: the moving average of the weights, where there was one."""

    step: int = 0
    numbers: Mapping[str, Any] = field(default_factory=dict)
    average: Mapping[str, Tensor] = field(default_factory=dict)


def optimizer_tensors(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """The state of every optimizer, by `<optimizer>.<its own key>`."""
    return {
        f"{number}.{key}": tensor
        for number, optimizer in enumerate(optimizers)
        for key, tensor in optimizer.tensors().items()
    }


def restore_optimizers(optimizers: Sequence[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Give each optimizer the state that `optimizer_tensors` took from its like."""
    states: list[dict[str, Tensor]] = [{} for _ in optimizers]
    for key, tensor in tensors.items():
        number, _, rest = key.partition(".")
        states[int(number)][rest] = tensor
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.restore(state)


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    *,
    numbers: Mapping[str, object] | None = None,
    identity: Mapping[str, str] | None = None,
    average: Mapping[str, Tensor] | None = None,
    keep: int = 2,
) -> Path:
    """Write `folder/step-<step>`, whole or not at all; then drop all but the newest `keep`.

    step: how many steps are done. numbers: JSON values to be given back. identity: what the run is
    made of (base, data, settings), compared when it is taken up. Raises DiskFullError.
    """
    files: dict[str, Mapping[str, Tensor]] = {
        WEIGHTS: {name: p.detach() for name, p in trained_parameters(model).items()},
        OPTIMIZER: optimizer_tensors(optimizers),
    }
    if average:
        files[AVERAGE] = average
    facts = {"step": step, "identity": dict(identity or {}), "numbers": dict(numbers or {})}
    final = write_folder(folder / f"step-{step:08d}", files, facts)
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def save_best(folder: Path, step: int, model: nn.Module) -> None:
    """Write `folder/best-<step>`. Others stay until `drop_best`, for a checkpoint may name one."""
    weights = {name: p.detach() for name, p in trained_parameters(model).items()}
    write_folder(folder / f"best-{step:08d}", {WEIGHTS: weights}, {"step": step})


def drop_best(folder: Path, but: int) -> None:
    """Remove the best weights of all steps but one."""
    for old in folder.glob("best-*"):
        if old.name != f"best-{but:08d}":
            shutil.rmtree(old)


def load_best(folder: Path, step: int, model: nn.Module) -> None:
    """Give the model the weights that `save_best` kept. Raises CheckpointError."""
    kept = folder / f"best-{step:08d}"
    with _reading(kept):
        _restore_weights(model, _read(kept, WEIGHTS, _manifest(kept)))


def write_folder(
    final: Path, files: Mapping[str, Mapping[str, Tensor]], facts: Mapping[str, object]
) -> Path:
    """A folder of safetensors files and a manifest: `facts` and the files' hashes.

    Raises DiskFullError, before anything is written where that can be known, naming the folder
    and the bytes it needs.
    """
    needed = sum(tensor.nbytes + 256 for tensors in files.values() for tensor in tensors.values())
    draft = final.with_name(f"{final.name}.partial")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        if shutil.disk_usage(final.parent).free < needed:
            raise OSError(errno.ENOSPC, "not enough space left")
        draft.mkdir()
        hashes: dict[str, str] = {}
        for name, tensors in files.items():
            save_file({key: t.contiguous() for key, t in tensors.items()}, draft / name)
            flush_to_disk(draft / name)
            hashes[name] = sha256_of(draft / name)
        manifest = json.dumps({**facts, "sha256": hashes}, indent=1)
        (draft / MANIFEST).write_text(manifest, encoding="utf-8")
        flush_to_disk(draft / MANIFEST)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        flush_to_disk(final.parent)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not _is_no_room(error):
            raise
        free = shutil.disk_usage(final.parent).free
        raise DiskFullError(
            f"No room for the checkpoint {final}: it needs {needed:,} bytes and {free:,} are free.",
            hint=f"Free some space and start the run again: it goes on from {_resumable(final)}.",
        ) from error
    return final


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(
        path for path in folder.glob("step-*") if path.suffix != ".partial" and path.is_dir()
    )


def load_latest(
    folder: Path,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    identity: Mapping[str, str] | None = None,
) -> Saved:
    """Restore the newest checkpoint; nothing is done, and step is 0, when there is none.

    Raises CheckpointError when it is damaged, or belongs to another model, base, dataset or
    settings than `identity` names.
    """
    found = checkpoints(folder)
    if not found:
        return Saved()
    newest = found[-1]
    with _reading(newest):
        manifest = _manifest(newest)
        _require_same(newest, manifest.get("identity", {}), identity or {})
        weights, state = (_read(newest, name, manifest) for name in (WEIGHTS, OPTIMIZER))
        average = _read(newest, AVERAGE, manifest) if AVERAGE in manifest["sha256"] else {}
        _restore_weights(model, weights)
        restore_optimizers(optimizers, state)
        return Saved(int(manifest["step"]), manifest["numbers"], average)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn whatever a damaged or foreign checkpoint brings about into a CheckpointError."""
    try:
        yield
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{folder} does not fit this run: {error}.",
            hint="Resume with the model and optimizer it was made with, or use another folder.",
        ) from error


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def _read(folder: Path, name: str, manifest: Mapping[str, Any]) -> dict[str, Tensor]:
    if sha256_of(folder / name) != manifest["sha256"][name]:
        raise CheckpointError(
            f"{folder / name} is not what was written: its hash differs.",
            hint=f"Remove {folder} to go on from the checkpoint before it.",
        )
    tensors: dict[str, Tensor] = load_file(folder / name)
    return tensors


@torch.no_grad()
def _restore_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    trained = trained_parameters(model)
    if foreign := set(weights) - set(trained):
        raise KeyError(f"{min(foreign)}, which this run does not train")
    for name, parameter in trained.items():
        if weights[name].shape != parameter.shape:
            raise KeyError(f"{name} of shape {tuple(parameter.shape)}")
        parameter.copy_(weights[name])


def _require_same(folder: Path, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise CheckpointError, naming both, when a part of the run's identity has changed."""
    changed = [name for name in {**then, **now} if name in now and then.get(name) != now[name]]
    if changed:
        listed = "; ".join(f"{name} was {then.get(name)}, now {now[name]}" for name in changed)
        raise CheckpointError(
            f"{folder} belongs to another run: {listed}.",
            hint="Resume with what it was made with, or start anew in another folder.",
            param=changed[0],
            code="checkpoint_mismatch",
        )


def _is_no_room(error: Exception) -> bool:
    """safetensors wraps the system's error and leaves its number in the text."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return any(f"os error {number}" in str(error) for number in NO_ROOM)


def _resumable(final: Path) -> str:
    found = checkpoints(final.parent)
    return found[-1].name if found else "the beginning"
