"""`mini-claude eval` as people run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Terminal, run

ROWS = [
    {"kind": "facts", "messages": "hello", "pass": {"ends": True}, "max_tokens": 4},
    {"kind": "facts", "messages": "the cat", "pass": {"min_words": 9}, "max_tokens": 4},
    {"messages": "hi", "reference": "hello, how are you today?", "max_tokens": 4},
    {"opening": "hello"},
    {"turns": ["hello", "the cat sat"]},
    {"text": "the cat sat on the mat"},
]


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


def test_a_model_is_measured_and_compared_with_itself(
    home: Path, suite: str, tmp_path: Path
) -> None:
    out = tmp_path / "report.json"
    common = ("eval", "--model", "tiny", "--suite", suite, "--replies", "2")
    first = run(home, *common, "--out", str(out))
    assert (first.stderr, first.returncode) == ("", 0)
    assert "tiny (float32, 28,192 parameters) on rows.jsonl" in first.stdout
    for measure in ("facts", "BLEU", "bits per byte, text", "either in sampled replies"):
        assert measure in first.stdout
    assert f"The report is in {out}, with pictures in {tmp_path / 'report.html'}" in first.stdout
    assert "tiny: evaluation" in (tmp_path / "report.html").read_text(encoding="utf-8")
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["kinds"]["facts"]["count"] == 2
    assert report["replies"]["count"] == 2

    again = tmp_path / "again.json"
    second = run(home, *common, "--out", str(again), "--compare", str(out))
    assert again.read_bytes() == out.read_bytes()
    assert second.returncode == 0
    assert "Go: it may take the place of tiny (float32)." in second.stdout

    report["held_out"]["texts"]["bits_per_byte"] = 0.1
    out.write_text(json.dumps(report), encoding="utf-8")
    third = run(home, *common, "--compare", str(out))
    assert third.returncode == 1
    assert "No go: it may not take the place of tiny (float32)." in third.stdout
    assert "bits a byte, 0.100 before; it may be 3.0% more." in third.stdout


def test_a_model_folder_needs_no_library(home: Path, suite: str, tiny_folder: Path) -> None:
    done = run(home, "eval", "--model", str(tiny_folder), "--suite", suite, "--replies", "0")
    assert done.returncode == 0, done.stderr
    assert "tiny (float32" in done.stdout
    assert "sampled replies" not in done.stdout


def test_a_transcript_is_markdown(home: Path, suite: str, tmp_path: Path) -> None:
    out = tmp_path / "talk.md"
    done = run(home, "eval", "--model", "tiny", "--suite", suite, "--transcript", str(out))
    assert done.stdout == f"The transcript is in {out}\n", done.stderr
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# tiny in conversation\n\nfloat32, the likeliest answers, unedited.")
    assert text.count("**Assistant:**") == 2


def test_progress_is_shown_at_a_terminal(home: Path, suite: str) -> None:
    with Terminal(home, "eval", "--model", "tiny", "--suite", suite, "--replies", "1") as terminal:
        terminal.wait_for("Checks")
        terminal.wait_for("Likelihoods")
        terminal.wait_for("bits per byte")
        assert terminal.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--model", "none"), 1, "error: model: 'none' is not installed."),
        (("--suite", "none.jsonl"), 1, "error: suite: there is no none.jsonl.\nGive a file of"),
        (("--compare", "none.json"), 1, "error: compare: none.json: it cannot be read: No such"),
        (("--out", "none/report.json"), 1, "there is no folder"),
        (("--out", "report.html"), 2, "--out is the JSON report"),
        (("--replies", "-1"), 2, "--replies"),
    ],
)
def test_mistakes_are_said_before_any_work(
    home: Path, suite: str, arguments: tuple[str, ...], status: int, message: str
) -> None:
    given = ("--suite", suite) if "--suite" not in arguments else ()
    done = run(home, "eval", *arguments, *given)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_transcript_needs_scripts(home: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"opening": "hi"}\n', encoding="utf-8")
    out = tmp_path / "talk.md"
    done = run(home, "eval", "--model", "tiny", "--suite", str(rows), "--transcript", str(out))
    assert done.returncode == 1
    assert "transcript: no row of the suite has 'turns'.\nAdd rows such as" in done.stderr
    assert not out.exists()
