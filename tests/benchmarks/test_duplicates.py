"""A benchmark nobody runs rots: this runs it on a few rows. Its times are not looked at."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "duplicates.py"


def test_both_searches_find_what_the_exact_join_finds(tmp_path: Path) -> None:
    source = random.Random(2)
    folder = tmp_path / "taskmaster4"
    folder.mkdir()
    with (folder / "taskmaster4.jsonl.gz").with_suffix("").open("w") as file:
        for number in range(150):
            words = [f"word{source.randrange(300)}" for _ in range(60)]
            turns = [
                {"speaker": "user", "text": " ".join(words[:20])},
                {"speaker": "assistant", "text": f"{' '.join(words[20:])} {number}."},
            ]
            file.write(json.dumps({"turns": turns}) + "\n")
    subprocess.run(["gzip", str(folder / "taskmaster4.jsonl")], check=True)  # noqa: S607
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "--rows", "150", "--repeats", "1"],
        capture_output=True,
        check=True,
        text=True,
    )
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["rows"] == 150
    assert report["recall"] == {"ours": 1.0, "batch": 1.0, "bulk": 1.0}
    assert min(report["stage_ratio"], report["stage_ratio_bulk"]) > 0
    assert min(report["whole_ratio"], report["whole_ratio_bulk"]) >= 0
    assert set(report["stages_us"]) == {
        *("read", "clean", "personal_data", "safety", "duplicates", "split", "write")
    }
