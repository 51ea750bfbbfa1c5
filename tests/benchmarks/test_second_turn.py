"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "second_turn.py"


@pytest.mark.parametrize("dtype", ["bfloat16", "int4"])
def test_the_second_turn_finds_its_first(dtype: str) -> None:
    """The script itself asserts that the conversation goes on the same with the cache and off."""
    short = ["--prompt", "64", "--answer", "4", "--more", "4", "--repeats", "1", "--dtype", dtype]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", *short], check=True, capture_output=True, text=True
    )
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["reused"] == 64
    assert set(figures["ms"]) == {"first", "in place", "copied", "off"}
