"""A worker whose work is a stand-in: five steps that the job's suffix directs.

Run as a program, as the runner runs the real one. What a step has saved is `state.json` in the
job's folder, so that a second life can be told from the first.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Literal

from miniclaude.errors import DatasetError, DiskFullError, OutOfMemoryError
from miniclaude.jobs.order import Control, JobOrder, JobResult, Tell
from miniclaude.jobs.worker import main

STEPS = 5


def run(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """Suffixes: `waits` (at step 3, until something is wished), `dies-N` (its first N lives, at
    step 3), `dies-late` (once, with its result half written), `full` and `no-room` (their
    first lives), `bad-rows`, `fault`."""
    state_file = folder / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {"step": 0, "lives": 0}
    state["lives"] += 1
    state_file.write_text(json.dumps(state))
    if order.suffix == "bad-rows":
        raise DatasetError("rows.jsonl, line 3: it is bad.", hint="Mend it.", param="training_file")
    if order.suffix == "fault":
        raise RuntimeError("the stand-in has a fault")
    if order.suffix == "full" and state["lives"] == 1:
        raise DiskFullError("No space is left.", hint="Free some.")
    if order.suffix == "no-room" and state["lives"] == 1:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    tell({"event": "plan", "total_steps": STEPS, "seconds": 60.0, "trained_tokens": 500})
    for step in range(state["step"] + 1, STEPS + 1):
        if wish := wished(order, state, step, control):
            return JobResult(wish)
        if step == 3 and state["lives"] <= doomed_lives(order.suffix):
            os.kill(os.getpid(), signal.SIGKILL)
        loss = {"train_loss": 4.0 - step / 2, "bad": float("inf")}
        pace = {"seconds_left": 12.0 * (STEPS - step), "tokens_per_second": 900.0}
        if not order.suffix.startswith("waits"):
            pace = {}
        tell({"event": "metrics", "step": step, "total_steps": STEPS, **loss, **pace})
        if step == 2 and order.suffix != "dies-9":
            state_file.write_text(json.dumps({**state, "step": step}))
            samples = [{"prompt": "Who?", "answer": "Nobody.\x00"}, "no sample"]
            tell({"event": "checkpoint", "step": step, "valid_loss": 3.5, "samples": samples})
    return JobResult(
        "finished",
        fine_tuned_model=order.fine_tuned_model,
        folder=write_result(order, state["lives"]),
        trained_tokens=500,
        metrics={"valid_loss": 1.5},
        files=(write_report(folder),),
    )


def doomed_lives(suffix: str) -> int:
    """How many lives `dies-N` is to end early."""
    count = suffix.removeprefix("dies-")
    return int(count) if count.isdecimal() else 0


def wished(
    order: JobOrder, state: dict[str, int], step: int, control: Control
) -> Literal["paused", "cancelled"] | None:
    """What ends the work before this step."""
    wish = control()
    if order.suffix == "waits" and step == 3 and state["lives"] == 1:
        while (wish := control()) == "go":
            threading.Event().wait(0.005)
    if wish == "pause":
        return "paused"
    return "cancelled" if wish == "cancel" else None


def write_result(order: JobOrder, lives: int) -> Path:
    """The base's own files under the new name."""
    made = order.adapters / order.model_id
    partial = order.adapters / f".{order.model_id}.{lives}.partial"
    shutil.copytree(order.base_folder, partial)
    if order.suffix == "dies-late" and lives == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    about = {
        "name": order.fine_tuned_model,
        "base": order.base,
        "created": 1_700_000_000,
        "method": "full",
        "sha256": {},
        "rows": sum(count_rows(source.path) for source in order.training),
        "spec": dict(order.spec),
        "environment": sorted(os.environ),
        "niceness": os.nice(0),
    }
    (partial / "mini-claude.json").write_text(json.dumps(about))
    partial.rename(made)
    return made


def count_rows(path: str) -> int:
    """Lines of a file; `seed` is none."""
    return 0 if path == "seed" else len(Path(path).read_text().splitlines())


def write_report(folder: Path) -> Path:
    """A report to keep."""
    report = folder / "report.json"
    report.write_text('{"perplexity": 4.5}')
    return report


def check(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """Rows are good, unless they say that they are bad."""
    for source in order.training:
        if source.path != "seed" and "BAD" in Path(source.path).read_text():
            raise DatasetError(
                f"{source.name}, line 1: missing_messages_list: it says so.",
                hint="Do not say so.",
                param="training_file",
                code="invalid_training_file",
            )
    return JobResult("finished")


def foretell(order: JobOrder, folder: Path, tell: Tell, control: Control) -> JobResult:
    """As many steps as were asked for, or five. Suffixes: `bad-rows`, `too-large`, `talks` (more
    than anybody reads), `hangs` (until it is ended), `dies`."""
    check(order, folder, tell, control)
    if order.suffix == "bad-rows":
        raise DatasetError("rows.jsonl, line 3: it is bad.", hint="Mend it.", param="training_file")
    if order.suffix == "too-large":
        tell({"event": "message", "message": "Method lora: it is small."})
        raise OutOfMemoryError("It needs 9 GB, and 1 GB can be had.", hint="Use qlora.")
    if order.suffix == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    for number in range(1000 if order.suffix == "talks" else 1):
        tell({"event": "message", "message": f"epochs 3: reason {number}."})
    while order.suffix == "hangs":
        (folder / "hangs").touch()
        threading.Event().wait(60)
    tell({"event": "message", "level": "warn", "message": "Warning: it is a stand-in."})
    foretold = {"steps": order.spec.get("steps", STEPS), "seconds": 12.5, "trained_tokens": 500}
    spec = {"method": "lora", "learning_rate": 0.002, "lora": {"r": 8}}
    memory = {"memory_bytes": 10**9, "memory_free": 4 * 10**9}
    tell({"event": "foretold", "spec": spec, **foretold, **memory})
    return JobResult("finished")


if __name__ == "__main__":
    main({"train": run, "validate": check, "foretell": foretell})
