"""The whole suite in two processes at once, and what both have covered.

    python -m tests.run [--fail-under PERCENT]

One has the tests that compute, the other those that serve: databases, servers, a browser. Each is a
plain pytest run. pytest-xdist would share them more evenly, but with coverage measured a greenlet
of the database or the browser that ends in one of its workers can hang CPython 3.11.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import IO

TESTS = Path(__file__).parent
# pytest's last line: "3 failed, 5962 passed, 3 skipped in 2520.11s (0:42:00)".
SUMMARY = re.compile(r"\d+ (failed|passed|error)\b.* in [0-9.]+s")
COMPUTING = (
    "benchmarks",
    "cli",
    "data",
    "engine",
    "evaluation",
    "jobs",
    "model",
    "parity",
    "recipes",
    "tokenizer",
    "training",
)


def parts() -> dict[str, list[Path]]:
    """The folders and files of each process, by its name."""
    found = sorted(
        path
        for path in TESTS.iterdir()
        if (path.is_dir() and any(path.rglob("test_*.py"))) or path.match("test_*.py")
    )
    return {
        "computing": [path for path in found if path.name in COMPUTING],
        "serving": [path for path in found if path.name not in COMPUTING],
    }


def show(name: str, output: IO[str], ends: list[str]) -> None:
    """Print lines as they come, each behind the name of its process; keep what failed in `ends`."""
    for line in output:
        print(f"{name:9}  {line}", end="", flush=True)
        if line.startswith(("FAILED ", "ERROR ")) or SUMMARY.match(line):
            ends.append(f"{name:9}  {line.rstrip()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fail-under", type=float, default=0.0, help="percent of lines covered")
    options = parser.parse_args()
    root = TESTS.parent
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "erase"], cwd=root, check=True)
    running = []
    ends: list[str] = []
    for name, paths in parts().items():
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "--cov", "--cov-report=", "--durations=10", *paths],
            cwd=root,
            env={**os.environ, "COVERAGE_FILE": str(root / f".coverage.{name}")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None  # it is a pipe
        thread = Thread(target=show, args=(name, process.stdout, ends))
        thread.start()
        running.append((process, thread))
    for _, thread in running:
        thread.join()
    codes = [process.wait() for process, _ in running]
    subprocess.run([*coverage, "combine", "--quiet"], cwd=root, check=True)
    report = [*coverage, "report", "--skip-covered", f"--fail-under={options.fail_under}"]
    covered = subprocess.run(report, cwd=root, check=False).returncode
    # Last, for whoever sees only the end of a log.
    print(*sorted(ends), sep="\n", flush=True)
    return covered or max(map(abs, codes))


if __name__ == "__main__":
    sys.exit(main())
