"""A trial of a fine-tuning run: a few real steps, in a process of their own.

A child loads the real model and the real data and runs the real loop: one step on the longest
batches, where memory peaks, then some on the run's first ones, which are timed. What it finds goes
back as one line of JSON. In a process of its own, what does not fit ends the child and nothing
else; it watches its own size and leaves when it passes the limit.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.engine.protocol import encode_error
from miniclaude.errors import MiniClaudeError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.held_out import mean_loss
from miniclaude.training.loop import Wish, train
from miniclaude.training.machine import own_memory
from miniclaude.training.material import Material, gather
from miniclaude.training.objective import BatchSource
from miniclaude.training.preference_material import gather_comparisons, unknown_reference
from miniclaude.training.run_log import RunLog
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tune import base_dtype, prepare_model, training_config

TIMED_SECONDS = 2.0
"""Steps are timed until they have taken so long together, or there have been MOST_STEPS."""

MOST_STEPS = 20
MOST_ACCUMULATED = 4
WATCH_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Order:
    """What the child is told. limit: bytes it may grow to, 0 for any. threads: of PyTorch.
    scratch: the folder it may write in; empty for the system's place for such things."""

    base: str
    dataset: str
    spec: dict[str, Any]
    device: str = "cpu"
    limit: int = 0
    threads: int = 1
    scratch: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the trial found.

    summary: the material's own. rejected: rows with nothing to learn; first_rejection: why.
    steps, tokens, trained: of the whole run, exactly. held_out: positions of an evaluation.
    longest: positions of the largest batch. memory: peak, bytes. exceeded: the child left before
    the end because `memory` passed the limit; then nothing was timed.
    token_seconds: of training, for each position; held_out_seconds: the same without gradients.
    start_seconds: to load and to tokenise. save_seconds: of a checkpoint.
    """

    summary: str = ""
    first_rejection: str = ""
    rejected: int = 0
    steps: int = 0
    tokens: int = 0
    trained: int = 0
    held_out: int = 0
    longest: int = 0
    memory: int = 0
    exceeded: bool = False
    token_seconds: float = 0.0
    held_out_seconds: float = 0.0
    start_seconds: float = 0.0
    save_seconds: float = 0.0


class Some:
    """Some batches of a run, by number, again and again."""

    def __init__(self, source: BatchSource[Any], numbers: Sequence[int]) -> None:
        self.source, self.numbers = source, numbers

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, number: int) -> Any:
        """Batch `number` of the trial."""
        return self.source[self.numbers[number % len(self.numbers)]]


def trial(order: Order) -> Findings:
    """Run it, in this process. Raises what loading, tokenising and training raise."""
    began = time.perf_counter()
    spec = TuneSpec.from_dict(order.spec)
    device = torch.device(order.device)
    model = load_model(Path(order.base), device=device, dtype=base_dtype(spec))
    material = read(model, order, spec)
    prepare_model(model, spec)
    sizes, trained = sizes_of(material)
    config = training_config(spec, len(material.batches))
    used = slice(0, config.steps * config.accumulate)
    start = time.perf_counter() - began
    timed = time_steps(model, material, spec, sizes, order.scratch)
    held_out = held_out_size(material)
    return Findings(
        summary=material.summary,
        first_rejection=str(material.rejected[0]) if material.rejected else "",
        rejected=len(material.rejected),
        steps=config.steps,
        tokens=sum(sizes[used]),
        trained=sum(trained[used]),
        held_out=held_out,
        longest=max(sizes),
        memory=peak_memory(device),
        token_seconds=timed["token_seconds"],
        held_out_seconds=time_evaluation(model, material, spec),
        start_seconds=start,
        save_seconds=timed["save_seconds"],
    )


def read(model: Transformer, order: Order, spec: TuneSpec) -> Material:
    """The run's batches; of a preference run without the references, which take long."""
    dataset = PreparedDataset.open(Path(order.dataset))
    tokenizer = load_tokenizer(Path(order.base))
    context = model.config.context
    if spec.objective == "supervised":
        return gather(dataset, tokenizer, spec, context)
    return gather_comparisons(dataset, tokenizer, spec, context, unknown_reference)


def sizes_of(material: Material) -> tuple[list[int], list[int]]:
    """Positions, and trained tokens, of every batch."""
    batches = (material.batches[number] for number in range(len(material.batches)))
    pairs = [(batch.positions, batch.trained) for batch in batches]
    return [size for size, _ in pairs], [trained for _, trained in pairs]


def held_out_size(material: Material) -> int:
    """Positions of one evaluation."""
    held_out = material.validation
    if held_out is None:
        return 0
    return sum(int(held_out[number].positions) for number in range(len(held_out)))


def time_steps(
    model: Transformer, material: Material, spec: TuneSpec, sizes: Sequence[int], scratch: str
) -> dict[str, float]:
    """One step on the longest batches, then timed ones, then a checkpoint in `scratch`."""
    accumulate = min(spec.accumulate, MOST_ACCUMULATED)
    longest = sorted(range(len(sizes)), key=lambda number: -sizes[number])[:accumulate]
    first = [number % len(sizes) for number in range(MOST_STEPS * accumulate)]
    numbers = [longest[n % len(longest)] for n in range(accumulate)] + first
    stamps: list[float] = []

    def control() -> Wish:
        stamps.append(time.perf_counter())
        timed = len(stamps) - 2
        enough = timed >= 1 and stamps[-1] - stamps[1] >= TIMED_SECONDS
        return "pause" if enough or timed == MOST_STEPS else "go"

    plan = {"steps": MOST_STEPS + 2, "accumulate": accumulate, "patience": 0}
    plan |= {"evaluate_every": 0, "checkpoint_every": 0}
    config = training_config(TuneSpec.from_dict({**spec.as_dict(), **plan}), len(numbers))
    with tempfile.TemporaryDirectory(dir=scratch or None) as folder:
        train(
            model,
            Some(material.batches, numbers),
            config,
            objective=material.objective,
            folder=Path(folder),
            log=RunLog(terminal=io.StringIO()),
            control=control,
        )
        ended = time.perf_counter()
    steps = len(stamps) - 2
    positions = sum(sizes[number] for number in first[: steps * accumulate])
    took = stamps[-1] - stamps[1] if steps > 0 else 0.0
    return {"token_seconds": took / max(positions, 1), "save_seconds": ended - stamps[-1]}


def time_evaluation(model: Transformer, material: Material, spec: TuneSpec) -> float:
    """Seconds for each held-out position; of preferences, for each position of the reference."""
    source = material.batches if material.validation is None else material.validation

    class First(Some):
        def __len__(self) -> int:
            return 1

    one = First(source, [0])
    began = time.perf_counter()
    mean_loss(material.objective, one, spec.precision)(model.eval())
    return (time.perf_counter() - began) / max(int(one[0].positions), 1)


def peak_memory(device: torch.device) -> int:
    """Bytes: of a GPU, the most that was allocated; else the most this process has held.

    VmHWM rather than getrusage, whose maximum a child inherits from the process that started it.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return own_memory("VmHWM")


def leave_when_too_large(limit: int, tell: Callable[[Mapping[str, object]], None]) -> None:
    """End this process, with the findings so far, once it holds more than `limit` bytes."""

    def watch() -> None:
        while True:
            held = own_memory("VmRSS")
            if held > limit:
                tell({"found": asdict(Findings(memory=held, exceeded=True))})
                os._exit(0)
            time.sleep(WATCH_SECONDS)

    threading.Thread(target=watch, daemon=True).start()


def leave_with_parent() -> None:
    """End this process when its standard input ends: whoever asked was killed, and nobody will
    read what is found."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Read an order from standard input, write what was found to standard output."""
    order = Order(**json.loads(sys.stdin.readline()))
    leave_with_parent()
    answer = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints is not an answer

    def tell(message: Mapping[str, object]) -> None:
        answer.write(json.dumps(message) + "\n")
        answer.flush()

    torch.set_num_threads(order.threads)
    if order.limit and order.device == "cpu":
        leave_when_too_large(order.limit, tell)
    try:
        tell({"found": asdict(trial(order))})
    except MiniClaudeError as error:
        tell({"failed": encode_error(error)})
    except torch.OutOfMemoryError:
        tell({"found": asdict(Findings(memory=peak_memory(torch.device("cuda")), exceeded=True))})


if __name__ == "__main__":
    main()
