"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "adapters.py"


def test_it_measures_all_sides() -> None:
    short = ["--prompt", "4", "--answer", "3", "--repeats", "1", "--threads", "1"]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", *short], check=True, capture_output=True, text=True
    )
    figures = json.loads(result.stdout.splitlines()[-1])
    assert set(figures["streams"]) == {"base", "one", "two", "eight"}
    assert all(value > 0 for value in figures["streams"].values())
