"""Is a run that was killed the same as one that was not? SIGKILL at ten random steps, compared.

    python benchmarks/kill_nine.py [--times 10] [--seed 1]

Each time the training of tests/training/killable.py (an adapter with dropout, accumulation,
averaged weights, evaluation and early stopping) is killed once at a random step, taken up again to
its end, and its weights and its log compared with those of the uninterrupted run. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def start(folder: Path) -> subprocess.Popen[str]:
    """The training process; a line a record."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.killable", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def digest(folder: Path) -> str:
    """Of the weights that the run ended with."""
    return hashlib.sha256((folder / "result.safetensors").read_bytes()).hexdigest()


def finish(folder: Path) -> str:
    """Run to the end, from wherever it is."""
    process = start(folder)
    process.communicate()
    if process.returncode:
        raise SystemExit("the training process failed; see above")
    return digest(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    equal, killed_at = 0, []
    with tempfile.TemporaryDirectory(prefix="kill-nine-") as name:
        expected = finish(Path(name) / "whole")
        for number in range(arguments.times):
            folder = Path(name) / str(number)
            process = start(folder)
            assert process.stdout is not None
            step = ""
            for _ in range(source.randrange(1, 30)):
                step = process.stdout.readline().strip() or step
            process.send_signal(signal.SIGKILL)
            process.communicate()
            same = finish(folder) == expected
            equal += same
            killed_at.append(int(step))
            print(f"killed at step {step}: {'the same' if same else 'DIFFERENT'}", flush=True)
    result = {"benchmark": "kill_nine", "times": arguments.times, "equal": equal}
    print(json.dumps({**result, "killed_at": killed_at, "sha256": expected}))


if __name__ == "__main__":
    main()
