"""Before a run begins: will it fit, how long will it take, and what will it learn from?

`estimate` runs a trial of the real thing (`probe.py`); `check` refuses what cannot fit, naming
settings that would, each of them computed (`memory.py`). Counts are exact; memory and time come
within a fifth of what happens on a machine that does nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from miniclaude.engine.connection import worker_environment
from miniclaude.engine.protocol import decode_error
from miniclaude.errors import EngineError, OutOfMemoryError
from miniclaude.model.config import ModelConfig
from miniclaude.model.facts import read_facts
from miniclaude.training.machine import Machine
from miniclaude.training.memory import needed, parameters
from miniclaude.training.probe import Findings, Order
from miniclaude.training.run_log import duration
from miniclaude.training.spec import TuneSpec

MASKED = 0.05
"""Below this share of trained tokens, a warning: most likely the wrong side is learnt."""

ROOM = 1.15
"""An alternative is offered only with so much to spare, since it was not tried."""

HOPELESS = 1.5
"""A run whose shapes need so many times what there is is not even tried."""

MOST_ALTERNATIVES = 4
MOST_SECONDS = 900
"""A trial that takes longer is ended: loading alone then takes minutes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    memory_bytes: its peak, of the process or of the GPU. seconds: from start to end, evaluations
    and checkpoints included. tokens, trained_tokens: read, and learnt from, in the whole run.
    fits: False when the trial itself outgrew the machine, and `memory_bytes` is only what it had
    reached. reasons: sentences for people; warnings begin with "Warning".
    """

    memory_bytes: int
    seconds: float
    tokens: int
    trained_tokens: int
    steps: int
    longest: int
    reasons: tuple[str, ...] = ()
    fits: bool = True


def estimate(
    base: Path,
    dataset: Path,
    spec: TuneSpec,
    machine: Machine,
    *,
    seconds: float = MOST_SECONDS,
    scratch: Path | None = None,
) -> Estimate:
    """Try a run in a process of its own. base, dataset: folders of the model and of the prepared
    rows. seconds: how long the trial may take. scratch: a folder the trial may write in, that the
    caller removes: a trial that is killed leaves a checkpoint behind.

    Raises OutOfMemoryError at once when the shapes alone are beyond this machine, and what loading
    and tokenising raise (CheckpointError, DatasetError, …).
    """
    config = read_facts(base).config
    least = needed(config, spec, min(spec.batch_tokens, config.context), machine.device).total
    if least > HOPELESS * machine.memory:
        raise refusal(config, spec, machine, least, spec.batch_tokens, "by its shapes")
    order = Order(
        base=str(base),
        dataset=str(dataset),
        spec=json.loads(json.dumps(spec.as_dict())),
        device=machine.device,
        limit=machine.memory,
        threads=torch.get_num_threads(),
        scratch="" if scratch is None else str(scratch),
    )
    found = run_child(order, seconds)
    if found.exceeded:
        expected = max(found.memory, least)
        return Estimate(expected, 0.0, 0, 0, 0, spec.batch_tokens, fits=False)
    return Estimate(
        memory_bytes=found.memory,
        seconds=whole_time(found, spec),
        tokens=found.tokens,
        trained_tokens=found.trained,
        steps=found.steps,
        longest=found.longest,
        reasons=(*about_experts(config), *sentences(found, spec)),
    )


def run_child(order: Order, seconds: float) -> Findings:
    """What the trial of `order` finds. Raises its errors; EngineError when it ends otherwise."""
    done = start_child(order, seconds)
    if done.returncode == -signal.SIGINT:
        # Ctrl-C is for us to answer, and reached the trial before it had a session of its own.
        done = start_child(order, seconds)
    lines = done.stdout.strip().splitlines()
    if done.returncode == -9 and not lines:  # the system itself was out of memory
        return Findings(exceeded=True, memory=order.limit)
    if not lines:
        words = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise EngineError(
            f"The trial before the run failed with code {done.returncode}: {words[0][:500]}.",
            hint="Start the run without it, and report this.",
        )
    message = json.loads(lines[-1])
    if "failed" in message:
        raise decode_error(message["failed"])
    return Findings(**message["found"])


def start_child(order: Order, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the trial to its end. Raises EngineError when it takes longer than `seconds`."""
    command = [sys.executable, "-P", "-m", "miniclaude.training.probe"]
    told = json.dumps(asdict(order)) + "\n"
    # Its input stays open for as long as this process lives, so that the child ends with it.
    order_end, our_end = os.pipe()
    try:
        with open(order_end, "rb") as stdin, open(our_end, "wb", buffering=0) as ours:
            ours.write(told.encode())
            return subprocess.run(
                command,
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                env=worker_environment(),
                start_new_session=True,  # Ctrl-C is for us to answer; the trial is soon over
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            f"The trial before the run did not end: {error}.",
            hint="Start the run without it, or with less to do: a smaller model or batch.",
        ) from error


def whole_time(found: Findings, spec: TuneSpec) -> float:
    """Seconds of the whole run: start, steps, evaluations and checkpoints."""
    every = found.steps // spec.evaluate_every if spec.evaluate_every and found.held_out else 0
    at_end = found.held_out and not (spec.evaluate_every and found.steps % spec.evaluate_every == 0)
    evaluations = every + (1 if at_end else 0)
    saves = 1 + every + (found.steps // spec.checkpoint_every if spec.checkpoint_every else 0)
    reference = found.tokens / max(spec.epochs, 1) if spec.objective != "supervised" else 0.0
    read_without_gradient = evaluations * found.held_out + reference
    return (
        found.start_seconds
        + found.tokens * found.token_seconds
        + read_without_gradient * found.held_out_seconds
        + saves * found.save_seconds
    )


def about_experts(config: ModelConfig) -> Iterator[str]:
    """What of a model with experts takes memory, and what takes time."""
    if config.experts:
        total = sum(parameters(config))
        yield (
            f"The model has {total:,} parameters, which are all in memory;"
            f" {total - config.idle_parameters:,} of them compute a token, with"
            f" {config.experts_per_token} of {config.experts} experts a layer."
        )


def sentences(found: Findings, spec: TuneSpec) -> Iterator[str]:
    """What a person should know before the run."""
    share = found.trained / max(found.tokens, 1)
    yield f"{found.summary[0].upper()}{found.summary[1:]}."
    yield (
        f"In {found.steps:,} steps the run reads {found.tokens:,} tokens and learns from"
        f" {found.trained:,} of them ({share:.0%})."
    )
    if share < MASKED:
        yield (
            f"Warning: only {share:.1%} of the tokens are learnt from; the rest is masked. Check"
            " with `mini-claude data preview` that the answers are the assistant's."
        )
    if found.rejected:
        yield f"Warning: {found.rejected:,} rows are left out. The first: {found.first_rejection}"
    yield (
        f"The longest batch has {found.longest:,} tokens; with it the trial took"
        f" {megabytes(found.memory)} at most."
    )
    if found.token_seconds:
        yield (
            f"A trial step reads {1 / found.token_seconds:,.0f} tokens a second; the whole run"
            f" takes about {duration(whole_time(found, spec))}."
        )


def check(estimate: Estimate, machine: Machine, config: ModelConfig, spec: TuneSpec) -> None:
    """Raise OutOfMemoryError, with alternatives that would fit, when the run cannot."""
    if estimate.fits and estimate.memory_bytes <= machine.memory:
        return
    how = "in a trial" if estimate.fits else "at least, where the trial was ended"
    raise refusal(config, spec, machine, estimate.memory_bytes, estimate.longest, how)


def refusal(
    config: ModelConfig, spec: TuneSpec, machine: Machine, memory: int, longest: int, how: str
) -> OutOfMemoryError:
    """Why it does not fit, and what would."""
    offers = [
        f"{words} (about {megabytes(size)})"
        for words, size in alternatives(config, spec, machine, memory, longest)
    ]
    if offers:
        hint = "These would fit: " + "; ".join(offers) + "."
    else:
        smallest = min((size for _, _, size in variants(config, spec, machine, memory, longest)))
        hint = (
            f"Even the most frugal settings need about {megabytes(smallest)}: choose a smaller"
            " model, or free memory."
        )
    return OutOfMemoryError(
        f"This run needs {megabytes(memory)} {how}, and {megabytes(machine.memory)} can be had.",
        hint=hint,
        param="batch_tokens",
    )


def alternatives(
    config: ModelConfig, spec: TuneSpec, machine: Machine, memory: int, longest: int
) -> list[tuple[str, int]]:
    """Settings that would fit, the least change first: what to say, and bytes. memory: what the
    run itself needs, with `longest` positions in its largest forward."""
    fitting: dict[str, tuple[str, int]] = {}
    for words, _, size in variants(config, spec, machine, memory, longest):
        kind = words if words.startswith("method") else words.split()[0]  # of each, the first
        if size * ROOM <= machine.memory:
            fitting.setdefault(kind, (words, size))
    return list(fitting.values())[:MOST_ALTERNATIVES]


def variants(
    config: ModelConfig, spec: TuneSpec, machine: Machine, memory: int, longest: int
) -> Iterator[tuple[str, TuneSpec, int]]:
    """Ways to need less, and what each needs: the trial's own figure, less what the shapes say is
    saved."""
    own = needed(config, spec, longest, machine.device).total

    def size(other: TuneSpec, positions: int) -> int:
        return max(0, memory - own + needed(config, other, positions, machine.device).total)

    for words, other, positions in savings(spec, longest):
        yield words, other, size(other, positions)


def savings(spec: TuneSpec, longest: int) -> Iterator[tuple[str, TuneSpec, int]]:
    """The settings changed one at a time, and then together; with the largest forward of each."""
    single = min(spec.max_length, longest)
    smaller = [tokens for tokens in (1024, 512, 256) if single <= tokens < longest] or (
        [single] if single < longest else []
    )
    for tokens in smaller:
        more = min(4096, spec.accumulate * -(-spec.batch_tokens // tokens))
        yield (
            f"batch_tokens {tokens:,} with accumulate {more}, the same step in smaller parts",
            replace(spec, batch_tokens=tokens, accumulate=more),
            tokens,
        )
    checkpointed = replace(spec, gradient_checkpointing=True)
    if not spec.gradient_checkpointing:
        yield "gradient_checkpointing, a third slower", checkpointed, longest
    if spec.method == "full":
        yield "method lora", replace(spec, method="lora"), longest
    if spec.method != "qlora":
        yield "method qlora with bits 8", replace(spec, method="qlora", bits=8), longest
    if spec.method != "qlora" or spec.bits == 8:
        yield "method qlora with bits 4", replace(spec, method="qlora", bits=4), longest
    for length in (512, 256, 128):
        if length < single:
            shorter = replace(checkpointed, max_length=length, batch_tokens=length)
            together = replace(shorter, method="qlora", bits=4)
            yield (
                f"max_length {length}, batch_tokens {length} and gradient_checkpointing,"
                " longer rows cut",
                shorter,
                length,
            )
            yield (
                f"method qlora with bits 4, max_length {length}, batch_tokens {length} and"
                " gradient_checkpointing",
                together,
                length,
            )


def megabytes(size: int) -> str:
    """`820 MB` or `12.4 GB`."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e10 else f"{size / 1e6:,.0f} MB"
