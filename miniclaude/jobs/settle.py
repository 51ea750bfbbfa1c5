"""A job's settings: those asked for, the rest chosen with reasons, and a trial before the run."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.errors import SettingsError
from miniclaude.jobs.order import JobOrder, Tell
from miniclaude.model.config import ModelConfig
from miniclaude.model.facts import read_facts
from miniclaude.model.lora_config import LoraConfig
from miniclaude.model.new_file import write_whole
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.defaults import choose, choose_rate, facts_of
from miniclaude.training.machine import this_machine
from miniclaude.training.preflight import check, estimate
from miniclaude.training.run_log import duration
from miniclaude.training.spec import TuneSpec

FILE = "settings.json"


@dataclass(frozen=True, slots=True)
class Settled:
    """spec: how it is trained. What the trial foretold: the run's steps, seconds, tokens that are
    learnt from, and bytes at its peak."""

    spec: TuneSpec
    steps: int
    seconds: float
    trained_tokens: int
    memory_bytes: int

    @property
    def expected(self) -> str:
        """What the trial foretold, in a sentence."""
        return (
            f"Expected: {self.steps:,} steps, {duration(self.seconds)},"
            f" {self.memory_bytes / 1e6:,.0f} MB at most."
        )

    def facts(self) -> dict[str, str]:
        """For the report and the card."""
        spec = self.spec
        facts: dict[str, str] = {"Method": spec.method, "Objective": spec.objective}
        if spec.method != "full":
            named = spec.lora.targets  # a single string is a pattern
            targets = named if isinstance(named, str) else ", ".join(named)
            facts["Adapters"] = f"rank {spec.lora.r}, alpha {spec.lora.alpha:g}, on {targets}"
        return facts | {
            "Steps": f"{self.steps:,}",
            "Learning rate": f"{spec.learning_rate:g}, {spec.schedule}",
            "Tokens in a step": f"up to {spec.batch_tokens * spec.accumulate:,}",
            "Precision": spec.precision,
            "Seed": str(spec.seed),
        }


def settle(
    order: JobOrder,
    dataset: PreparedDataset,
    tokenizer: Tokenizer,
    folder: Path,
    tell: Tell,
    device: torch.device,
) -> Settled:
    """Choose, try, and keep the outcome in `folder`: a run that is taken up again must not choose
    otherwise because less memory happens to be free.

    Raises SettingsError for a setting that is wrong, OutOfMemoryError naming what would fit, and
    what the trial raises.
    """
    kept = folder / FILE
    if kept.is_file():
        values = json.loads(kept.read_text(encoding="utf-8"))
        settled = Settled(**{**values, "spec": TuneSpec.from_dict(values["spec"])})
        tell({"event": "message", "message": f"Settings as before. {settled.expected}"})
        return settled
    config = read_facts(order.base_folder).config
    machine = this_machine(device)
    chosen, reasons = choose(config, facts_of(dataset, tokenizer, config.context), machine)
    spec = asked_for(order, config, chosen)
    for reason in reasons:
        if reason.startswith("learning_rate"):
            reason = choose_rate(config, spec)[1]  # it follows from the method that was asked for
        if not _overruled(reason, order, spec):
            tell({"event": "message", "message": reason})
    for name, value in _flat(order.spec).items():
        why = "as asked for"
        if name == "max_length" and value != spec.max_length:
            why = f"more than the model reads, so {spec.max_length:,}"
        tell({"event": "message", "message": f"{name} {value}: {why}."})
    scratch = folder / "trial"
    shutil.rmtree(scratch, ignore_errors=True)  # of a trial that was killed
    scratch.mkdir()
    try:
        found = estimate(order.base_folder, dataset.folder, spec, machine, scratch=scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    check(found, machine, config, spec)
    for reason in found.reasons:
        level = "warn" if reason.startswith("Warning") else "info"
        tell({"event": "message", "message": reason, "level": level})
    settled = Settled(
        spec, found.steps, round(found.seconds, 1), found.trained_tokens, found.memory_bytes
    )
    values = {name: getattr(settled, name) for name in Settled.__dataclass_fields__}
    text = json.dumps({**values, "spec": spec.as_dict()}, indent=1) + "\n"
    write_whole(kept, text)
    tell({"event": "message", "message": settled.expected})
    return settled


def asked_for(order: JobOrder, config: ModelConfig, chosen: TuneSpec) -> TuneSpec:
    """The chosen settings under those that were asked for. Raises SettingsError."""
    asked: Mapping[str, Any] = order.spec
    values = {**chosen.as_dict(), "seed": order.seed, **asked}
    lora = asked.get("lora")
    if lora is not None and not isinstance(lora, Mapping):
        raise SettingsError(f"lora is {lora!r}.", hint="It must be an object.", param="lora")
    if lora is not None:
        values["lora"] = {**chosen.as_dict()["lora"], **lora}
    spec = TuneSpec.from_dict(values)
    if "max_length" in asked:
        spec = replace(spec, max_length=min(spec.max_length, config.context))
    if lora is not None and "alpha" not in lora:
        spec = replace(spec, lora=replace(spec.lora, alpha=usual_alpha(spec.lora)))
    if "batch_tokens" not in asked:
        spec = replace(spec, batch_tokens=max(spec.batch_tokens, spec.max_length))
    if order.batch_size is not None:
        spec = replace(spec, batch_size=order.batch_size)
        if "accumulate" not in asked:
            spec = replace(spec, accumulate=parts_of_a_step(spec))
    if spec.patience and not spec.evaluate_every and "evaluate_every" not in asked:
        spec = replace(spec, evaluate_every=spec.checkpoint_every)  # or it would never be asked
    if "learning_rate" not in asked:
        rate, _ = choose_rate(config, spec)
        spec = replace(spec, learning_rate=rate * (order.learning_rate_multiplier or 1.0))
    return spec


def usual_alpha(lora: LoraConfig) -> float:
    """The alpha by which an adapter's output is scaled by 2, of whatever rank it is."""
    return 2 * math.sqrt(lora.r) if lora.rslora else 2 * lora.r


def parts_of_a_step(spec: TuneSpec) -> int:
    """Forwards that `batch_size` examples, of full length each, are divided into: as few as
    `batch_tokens` has room for, and all of as many examples, so that a step has exactly those."""
    length = spec.max_length * (1 if spec.objective == "supervised" else 2)
    together = max(1, spec.batch_tokens // length)
    size = spec.batch_size
    return next(n for n in range(1, size + 1) if not size % n and size // n <= together)


def _overruled(reason: str, order: JobOrder, spec: TuneSpec) -> bool:
    """Whether the reason is for something that was asked for otherwise, or that no longer counts
    beside what was asked for."""
    subject = reason.split()[0].rstrip(":").lower()
    asked = set(_flat(order.spec))
    if order.learning_rate_multiplier is not None:
        asked.add("learning_rate")
    if spec.steps:
        asked.add("epochs")
    if spec.method == "full":
        asked.add("r")
    return subject in asked


def _flat(spec: Mapping[str, Any]) -> dict[str, object]:
    """The settings asked for, adapters' own among them, by the word a reason begins with."""
    flat = {name: value for name, value in spec.items() if name != "lora"}
    lora = spec.get("lora")
    return flat | (dict(lora) if isinstance(lora, Mapping) else {})
