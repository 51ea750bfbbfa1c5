"""One stage of training: from where it was left to its end, or to the end of this piece of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from miniclaude.data.batches import Batches
from miniclaude.data.tokens import TokenSet
from miniclaude.evaluation.perplexity import score
from miniclaude.model.transformer import Transformer
from miniclaude.training.checkpoint import load_latest
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import Wish, train
from miniclaude.training.machine import has_fast_bfloat16
from miniclaude.training.objective import BatchSource, Objective
from miniclaude.training.optim import make_optimizers
from miniclaude.training.run_log import RunLog, duration
from recipes.bundled.sources import Recipe, Stage

SEED = 1
CPU = torch.device("cpu")
CPU_FORWARD = 4096
"""Positions in one forward on a CPU; a step of more is several of them."""

SCORED, LEAST_SCORED = 60_000, 2_000
"""Positions of each held-out source at a stage's end: at scale 1, and at the least."""


class PieceEndedError(Exception):
    """The time that this call was given is over; the same command goes on."""


class Piece:
    """How long one call of the recipe may train. minutes: 0 is without end."""

    def __init__(self, minutes: float = 0.0) -> None:
        self._end = time.monotonic() + 60 * minutes if minutes else None

    def wish(self) -> Wish:
        """What the training loop is to do before its next step."""
        return "pause" if self._end is not None and time.monotonic() >= self._end else "go"


def held_out_scores(recipe: Recipe, run: Path, model: Transformer, limit: int) -> dict[str, float]:
    """Bits per byte on each kind of held-out text. limit: positions of each source."""
    scores: dict[str, float] = {}
    for kind, held_out in recipe.held_out.items():
        results = []
        for name in held_out.sources:
            path = run / "tokens" / f"{name}.held-out.{held_out.learn}.safetensors"
            results.append(score(model, TokenSet.load(path), limit=limit))
        size = sum(result.size for result in results)
        scores[kind] = sum(r.bits_per_byte * r.size for r in results) / max(size, 1)
    return scores


def forward_size(stage: Stage, device: torch.device) -> int:
    """Positions in one forward: a whole step's on a GPU, at most `CPU_FORWARD` elsewhere."""
    return stage.batch if device.type == "cuda" else min(stage.batch, CPU_FORWARD)


def device_name(device: torch.device) -> str:
    """What a GPU calls itself, or `cpu`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def stage_config(
    stage: Stage, batches: int, scale: float, device: torch.device = CPU
) -> TrainingConfig:
    """A stage of the recipe as the training loop's configuration. batches: how many forwards there
    are, of `forward_size` positions."""
    autocast = stage.autocast
    if autocast == "auto":
        autocast = "bfloat16" if has_fast_bfloat16(device) else "float32"
    quick = device.type == "cuda"  # a checkpoint takes as long as dozens of steps there
    forwards = max(1, stage.batch // forward_size(stage, device))
    steps = max(1, batches // forwards)
    return TrainingConfig(
        steps=steps,
        accumulate=forwards,
        minutes=stage.minutes * scale,
        optimizer=stage.optimizer,
        learning_rate=stage.learning_rate,
        muon_learning_rate=stage.muon_learning_rate,
        weight_decay=stage.weight_decay,
        warmup=min(stage.warmup, steps // 10),
        schedule=stage.schedule,
        decay=stage.decay,
        autocast=autocast,
        balance=stage.balance,
        evaluate_every=max(500, steps // 4) if quick else 500,
        checkpoint_every=max(100, steps // 4) if quick else max(1, 100 // forwards),
    )


def text_batches(
    stage: Stage, learn: str, run: Path, scale: float, device: torch.device = CPU
) -> Batches:
    """The mixture of a stage, cut into batches of `forward_size` positions. Plain text has no
    replies: all of it is learnt."""
    sets = {}
    for source in stage.weights:
        found = TokenSet.load(run / "tokens" / f"{source}.train.{learn}.safetensors")
        everything = run / "tokens" / f"{source}.train.all.safetensors"
        sets[source] = found if len(found) else TokenSet.load(everything)
    size = forward_size(stage, device)
    return Batches(sets, stage.weights, tokens=int(stage.tokens * scale), size=size, seed=SEED)


def run_stage(
    name: str,
    config: TrainingConfig,
    batches: Callable[[], BatchSource[Any]],
    recipe: Recipe,
    run: Path,
    model: Transformer,
    piece: Piece,
    objective: Objective[Any] | None = None,
    scale: float = 1.0,
) -> None:
    """Train the model in place by one stage, or read the result of its having been done.

    scale: of what is scored at its end, as of what is read.

    Raises PieceEndedError when its time is over before the stage is, TrainingDivergedError.
    """
    finished = run / f"{name}.json"
    if finished.exists():
        load_latest(run / name, model, make_optimizers(model, config))
        return
    log = RunLog(run / f"{name}.metrics.jsonl")
    scored = max(LEAST_SCORED, int(scale * SCORED))
    limit = f" or {duration(60 * config.minutes)}" if config.minutes else ""
    log.say(f"{name}: at most {config.steps:,} steps{limit}")
    result = train(
        model,
        batches(),
        config,
        objective=objective,
        folder=run / name,
        evaluate=lambda model: held_out_scores(recipe, run, model, limit=min(8_000, scored)),
        log=log,
        control=piece.wish,
    )
    if result.problem is not None:
        raise result.problem
    if result.ended == "paused":
        raise PieceEndedError(f"{name}: paused after step {result.steps:,} of {config.steps:,}.")
    minutes = round(result.seconds / 60, 1)
    summary: dict[str, object] = {
        "steps": result.steps,
        "tokens": result.read,
        "minutes": minutes,
        "threads": torch.get_num_threads(),
        "device": device_name(model.tokens.weight.device),
        "config": config.as_dict(),
        "held_out_bits_per_byte": held_out_scores(recipe, run, model, limit=scored),
    }
    finished.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    log.say(f"{name}: {result.steps:,} steps, {result.read:,} tokens, {minutes} minutes")
