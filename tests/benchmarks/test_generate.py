"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "generate.py"


def test_both_sides_run_and_give_the_same_answer() -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--repeats", "1", "--threads", "1"],
        capture_output=True,
        check=True,
        text=True,
    )
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["same_answer"]
    figures = {"first_token_ms", "alone", "streams", "together", "peak_mb"}
    assert set(report["ratios"]) == figures
    assert all(value > 0 for value in [*report["ours"].values(), *report["transformers"].values()])
