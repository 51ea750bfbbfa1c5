"""The training loop; there is no other.

Forward, loss, backward, clip, step. What is trained on what is assembled by the caller:
pretraining, full and adapter tuning, supervised or by preferences, differ by their model's
trainable parameters, their objective, their batches and their configuration.

A run can end at any moment and be taken up again. A step's work depends on the weights, the
optimizer's state and the step's number, and on nothing else; so on a CPU a run that was killed
ends with the same bits as one that was not.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from miniclaude.errors import SettingsError, TrainingDivergedError
from miniclaude.model.transformer import MLP, Transformer
from miniclaude.training.attention import attention_for_training
from miniclaude.training.averaging import MovingAverage, trained_parameters
from miniclaude.training.checkpoint import (
    checkpoints,
    drop_best,
    load_best,
    load_latest,
    save_best,
    save_checkpoint,
)
from miniclaude.training.config import TrainingConfig
from miniclaude.training.health import Divergence, EarlyStopping
from miniclaude.training.losses import Supervised
from miniclaude.training.objective import AnyBatch, BatchSource, Objective
from miniclaude.training.optim import make_optimizers, set_learning_rates
from miniclaude.training.precision import Precision
from miniclaude.training.recompute import blocks_recomputed
from miniclaude.training.run_log import RunLog, duration

Evaluate = Callable[[Transformer], Mapping[str, float]]
Wish = Literal["go", "pause", "cancel"]
Ending = Literal["finished", "stopped early", "paused", "cancelled", "diverged"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """How a run ended, and what the model now is.

    steps: done, earlier sessions included. kept: the step whose weights the model has; fewer than
    `steps` after early stopping or divergence. trained, read: tokens the loss was taken over, and
    all tokens. seconds: of training, earlier sessions included. held_out: the last evaluation.
    problem: what to raise or tell when the run diverged.
    """

    steps: int
    ended: Ending
    kept: int
    trained: int
    read: int
    seconds: float
    held_out: Mapping[str, float] = field(default_factory=dict)
    problem: TrainingDivergedError | None = None


def compile_mlps(model: Transformer, log: RunLog) -> None:
    """Let torch.compile fuse each block's MLP, where a C++ compiler is at hand. Experts are left as
    they are: every step sends them other numbers of tokens."""
    mlps = [block.mlp for block in model.blocks if isinstance(block.mlp, MLP)]
    if not mlps:
        return
    try:
        torch.compile(mlps[0], dynamic=True)(model.tokens.weight[None, :8].detach())
    except (RuntimeError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        log.say(f"Going on without torch.compile: {first_line}")
        return
    for mlp in mlps:
        mlp.compile(dynamic=True)


def train(
    model: Transformer,
    batches: BatchSource[AnyBatch],
    config: TrainingConfig,
    *,
    objective: Objective[AnyBatch] | None = None,
    folder: Path | None = None,
    identity: Mapping[str, str] | None = None,
    evaluate: Evaluate | None = None,
    log: RunLog | None = None,
    control: Callable[[], Wish] | None = None,
) -> TrainResult:
    """Train those parameters of `model` that take a gradient, in place, for `config.steps` steps
    (or `config.minutes`), going on from the newest checkpoint in `folder`; when it returns, a
    checkpoint of the last step is there.

    objective: what is minimised; when None, supervised cross-entropy and `config.balance`.
    identity: what the run is made of, by name (base, data, settings): a checkpoint that was made
    of something else is refused.
    evaluate: called every `config.evaluate_every` steps and at the end; its numbers are logged,
    and the first of them (lower is better) decides on early stopping.
    control: asked before every step. `pause` leaves a checkpoint, `cancel` does not.
    Raises SettingsError when there are too few batches or nothing takes a gradient,
    CheckpointError when the folder holds a checkpoint that does not fit, DiskFullError when one
    cannot be written: those before it are kept.
    """
    needed = (config.steps - 1) * config.accumulate + 1
    if len(batches) < needed:
        raise SettingsError(
            f"{config.steps} steps of {config.accumulate} batches need {needed} or more; there are "
            f"{len(batches)}.",
            hint="Lower steps, or prepare more text.",
            param="steps",
        )
    wanted = objective or Supervised(config.balance)
    run = _Run(model, batches, config, wanted, folder, identity, evaluate, log)
    devices = [run.device] if run.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        attention_for_training(model),
        blocks_recomputed(model, config.gradient_checkpointing),
    ):
        model.train()
        try:
            return run.go(control or (lambda: "go"))
        finally:
            model.eval()


class _Run:
    """The state of one call of `train`."""

    def __init__(
        self,
        model: Transformer,
        batches: BatchSource[Any],
        config: TrainingConfig,
        objective: Objective[Any],
        folder: Path | None,
        identity: Mapping[str, str] | None,
        evaluate: Evaluate | None,
        log: RunLog | None,
    ) -> None:
        self.model, self.batches, self.config = model, batches, config
        self.objective, self.evaluate = objective, evaluate
        self.folder, self.identity = folder, identity
        self.log = log or RunLog()
        self.parameters = list(trained_parameters(model).values())
        if not self.parameters:
            raise SettingsError(
                "No parameter of the model takes a gradient, so nothing can be learnt.",
                hint="Add an adapter, or call requires_grad_() on what is to be trained.",
            )
        self.device = self.parameters[0].device
        self.optimizers = make_optimizers(model, config)
        self.precision = Precision(config, self.device)
        self.average = MovingAverage(model, config.ema) if config.ema else None
        self.chance = math.log(model.config.vocab_size)
        self.divergence = Divergence(self.chance)
        self.patience = EarlyStopping(config.patience)
        self.done = self.trained = self.read = 0
        self.seconds = 0.0
        self.saved_at = -1
        self.best: dict[str, torch.Tensor] | None = None
        self.held_out: Mapping[str, float] = {}

    def go(self, control: Callable[[], Wish]) -> TrainResult:
        """From the newest checkpoint to the end, whichever end it is."""
        config = self.config
        self.resume()
        if config.compile:
            compile_mlps(self.model, self.log)
        self.started = time.monotonic() - self.seconds
        progress = self.done / config.steps
        if self.due(config.evaluate_every):
            self.evaluate_once()  # a checkpoint comes before its evaluation, so that may be due
        while self.done < config.steps and not self.patience.stop:
            if config.minutes:
                progress = max(progress, self.elapsed() / (60 * config.minutes))
                if progress >= 1:
                    break
            wish = control()
            if wish != "go":
                if wish == "pause":
                    self.save()
                return self.result("paused" if wish == "pause" else "cancelled")
            problem = self.step(progress)
            if problem:
                return self.diverged(problem)
            progress = self.done / config.steps
            evaluating = self.evaluate is not None and self.due(config.evaluate_every)
            regular = self.due(config.checkpoint_every) and not self.divergence.suspicious
            if evaluating or regular:
                self.save()
            if self.due(config.evaluate_every):
                self.evaluate_once()
        self.save()
        self.evaluate_once()
        early = self.patience.stop and self.done < config.steps
        return self.result("stopped early" if early else "finished")

    def step(self, progress: float) -> str:
        """One update; what is wrong with its loss, or nothing. Then nothing was updated."""
        config = self.config
        torch.manual_seed(config.seed * 1_000_003 + self.done)  # dropout, alike after resuming
        set_learning_rates(self.optimizers, self.done, progress, config)
        first = self.done * config.accumulate
        numbers = range(first, min(first + config.accumulate, len(self.batches)))
        some = [self.batches[number].to(self.device) for number in numbers]
        loss, measures = accumulate_gradients(self.model, some, self.objective, self.precision)
        norm = self.precision.clip(self.parameters, self.optimizers, config.clip)
        problem = self.divergence.found(loss)
        if not (problem or math.isfinite(norm) or self.precision.skips_overflow):
            problem = "the gradients are no longer finite numbers"
        if problem:
            return problem
        self.precision.step(self.optimizers)
        self.done += 1
        if self.average is not None:
            self.average.update(self.model, self.done)
        read = sum(batch.positions for batch in some)
        self.read += read
        self.trained += sum(batch.trained for batch in some)
        progress = self.done / config.steps
        elapsed = self.elapsed()
        if config.minutes:
            progress = max(progress, elapsed / (60 * config.minutes))
        self.log.step(
            self.done,
            progress,
            loss=loss,
            tokens=read,
            seconds=elapsed,
            learning_rate=self.optimizers[0].param_groups[0]["lr"],
            gradient_norm=norm,
            trained=self.trained,
            measures=measures,
        )
        return ""

    def evaluate_once(self) -> None:
        """Score what is held out with the weights that would be kept; note whether they are the
        best. At most once a step."""
        if self.evaluate is None or self.patience.evaluated == self.done:
            return
        self.model.eval()
        with self.average.in_place(self.model) if self.average else nullcontext():
            self.held_out = dict(self.evaluate(self.model))
            watched = next(iter(self.held_out.values()))
            better = self.patience.is_better(self.done, watched)
            if better and self.config.patience:
                self.best = self.keep_best()
        self.model.train()
        self.log.held_out(self.done, self.held_out)

    def keep_best(self) -> dict[str, torch.Tensor] | None:
        """The present weights, on disk, or in memory where there is no folder."""
        if self.folder is not None:
            save_best(self.folder, self.done, self.model)
            return None
        trained = trained_parameters(self.model)
        return {name: parameter.detach().clone() for name, parameter in trained.items()}

    def save(self) -> None:
        """A checkpoint of this step, unless it is there."""
        if self.folder is None or self.saved_at == self.done or not self.done:
            return
        numbers = {
            "seconds": self.elapsed(),
            "trained": self.trained,
            "read": self.read,
            "log_bytes": self.log.bytes_written(),
            "scaler": self.precision.as_dict(),
            "divergence": self.divergence.as_dict(),
            "early_stopping": self.patience.as_dict(),
        }
        save_checkpoint(
            self.folder,
            self.done,
            self.model,
            self.optimizers,
            numbers=numbers,
            identity=self.identity,
            average=self.average.tensors if self.average else None,
        )
        self.saved_at = self.done
        if self.patience.best_step:
            drop_best(self.folder, self.patience.best_step)
        self.log.tell({"step": self.done, "checkpoint": str(self.folder)})

    def resume(self) -> None:
        """Go back to where the newest checkpoint was made, the log too."""
        if self.folder is None:
            return
        saved = load_latest(self.folder, self.model, self.optimizers, self.identity)
        if not saved.step:
            self.log.truncate(0)
            return
        numbers = saved.numbers
        self.done = self.saved_at = saved.step
        self.seconds, self.trained = numbers["seconds"], numbers["trained"]
        self.read = numbers["read"]
        self.precision.restore(numbers["scaler"])
        self.divergence = Divergence.from_dict(numbers["divergence"], self.chance)
        self.patience = EarlyStopping.from_dict(numbers["early_stopping"], self.config.patience)
        if self.average is not None:
            self.average.tensors = {k: t.to(self.device) for k, t in saved.average.items()}
        self.log.truncate(numbers["log_bytes"])
        self.log.say(f"Going on after step {self.done:,}, {duration(self.seconds)} into the run.")

    def diverged(self, what: str) -> TrainResult:
        """Back to the weights of the last good checkpoint. One of this very step is not: the loss
        that went wrong is its own."""
        at, rate = self.done, self.config.learning_rate
        kept = 0
        if self.folder is not None:
            for path in checkpoints(self.folder):
                if path.name == f"step-{at:08d}":
                    shutil.rmtree(path)
            kept = load_latest(self.folder, self.model, self.optimizers, self.identity).step
        lost = f"the checkpoint of step {kept:,} is kept" if kept else "no checkpoint was made yet"
        problem = TrainingDivergedError(
            f"At step {at + 1:,} {what}. Training stopped; {lost}.",
            hint=f"Lower learning_rate from {rate:g} to {rate / 10:g} and start the run again.",
            param="learning_rate",
        )
        self.log.say(str(problem))
        self.log.write({"step": at + 1, "diverged": what, "kept": kept})
        return self.result("diverged", kept=kept, problem=problem)

    def result(
        self, ended: Ending, kept: int | None = None, problem: TrainingDivergedError | None = None
    ) -> TrainResult:
        """Leave the model with the weights that count."""
        kept = self.done if kept is None else kept
        if ended in ("finished", "stopped early"):
            if self.config.patience and self.patience.best_step:
                kept = self.patience.best_step
                self.restore_best(kept)
            elif self.average is not None:
                self.average.swap(self.model)
        return TrainResult(
            steps=self.done,
            ended=ended,
            kept=kept,
            trained=self.trained,
            read=self.read,
            seconds=self.elapsed(),
            held_out=self.held_out,
            problem=problem,
        )

    def restore_best(self, step: int) -> None:
        """The weights of the best evaluation."""
        if self.folder is not None:
            load_best(self.folder, step, self.model)
            return
        with torch.no_grad():
            for name, parameter in trained_parameters(self.model).items():
                assert self.best is not None  # noqa: S101  # kept when the step was the best
                parameter.copy_(self.best[name])

    def due(self, every: int) -> bool:
        """Whether something done every so many steps is to be done now."""
        return every > 0 and self.done > 0 and self.done % every == 0

    def elapsed(self) -> float:
        """Seconds of training, earlier sessions included."""
        return time.monotonic() - self.started


def accumulate_gradients(
    model: Transformer,
    batches: Sequence[AnyBatch],
    objective: Objective[AnyBatch],
    precision: Precision,
) -> tuple[float, dict[str, float]]:
    """Add to every gradient that of the mean loss over all `batches`: a mean of everything, not a
    mean of means. Returns that loss and the objective's other measures."""
    weights = [objective.weight(batch) for batch in batches]
    whole = sum(weights) or 1.0
    losses: list[torch.Tensor] = []
    measures: dict[str, float] = {}
    for batch, weight in zip(batches, weights, strict=True):
        if not weight:
            continue
        with precision.autocast():
            loss = objective.loss(model, batch)
        precision.backward(loss.total / whole)
        losses.append(loss.total.detach())
        for name, value in loss.measures.items():
            measures[name] = measures.get(name, 0.0) + value / whole
    total = float(torch.stack(losses).sum()) / whole if losses else 0.0
    return total, measures
