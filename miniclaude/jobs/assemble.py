"""The whole of a fine-tuning: rows, settings, preflight, training, before and after, the model.

What the server's worker and `mini-claude finetune` both do. Rows, settings and checkpoints stay in
the job's folder, so that a run that was paused or killed goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.device import choose_device
from miniclaude.engine.machine import physical_cores
from miniclaude.errors import DatasetError
from miniclaude.evaluation.before_after import BeforeAfter, Measured, measure
from miniclaude.evaluation.held_out import HeldOut, hold_out
from miniclaude.evaluation.report import make_report, read_curves, write_report
from miniclaude.evaluation.writing import write_with
from miniclaude.jobs.card import make_card
from miniclaude.jobs.export import already_there, export
from miniclaude.jobs.order import Control, JobOrder, JobResult, Tell
from miniclaude.jobs.rows import rows_of
from miniclaude.jobs.samples import Samples
from miniclaude.jobs.settle import Settled, settle
from miniclaude.jobs.validate import validate_files
from miniclaude.model.checkpoint import load_model
from miniclaude.model.new_file import write_whole
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.loop import TrainResult
from miniclaude.training.machine import held_memory, this_machine
from miniclaude.training.run_log import Board, Record, RunLog, duration
from miniclaude.training.tune import base_dtype, tune

RESULT = "result.json"

PROMPTS = 8
"""Held-out requests that both models answer, to be read side by side."""

ANSWER_TOKENS = 96
SCORED_POSITIONS = 30_000
"""Held-out tokens that base and result are scored on."""


def run_job(
    order: JobOrder,
    folder: Path,
    tell: Tell,
    control: Control,
    *,
    terminal: TextIO | None = None,
    device: str = "auto",
    board: Board | None = None,
) -> JobResult:
    """Carry out an order, in `folder`, going on from whatever is there.

    terminal: where progress is drawn; None for nowhere. board: what draws curves. Raises what its
    parts raise: DatasetError, SettingsError, CheckpointError, OutOfMemoryError (it cannot fit),
    TrainingDivergedError, DiskFullError. What was saved until then is kept.
    """
    if (there := already_there(order)) is not None:
        return _kept_result(folder) or JobResult(
            "finished", there.name, order.adapters / order.model_id
        )
    use_cores()
    place = choose_device(device)
    dataset = rows_of(order, folder, tell)
    tokenizer = load_tokenizer(order.base_folder)
    settled = settle(order, dataset, tokenizer, folder, tell, place)
    spec = settled.spec
    tell(
        {
            "event": "plan",
            "total_steps": settled.steps,
            "seconds": settled.seconds,
            "trained_tokens": settled.trained_tokens,
            "memory_bytes": settled.memory_bytes,
        }
    )
    if (wish := control()) != "go":  # the trial may have taken minutes
        return JobResult("paused" if wish == "pause" else "cancelled")
    model = load_model(order.base_folder, device=place, dtype=base_dtype(spec))
    held_out = _held_out(dataset, tokenizer, model)
    before = _measured("base", model, tokenizer, held_out)
    if before is not None:
        tell(_metrics(0, settled.steps, {"valid_perplexity": before.score.perplexity}))
    if (wish := control()) != "go":
        return JobResult("paused" if wish == "pause" else "cancelled")
    samples = Samples(() if held_out is None else held_out.prompts, model, tokenizer)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        log = RunLog(
            folder / "metrics.jsonl",
            terminal if terminal is not None else nowhere,
            every=2.0,
            listener=lambda record: _pass_on(record, settled.steps, tell, samples, place),
            board=board,
        )
        run = tune(model, tokenizer, dataset, spec, folder, log=log, control=control).run
    if run.ended in ("paused", "cancelled"):
        return JobResult("paused" if run.ended == "paused" else "cancelled")
    if run.problem is not None:
        raise run.problem
    tell({"event": "message", "message": _trained(run)})
    after = _measured("tuned", model, tokenizer, held_out)
    done = f"{run.steps:,} of {settled.steps:,}" if run.steps < settled.steps else f"{run.steps:,}"
    facts = settled.facts() | {"Steps": done, "Time": duration(run.seconds)}
    metrics = {"train_steps": float(run.steps), "train_seconds": round(run.seconds, 1)}
    files: tuple[Path, ...] = ()
    verdict = ""
    if before is not None and after is not None and held_out is not None:
        compared = BeforeAfter(before, after, held_out.prompts)
        verdict = compared.verdict
        tell({"event": "message", "message": verdict})
        tell(_metrics(run.steps, settled.steps, {"valid_perplexity": after.score.perplexity}))
        metrics |= _scores(compared)
        curves = read_curves(folder / "metrics.jsonl")
        report = make_report(order.fine_tuned_model, compared, curves=curves, facts=facts)
        files = write_report(folder, report)
    card = make_card(order, spec, dataset, facts, metrics, verdict)
    model_folder = order.adapters / order.model_id
    result = JobResult(
        "finished", order.fine_tuned_model, model_folder, run.trained, metrics, files
    )
    write_whole(folder / RESULT, json.dumps(result.as_dict()))
    export(order, spec, model, tokenizer, card, folder)
    return result


def _kept_result(folder: Path) -> JobResult | None:
    """The result of a run that was killed when its model was there and before it could tell."""
    path = folder / RESULT
    if not path.is_file():
        return None
    return JobResult.from_dict(json.loads(path.read_text(encoding="utf-8")))


def use_cores() -> None:
    """One thread for each physical core, or fewer where the environment allows fewer."""
    torch.set_num_threads(min(torch.get_num_threads(), physical_cores()))


def plan_job(order: JobOrder, folder: Path, tell: Tell, *, device: str = "auto") -> Settled:
    """Rows, settings and trial, without the run. Raises as `run_job`."""
    use_cores()
    dataset = rows_of(order, folder, tell)
    tokenizer = load_tokenizer(order.base_folder)
    return settle(order, dataset, tokenizer, folder, tell, choose_device(device))


def foretell_job(order: JobOrder, folder: Path, tell: Tell, *, device: str = "auto") -> None:
    """Say what a run would take: its reasons as messages, and then

        {"event": "foretold", "spec": fields of TuneSpec, "steps", "seconds", "trained_tokens",
         "memory_bytes", "memory_free"}

    Raises as `run_job` and `validate_files`.
    """
    validate_files(order, tell)
    settled = plan_job(order, folder, tell, device=device)
    tell(
        {
            "event": "foretold",
            "spec": settled.spec.as_dict(),
            "steps": settled.steps,
            "seconds": settled.seconds,
            "trained_tokens": settled.trained_tokens,
            "memory_bytes": settled.memory_bytes,
            "memory_free": this_machine(choose_device(device)).memory,
        }
    )


def _held_out(dataset: PreparedDataset, tokenizer: Tokenizer, model: Transformer) -> HeldOut | None:
    """What both models are measured on; None when nothing is held out or nothing can be scored."""
    if not dataset.count("validation"):
        return None
    try:
        examples = dataset.examples("validation")
        return hold_out(examples, tokenizer, model.config.context, PROMPTS)
    except DatasetError:
        return None


def _measured(
    name: str, model: Transformer, tokenizer: Tokenizer, held_out: HeldOut | None
) -> Measured | None:
    if held_out is None:
        return None
    write = write_with(model, tokenizer, ANSWER_TOKENS) if held_out.prompts else None
    return measure(name, model, held_out, write, limit=SCORED_POSITIONS)


def _trained(run: TrainResult) -> str:
    """How the training went, in a sentence."""
    best = f" the best, step {run.kept:,}, is kept;" if run.kept < run.steps else ""
    return (
        f"Trained {run.steps:,} steps in {duration(run.seconds)};{best} {run.trained:,} tokens"
        " learnt from."
    )


def _scores(compared: BeforeAfter) -> dict[str, float]:
    """The two models' scores as a job's metrics."""
    scores: dict[str, float] = {}
    for name, one in (("before", compared.before), ("after", compared.after)):
        scores[f"perplexity_{name}"] = round(one.score.perplexity, 4)
        scores[f"bits_per_byte_{name}"] = round(one.score.bits_per_byte, 4)
    return scores


def _metrics(step: int, steps: int, values: Mapping[str, float]) -> dict[str, object]:
    return {"event": "metrics", "step": step, "total_steps": steps, **values}


def _pass_on(
    record: Record, steps: int, tell: Tell, samples: Samples, device: torch.device
) -> None:
    """The run's own records as a job's events."""
    step = record.get("step")
    if "checkpoint" in record:
        taken = samples.take(last=step == steps)
        tell({"event": "checkpoint", "step": step, "samples": taken})
    elif isinstance(scores := record.get("held_out"), Mapping):
        values = {f"valid_{name}": value for name, value in scores.items()}
        tell({"event": "metrics", "step": step, "total_steps": steps, **values})
    elif "loss" in record:
        values = {key: value for key, value in record.items() if key not in ("step", "loss")}
        told = {"train_loss": record["loss"], **values, "memory_bytes": held_memory(device)}
        tell({"event": "metrics", "step": step, "total_steps": steps, **told})
