"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "generate.py"


def report_of(*arguments: str) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--repeats", "1", "--threads", "1", *arguments],
        capture_output=True,
        check=True,
        text=True,
    )
    report: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return report


def test_both_sides_run_and_give_the_same_answer() -> None:
    report = report_of()
    assert report["same_answer"]
    figures = {"first_token_ms", "alone", "streams", "together", "peak_mb"}
    assert set(report["ratios"]) == figures
    assert all(value > 0 for value in [*report["ours"].values(), *report["transformers"].values()])


def test_packed_weights_are_a_side_of_their_own() -> None:
    report = report_of("--sides", "ours-int4", "ours-int8")
    for side in ("ours-int4", "ours-int8"):
        assert 0 <= report[side]["share"] < 10
        assert report[side]["streams"] > 0
