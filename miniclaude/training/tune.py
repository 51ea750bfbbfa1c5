"""Fine-tuning, assembled: a method, an objective, batches and the loop.

`tune` changes a loaded model and leaves checkpoints and metrics in the run's folder; what becomes
of the result (an adapter folder, a model folder) is its caller's affair.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from miniclaude.data.prepared import PreparedDataset
from miniclaude.device import DTYPES
from miniclaude.errors import SettingsError
from miniclaude.model.lora import add_lora
from miniclaude.model.quantize import quantize
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.config import BALANCE, TrainingConfig
from miniclaude.training.held_out import mean_loss
from miniclaude.training.loop import Evaluate, TrainResult, Wish, train
from miniclaude.training.material import Material, gather
from miniclaude.training.preference import reference_log_probabilities
from miniclaude.training.preference_material import gather_comparisons
from miniclaude.training.run_log import RunLog
from miniclaude.training.spec import TuneSpec


@dataclass(frozen=True, slots=True)
class TuneResult:
    """run: how the training ended. material: what it read."""

    run: TrainResult
    material: Material


def base_dtype(spec: TuneSpec) -> torch.dtype:
    """In which format to load the base: a frozen one needs no more than the precision of the
    products; what is trained is float32."""
    return torch.float32 if spec.method == "full" else DTYPES[spec.precision]


def prepare_model(model: Transformer, spec: TuneSpec) -> str:
    """Make trainable what the method trains, and nothing else; the base's fingerprint.

    Raises SettingsError for adapter targets that are not there.
    """
    model.to(base_dtype(spec))
    base = fingerprint(model)
    if spec.method == "full":
        model.requires_grad_(True)
        return base
    if spec.method == "qlora":
        quantize(model, spec.bits)
    add_lora(model, spec.lora, seed=spec.seed)
    return base


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of the weights: names, shapes, formats and bytes."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}\n".encode())
        flat = parameter.detach().cpu().contiguous().view(-1)  # [number of elements]
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_material(
    model: Transformer, tokenizer: Tokenizer, dataset: PreparedDataset, spec: TuneSpec
) -> Material:
    """The data set as the objective's batches; preferences ask the untouched model first what it
    thinks of each answer. Raises DatasetError when there is nothing to learn."""
    context = model.config.context
    if spec.objective == "supervised":
        return gather(dataset, tokenizer, spec, context)
    dtype, device = DTYPES[spec.precision], model.tokens.weight.device
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        return gather_comparisons(
            dataset, tokenizer, spec, context, partial(reference_log_probabilities, model)
        )


def training_config(spec: TuneSpec, batches: int) -> TrainingConfig:
    """The loop's configuration for a run of so many batches."""
    steps = spec.steps or math.ceil(batches / spec.accumulate)
    return TrainingConfig(
        steps=steps,
        accumulate=spec.accumulate,
        learning_rate=spec.learning_rate,
        betas=(0.9, 0.999),
        epsilon=1e-8,
        weight_decay=spec.weight_decay,
        warmup=math.ceil(spec.warmup * steps),
        schedule=spec.schedule,
        clip=spec.clip,
        autocast=spec.precision,
        gradient_checkpointing=spec.gradient_checkpointing,
        ema=spec.ema,
        evaluate_every=spec.evaluate_every,
        checkpoint_every=spec.checkpoint_every,
        patience=spec.patience,
        balance=BALANCE if spec.method == "full" else 0.0,  # a frozen router stays as it is
        seed=spec.seed,
    )


def tune(
    model: Transformer,
    tokenizer: Tokenizer,
    dataset: PreparedDataset,
    spec: TuneSpec,
    run: Path,
    *,
    evaluate: Evaluate | None = None,
    log: RunLog | None = None,
    control: Callable[[], Wish] | None = None,
) -> TuneResult:
    """Fine-tune a model as it was loaded from its folder, in place, going on from the newest
    checkpoint in `run`. Adapters are called `default`.

    evaluate: further numbers to log at every evaluation of the held-out loss.
    control: asked before every step, see `train`. Raises DatasetError, SettingsError,
    CheckpointError (a checkpoint of another base, data set or other settings), DiskFullError.
    """
    log = log or RunLog(run / "metrics.jsonl")
    base = prepare_model(model, spec)
    material = read_material(model, tokenizer, dataset, spec)
    log.say(f"To learn from: {material.summary}.")
    config = training_config(spec, len(material.batches))
    scores: Evaluate | None = evaluate
    if material.validation is not None:
        own = mean_loss(material.objective, material.validation, spec.precision)
        scores = own if evaluate is None else _both(own, evaluate)
    elif spec.patience:
        raise SettingsError(
            "patience needs held-out examples to watch, and the data set has none.",
            hint="Prepare it with a validation split, or set patience to 0.",
            param="patience",
        )
    result = train(
        model,
        material.batches,
        config,
        objective=material.objective if spec.objective != "supervised" else None,
        folder=run / "checkpoints",
        identity={"base": base, "data": material.fingerprint, **settings_of(spec)},
        evaluate=scores,
        log=log,
        control=control,
    )
    return TuneResult(result, material)


def settings_of(spec: TuneSpec) -> dict[str, str]:
    """The settings that a resumed run must share with the one it goes on from. The learning rate
    is not one of them: lowering it is the cure for a run that diverged."""
    values = {**spec.as_dict()}
    values.pop("learning_rate")
    return {name: str(value) for name, value in values.items()}


def _both(one: Evaluate, other: Evaluate) -> Evaluate:
    def evaluate(model: Transformer) -> Mapping[str, float]:
        return {**one(model), **other(model)}

    return evaluate
