"""What the card says of the bundled model's speed can be measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bundled_model_is_measured() -> None:
    """A figure nobody can take again is a claim."""
    command = ["--dtypes", "float32", "--threads", "1", "--repeats", "1", "--answer", "8"]
    done = subprocess.run(
        [sys.executable, "benchmarks/bundled.py", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert row["dtype"] == "float32"
    assert row["prompt"] > 10
    assert min(row[name] for name in ("load_s", "first_token_ms", "tok_s")) > 0
