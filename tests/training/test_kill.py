"""A run that is killed goes on as if it had not been."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMES = {"seconds", "tokens_per_second", "seconds_left"}


def start(folder: Path) -> subprocess.Popen[str]:
    """A training process; one line a record."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.killable", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def records(folder: Path) -> list[dict[str, object]]:
    """The log, without what the clock says."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in TIMES}
        for line in lines
    ]


def test_killed_again_and_again_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL at random steps: dropout, the averaged weights, the best so far, early stopping and
    the log must all go on where they were, or the result differs in some bit."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(whole)
    process.communicate()
    assert process.returncode == 0
    source = random.Random(5)
    for _ in range(2):
        process = start(killed)
        assert process.stdout is not None
        for _ in range(source.randrange(2, 20)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not (killed / "result.safetensors").exists()
    process = start(killed)
    process.communicate()
    assert process.returncode == 0
    assert (killed / "result.safetensors").read_bytes() == (
        whole / "result.safetensors"
    ).read_bytes()
    assert records(killed) == records(whole)
    steps = [record["step"] for record in records(whole) if "loss" in record]
    assert steps == list(range(1, len(steps) + 1))
