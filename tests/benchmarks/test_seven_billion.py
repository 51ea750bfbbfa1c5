"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "seven_billion.py"


def test_it_makes_quantises_and_serves() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--repeats", "1", "--threads", "1"],
        capture_output=True,
        check=True,
        text=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert set(report["ratios"]) == {"quantise_mb", "serve_mb", "share"}
    assert report["quantise_mb"] > 0
    assert report["decode"] > 0
