"""Benchmarks nobody runs rot: these run on a tiny model. Their times are not looked at, their
losses are: both sides must learn the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def test_both_sides_take_the_same_steps(tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    with data.open("w") as file:
        for n in range(40):
            said = [("user", f"What is {n}?"), ("assistant", f"{n} is a number. " * (1 + n % 4))]
            messages = [{"role": role, "content": content} for role, content in said]
            file.write(json.dumps({"messages": messages}) + "\n")
    command = [sys.executable, str(BENCHMARKS / "finetune.py"), "--quick", "--threads", "1"]
    command += ["--steps", "3", "--dtype", "float32", "--data", str(data)]
    result = subprocess.run(command, capture_output=True, check=True, text=True)
    [figures] = json.loads(result.stdout.splitlines()[-1])["results"]
    assert figures["largest_loss_difference"] < 1e-3
    assert figures["speed"] > 0
    assert figures["memory"] > 0
