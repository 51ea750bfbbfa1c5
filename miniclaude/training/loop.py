"""The training loop; there is no other.

Forward, loss over the tokens to learn, backward, clip, step. What is trained on what is assembled
by the caller: pretraining and chat tuning differ by their batches and configuration alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from miniclaude.data.batches import Batch
from miniclaude.device import DTYPES
from miniclaude.errors import SettingsError
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.transformer import MLP, Transformer
from miniclaude.training.checkpoint import load_latest, save_checkpoint
from miniclaude.training.config import TrainingConfig
from miniclaude.training.optim import make_optimizers, set_learning_rates
from miniclaude.training.run_log import RunLog, duration

Evaluate = Callable[[Transformer], Mapping[str, float]]


class BatchSource(Protocol):
    """Batches by number, so that a run can be taken up at any step."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Batch: ...


def batch_loss(model: Transformer, batch: Batch) -> Tensor:
    """Summed cross-entropy of the tokens to learn, nats. Only their scores are computed."""
    states = model.hidden(batch.ids, DocumentsApart(batch.lengths))[batch.learn]  # [n, W]
    logits = model.head(states).float()  # [n, V]
    return cross_entropy(logits, batch.targets[batch.learn], reduction="sum")


def compile_mlps(model: Transformer, log: RunLog) -> None:
    """Let torch.compile fuse each block's MLP, where a C++ compiler is at hand."""
    mlps = [module for module in model.modules() if isinstance(module, MLP)]
    try:
        torch.compile(mlps[0], dynamic=True)(torch.zeros(1, 8, model.config.width))
    except (RuntimeError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        log.say(f"Going on without torch.compile: {first_line}")
        return
    for mlp in mlps:
        mlp.compile(dynamic=True)


def train(
    model: Transformer,
    batches: BatchSource,
    config: TrainingConfig,
    *,
    folder: Path | None = None,
    evaluate: Evaluate | None = None,
    log: RunLog | None = None,
    stop_after: int | None = None,
) -> int:
    """Train `model` in place for `config.steps` steps (or `config.minutes`), going on from the
    newest checkpoint in `folder`; when it returns, a checkpoint of the last step is there.

    Returns the number of steps done.

    evaluate: called every `config.evaluate_every` steps and at the end; its numbers are logged.
    stop_after: steps to do in this call, fewer than all, to be resumed later.
    Raises SettingsError when there are too few batches, CheckpointError when the folder holds a
    checkpoint that does not fit.
    """
    needed = config.steps * config.accumulate
    if len(batches) < needed:
        raise SettingsError(
            f"{config.steps} steps of {config.accumulate} batches need {needed}; there are "
            f"{len(batches)}.",
            hint="Lower steps, or prepare more text.",
            param="steps",
        )
    log = log or RunLog()
    optimizers = make_optimizers(model, config)
    first, seconds = load_latest(folder, model, optimizers) if folder is not None else (0, 0.0)
    if first:
        log.say(f"Going on after step {first:,}, {duration(seconds)} into the run.")
    if config.compile:
        compile_mlps(model, log)

    model.train()
    started = time.monotonic() - seconds
    done, progress = first, first / config.steps
    while done < config.steps and (stop_after is None or done < first + stop_after):
        if config.minutes:
            progress = max(progress, (time.monotonic() - started) / (60 * config.minutes))
            if progress >= 1:
                break
        set_learning_rates(optimizers, done, progress, config)
        numbers = range(done * config.accumulate, (done + 1) * config.accumulate)
        loss, tokens = accumulate_gradients(model, [batches[n] for n in numbers], config)
        if config.clip:
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        done += 1
        progress = done / config.steps
        elapsed = time.monotonic() - started
        expected = max(progress, elapsed / (60 * config.minutes) if config.minutes else 0.0)
        log.step(done, expected, loss=loss, tokens=tokens, seconds=elapsed)
        if folder is not None and _due(done, config.checkpoint_every):
            save_checkpoint(folder, done, model, optimizers, seconds=elapsed)
        if evaluate is not None and _due(done, config.evaluate_every):
            report_held_out(model, evaluate, done, log)
    if folder is not None and done > first:
        save_checkpoint(folder, done, model, optimizers, seconds=time.monotonic() - started)
    if evaluate is not None and stop_after is None and not _due(done, config.evaluate_every):
        report_held_out(model, evaluate, done, log)
    model.eval()
    return done


def report_held_out(model: Transformer, evaluate: Evaluate, step: int, log: RunLog) -> None:
    """Log what `evaluate` finds, with the model in evaluation mode meanwhile."""
    model.eval()
    scores = {name: round(value, 4) for name, value in evaluate(model).items()}
    model.train()
    log.write({"step": step, "held_out": scores})
    listed = "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
    log.say(f"step {step:,}  held out: {listed}")


def accumulate_gradients(
    model: Transformer, batches: list[Batch], config: TrainingConfig
) -> tuple[float, int]:
    """Add to every gradient that of the mean loss over all learnt tokens of `batches`.

    Returns that loss in nats a token, and the positions read.
    """
    learnt = max(1, sum(int(batch.learn.sum()) for batch in batches))
    total = 0.0
    for batch in batches:
        with torch.autocast(
            batch.ids.device.type,
            DTYPES[config.autocast],
            enabled=config.autocast != "float32",
        ):
            loss = batch_loss(model, batch) / learnt
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    if not math.isfinite(total):
        raise SettingsError(
            "The loss is no longer a finite number.",
            hint="Lower learning_rate, or raise warmup.",
            param="learning_rate",
        )
    return total, sum(batch.ids.shape[1] for batch in batches)


def _due(done: int, every: int) -> bool:
    return every > 0 and done % every == 0
