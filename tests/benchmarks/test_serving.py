"""A benchmark nobody runs rots: this runs it for a moment. Its figures are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "serving.py"


def test_a_live_server_is_measured() -> None:
    """The script itself asserts that whoever was to be answered was, and the crowd refused."""
    parts = ["--parts", "memory", "overload"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--threads", "1", *parts],
        capture_output=True,
        check=True,
        text=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert {"memory_mb", "refused_ms", "burst_refused_ms"} <= figures.keys()
    assert figures["queue_refusals"] > 0
    assert figures["answers_refusals"] > 0
    assert figures["burst_refusals"] > 0
