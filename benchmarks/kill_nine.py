"""Is a run that was killed the same as one that was not? SIGKILL at ten random steps, compared.

    python benchmarks/kill_nine.py [--times 10] [--seed 1]

Each time the training of tests/training/killable.py (an adapter with dropout, accumulation,
averaged weights, evaluation and early stopping) is killed at a random step, taken up again to its
end, and compared with the uninterrupted run, byte for byte: the weights it ends with, the last
checkpoint (weights, optimizer, average), and the log but for what the clock says. The steps it was
killed at and those it went on from are shown. The last line is JSON; the exit status is 1 when a
run differs.
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
CLOCK = {"seconds", "tokens_per_second", "seconds_left"}
"""What the log says of time."""


def start(folder: Path) -> subprocess.Popen[str]:
    """The training process; a line a record, its step."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.killable", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(folder: Path) -> int:
    """Run to the end, from wherever it is; how many records that printed."""
    process = start(folder)
    printed, _ = process.communicate()
    if process.returncode:
        raise SystemExit("the training process failed; see above")
    return len(printed.splitlines())


def outcome(folder: Path) -> dict[str, str]:
    """SHA-256 of everything a run leaves, by name."""
    [*_, last] = sorted((folder / "checkpoints").glob("step-*"))
    files = {"result": folder / "result.safetensors"}
    files |= {f"{last.name}/{path.name}": path for path in sorted(last.glob("*.safetensors"))}
    digests = {name: path.read_bytes() for name, path in files.items()}
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    told = [{name: record[name] for name in record.keys() - CLOCK} for record in records]
    digests["log"] = json.dumps(told, sort_keys=True).encode()
    return {name: hashlib.sha256(content).hexdigest() for name, content in digests.items()}


def newest_checkpoint(folder: Path) -> int:
    """The step a killed run goes on from."""
    found = sorted((folder / "checkpoints").glob("step-????????"))
    return int(found[-1].name.removeprefix("step-")) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    equal, killed_at, went_on_from = 0, [], []
    with tempfile.TemporaryDirectory(prefix="kill-nine-") as name:
        records = finish(Path(name) / "whole")
        expected = outcome(Path(name) / "whole")
        for number in range(arguments.times):
            folder = Path(name) / str(number)
            process = start(folder)
            assert process.stdout is not None
            step = 0
            for _ in range(source.randrange(1, records - 1)):
                line = process.stdout.readline().strip()
                step = int(line) if line.isdigit() else step
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode != -signal.SIGKILL:
                raise SystemExit(f"the run was over before it could be killed at step {step}")
            killed_at.append(step)
            went_on_from.append(newest_checkpoint(folder))
            finish(folder)
            found = outcome(folder)
            different = [key for key in expected if found.get(key) != expected[key]]
            equal += found == expected
            verdict = f"DIFFERENT: {', '.join(different)}" if different else "the same"
            print(f"killed at step {step}, from {went_on_from[-1]}: {verdict}", flush=True)
    result = {"benchmark": "kill_nine", "times": arguments.times, "equal": equal}
    steps = {"killed_at": killed_at, "went_on_from": went_on_from}
    print(json.dumps({**result, **steps, "compared": expected}))
    sys.exit(equal != arguments.times)


if __name__ == "__main__":
    main()
