"""`mini-claude pretrain` as people run it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import run


def test_a_text_becomes_a_model_of_its_own(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The cat sat on the mat. A bird sang to the cat.\n\n" * 40)
    arguments = ("pretrain", str(text), "--out", "mine", "--steps", "1", "--home", str(tmp_path))
    result = run(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert "Try it: mini-claude chat --model mine" in result.stdout
    assert "parameters" in result.stderr
    assert "step 1" in result.stderr
    listed = run(tmp_path, "models", "list", "--home", str(tmp_path))
    assert "mine" in listed.stdout


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    arguments = ("pretrain", str(tmp_path / "none.txt"), "--out", "mine", "--home", str(tmp_path))
    result = run(tmp_path, *arguments)
    assert result.returncode == 1
    assert "none.txt" in result.stderr
    assert "Traceback" not in result.stderr
    result = run(tmp_path, "pretrain", "x.txt", "--out", "../mine", "--home", str(tmp_path))
    assert result.returncode == 1
    assert "'../mine' is not a model name" in result.stderr
