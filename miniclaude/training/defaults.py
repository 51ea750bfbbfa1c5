"""Settings that work, and why each was chosen: what `finetune` uses where nobody said otherwise.

The learning rates are anchored at both ends. QLoRA's authors found 2e-4 good for adapters on seven
billion parameters (Dettmers et al. 2023, table 9); for a bundled model of four million, runs on
a thousand instructions found 2e-3 best (docs/decisions/0012). In between they follow a power of the
size. Full tuning takes a tenth, preferences a tenth again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np

from miniclaude.data.example import Task
from miniclaude.data.prepared import PreparedDataset
from miniclaude.model.config import ModelConfig
from miniclaude.model.lora_config import LoraConfig
from miniclaude.model.quantize import Bits
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.comparisons import tokenise_comparisons
from miniclaude.training.machine import Machine
from miniclaude.training.memory import needed, parameters
from miniclaude.training.preflight import megabytes
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tokenise import tokenise

Objective = Literal["supervised", "dpo", "kto"]
Precision = Literal["float32", "bfloat16", "float16"]
BITS: tuple[Bits, ...] = (8, 4)

SAMPLE = 2_000
"""Rows that are looked at to choose lengths."""

SMALL, LARGE = 4e6, 7e9
RATE_SMALL, RATE_LARGE = 2e-3, 2e-4
"""Adapters' learning rate for so many parameters."""

STEPS = 60
"""A run should have about so many steps at least, or the learning rate has no time to work."""

MOST_BATCH = 2048
MOST_ACCUMULATED = 4
SHARE = 0.8
"""Of the memory that is free, the part that a default may plan with."""

ENOUGH_HELD_OUT = 20
"""Validation rows below which their loss is too noisy to stop by."""


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the settings depend on. rows: to learn from; held_out: to check with. mean, high: the
    mean and the 99th percentile of a row's tokens. task: what the rows are for."""

    task: Task
    rows: int
    held_out: int
    mean: float
    high: int


def facts_of(dataset: PreparedDataset, tokenizer: Tokenizer, context: int) -> DataFacts:
    """Look at the first rows. context: most positions the model has. Raises DatasetError."""
    some = islice(dataset.examples("train"), SAMPLE)
    if dataset.task in ("preference", "kto"):
        compared = tokenise_comparisons(some, tokenizer, context)
        lengths, rows = compared.documents.lengths + 1, compared.lengths
    else:
        lengths = tokenise(some, tokenizer, context).documents.lengths + 1
        rows = lengths
    return DataFacts(
        task=dataset.task,
        rows=dataset.count("train"),
        held_out=dataset.count("validation"),
        mean=float(rows.mean()),
        high=int(np.percentile(lengths, 99, method="higher")),
    )


def choose(
    config: ModelConfig, facts: DataFacts, machine: Machine
) -> tuple[TuneSpec, tuple[str, ...]]:
    """The settings, and a sentence of why for each. Nothing is tried; `preflight` does that."""
    objective, why_objective = choose_objective(facts.task)
    length, why_length = choose_length(config, facts)
    epochs, why_epochs = choose_epochs(facts.rows)
    rank, why_rank = choose_rank(config, facts.rows)
    batch, accumulate, why_batch = choose_batch(facts, epochs, length)
    precision, why_precision = choose_precision(machine)
    wanted = TuneSpec(
        objective=objective,
        lora=LoraConfig(r=rank, alpha=2 * rank),
        epochs=epochs,
        max_length=length,
        batch_tokens=batch,
        accumulate=accumulate,
        precision=precision,
    )
    spec, why_method = fit(config, wanted, machine)
    rate, why_rate = choose_rate(config, spec)
    steps = math.ceil(facts.rows * facts.mean * epochs / (spec.batch_tokens * spec.accumulate))
    every = max(1, steps // 10)
    patience = 3 if facts.held_out >= ENOUGH_HELD_OUT else 0
    spec = replace(
        spec,
        learning_rate=rate,
        patience=patience,
        evaluate_every=every if patience else 0,
        checkpoint_every=every,
    )
    why_stop = choose_patience(facts, every, patience)
    reasons = [why_objective, why_method, why_rank, why_rate, why_length, why_epochs]
    return spec, (*reasons, why_batch, why_precision, why_stop)


def choose_objective(task: Task) -> tuple[Objective, str]:
    """By what the rows are."""
    if task == "preference":
        return "dpo", "Objective dpo: each row holds a better and a worse answer."
    if task == "kto":
        return "kto", "Objective kto: each row holds one answer and whether it is a good one."
    what = "plain text" if task == "text" else "conversations"
    return "supervised", f"Objective supervised: the rows are {what}."


def choose_length(config: ModelConfig, facts: DataFacts) -> tuple[int, str]:
    """The 99th percentile, rounded up to a multiple of 64, within the context."""
    length = min(config.context, 64 * math.ceil(facts.high / 64))
    return length, (
        f"max_length {length}: 99 of 100 rows have at most {facts.high:,} tokens; the model reads"
        f" {config.context:,}."
    )


def choose_epochs(rows: int) -> tuple[float, str]:
    """Few rows are read more often; many need it less."""
    table = ((300, 5.0), (3_000, 3.0), (20_000, 2.0))
    epochs = next((times for below, times in table if rows < below), 1.0)
    times = "once" if epochs == 1 else f"{epochs:g} times"
    why = "more would be learnt by heart" if rows < 3_000 else "that many need no more"
    return epochs, f"epochs {epochs:g}: {rows:,} rows are read {times}; {why}."


def choose_rank(config: ModelConfig, rows: int) -> tuple[int, str]:
    """A rank the data can fill. A small model is narrow, and its adapters cost nothing."""
    if sum(parameters(config)) < 50e6:
        return (
            64,
            "r 64: the model is small, so are its adapters, and 64 learnt more than 32 or 16.",
        )
    if rows < 200:
        return 8, f"r 8: {rows:,} rows cannot fill more."
    return 16, "r 16: enough for thousands of rows, small enough to keep many adapters."


def choose_batch(facts: DataFacts, epochs: float, length: int) -> tuple[int, int, str]:
    """As large as leaves about STEPS steps, at most 2,048 positions four times."""
    per_row = length * (2 if facts.task in ("preference", "kto") else 1)
    wanted = max(256, facts.rows * facts.mean * epochs / STEPS)
    batch = int(min(MOST_BATCH, 64 * math.ceil(wanted / 64)))
    batch = max(batch, per_row)
    accumulate = max(1, min(MOST_ACCUMULATED, round(wanted / batch)))
    steps = math.ceil(facts.rows * facts.mean * epochs / (batch * accumulate))
    return (
        batch,
        accumulate,
        (
            f"batch_tokens {batch:,}, {accumulate} a step: about {steps:,} steps, each of about"
            f" {max(1, round(batch * accumulate / facts.mean)):,} rows."
        ),
    )


def choose_precision(machine: Machine) -> tuple[Precision, str]:
    """bfloat16 only where the chip multiplies it."""
    if machine.fast_bfloat16:
        return "bfloat16", "precision bfloat16: this chip multiplies it in hardware."
    return "float32", "precision float32: this chip would have to emulate anything shorter."


def fit(config: ModelConfig, wanted: TuneSpec, machine: Machine) -> tuple[TuneSpec, str]:
    """The first of ever more frugal settings that should fit, and why that method."""
    room = int(SHARE * machine.memory)
    count = sum(parameters(config)) / 1e6
    size = f"{count:,.{0 if count >= 10 else 1}f} million parameters"
    if config.experts:
        active = count - config.idle_parameters / 1e6
        size += f" ({active:,.{0 if active >= 10 else 1}f} million for a token)"
    for spec, told in fallbacks(wanted):
        memory = needed(config, spec, spec.batch_tokens, machine.device).total
        if memory <= room:
            return spec, (
                f"Method {spec.method}: {size} {told}; about {megabytes(memory)} of"
                f" {megabytes(machine.memory)} free."
            )
    return spec, (
        f"Method {spec.method}: {size} do not fit into {megabytes(machine.memory)} even so; a"
        " smaller model would."
    )


def fallbacks(wanted: TuneSpec) -> Iterator[tuple[TuneSpec, str]]:
    """LoRA as wanted, then with a smaller batch, recomputing, and a base in fewer bits."""
    yield wanted, "fit with adapters, which leave the base as it is and can be taken off"
    small = max(wanted.max_length, 512)
    spec = wanted
    if small < wanted.batch_tokens:
        more = min(64, wanted.accumulate * math.ceil(wanted.batch_tokens / small))
        spec = replace(wanted, batch_tokens=small, accumulate=more)
        yield spec, "fit with adapters and a small batch"
    spec = replace(spec, gradient_checkpointing=True)
    yield spec, "fit with adapters when activations are computed twice rather than kept"
    for bits in BITS:
        spec = replace(spec, method="qlora", bits=bits)
        yield spec, f"fit only with the frozen base in {bits} bits"


def choose_rate(config: ModelConfig, spec: TuneSpec) -> tuple[float, str]:
    """By size and method, see the top of this file; two digits."""
    size = min(max(sum(parameters(config)), SMALL), LARGE)
    power = math.log(RATE_LARGE / RATE_SMALL) / math.log(LARGE / SMALL)
    rate = RATE_SMALL * (size / SMALL) ** power
    what = "adapters"
    if spec.method == "full":
        rate, what = rate / 10, "all weights"
    if spec.objective != "supervised":
        rate, what = rate / 10, f"{what} and preferences"
    rate = float(f"{rate:.1e}")
    return rate, (
        f"learning_rate {rate:g}: for {what} on a model of this size; smaller models bear, and"
        " need, a higher one."
    )


def choose_patience(facts: DataFacts, every: int, patience: int) -> str:
    """Why the run stops early, or does not."""
    if patience:
        return (
            f"Early stopping: {facts.held_out:,} held-out rows are looked at every {every} steps;"
            f" after {patience} looks without a better loss the best weights are kept."
        )
    if facts.held_out:
        return f"No early stopping: {facts.held_out} held-out rows are too few to judge by."
    return "No early stopping: nothing is held out."
