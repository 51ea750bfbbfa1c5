"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "draft.py"


def test_both_sides_say_the_same() -> None:
    """The script itself asserts it, in float32."""
    short = ["--answer", "12", "--repeats", "1", "--threads", "1", "--dtype", "float32"]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", *short], check=True, capture_output=True, text=True
    )
    figures = json.loads(result.stdout.splitlines()[-1])
    assert set(figures["ratios"]) == {"right", "wrong", "itself"}
