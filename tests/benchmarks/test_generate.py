"""A benchmark nobody runs rots: this runs it on a tiny model. Its times are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def script(name: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments], capture_output=True, check=True, text=True
    )
    return result.stdout


def test_sides_give_the_same_answer_and_the_picture_shows_them(tmp_path: Path) -> None:
    """One run for all, for each side is a process that loads PyTorch."""
    results, picture = tmp_path / "results.json", tmp_path / "speed.svg"
    quick = ["--quick", "--repeats", "1", "--threads", "1", "--weights", str(tmp_path)]
    quick += ["--sides", "ours", "ours-int4", "transformers", "--results", str(results)]
    report: dict[str, Any] = json.loads(script("generate.py", *quick).splitlines()[-1])
    assert report["same_ids"]["ours"] == report["same_ids"]["transformers"] == 9
    figures = {"first_token_ms", "alone", "reply_ms", "streams_4", "requests_4"}
    assert set(report["ratios"]) == figures | {"peak_alone_mb", "peak_mb"}
    for side in ("ours", "ours-int4", "transformers"):
        assert all(report[side][figure] > 0 for figure in report["ratios"])
    assert 0 <= report["ours-int4"]["share"] < 10

    script("picture.py", "--results", str(results), "--shape", "quick", "--into", str(picture))
    assert ">ours-int4</text>" in picture.read_text()


def test_a_peer_that_is_not_installed_is_asked_for(tmp_path: Path) -> None:
    """Not a traceback from deep inside."""
    code = "import peers, sys, pathlib; peers.python_of('openvino', pathlib.Path(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=FOLDER,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("openvino is not installed in ")
    assert "python benchmarks/peers.py install openvino --into" in result.stderr
