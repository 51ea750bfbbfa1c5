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


def report_of(weights: Path, *arguments: str) -> dict[str, Any]:
    quick = ["--quick", "--repeats", "1", "--threads", "1", "--weights", str(weights)]
    report: dict[str, Any] = json.loads(script("generate.py", *quick, *arguments).splitlines()[-1])
    return report


def test_both_sides_give_the_same_answer_and_the_picture_shows_them(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    report = report_of(tmp_path, "--results", str(results))
    assert report["same_ids"] == {"ours": 9, "transformers": 9}
    figures = {"first_token_ms", "alone", "reply_ms", "streams_4", "requests_4"}
    assert set(report["ratios"]) == figures | {"peak_alone_mb", "peak_mb"}
    assert all(value > 0 for value in [*report["ours"].values(), *report["transformers"].values()])

    kept = json.loads(results.read_text())
    kept["quick"]["ours-int8"] = kept["quick"].pop("ours")
    results.write_text(json.dumps(kept))
    picture = tmp_path / "speed.svg"
    script("picture.py", "--results", str(results), "--shape", "quick", "--into", str(picture))
    assert ">ours-int8</text>" in picture.read_text()


def test_packed_weights_are_a_side_of_their_own(tmp_path: Path) -> None:
    report = report_of(tmp_path, "--sides", "ours-int4", "ours-int8")
    for side in ("ours-int4", "ours-int8"):
        assert 0 <= report[side]["share"] < 10
        assert report[side]["streams_4"] > 0


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
