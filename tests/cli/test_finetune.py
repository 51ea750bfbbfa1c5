"""`mini-claude finetune` as people run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.jobs.test_assemble import write_rows

QUICK = ("--steps", "2", "--batch-tokens", "256", "--max-length", "96", "--base", "tiny")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """A file of rows."""
    return str(write_rows(tmp_path / "animals.jsonl"))


def test_rows_become_a_model_that_chats(home: Path, rows: str, tmp_path: Path) -> None:
    """The whole promise in one command: reasons for what was chosen, the settings asked for, rows
    to be measured on, and the name to chat with."""
    measured = write_rows(tmp_path / "measured.jsonl", 8)
    asked = ("--set", "lora.dora=true", "--set", "schedule=linear", "--validation", str(measured))
    done = run(home, "finetune", "--data", rows, *QUICK, *asked)
    assert done.returncode == 0, done.stderr
    assert "measured.jsonl: " in done.stdout
    assert "dora True: as asked for." in done.stdout
    assert "schedule linear: as asked for." in done.stdout
    assert "before, " in done.stdout
    named = re.search(r"mini-claude chat --model (ft:tiny:local:animals:\w{12})", done.stdout)
    assert named is not None, done.stdout
    [folder] = (home / "adapters").iterdir()
    adapter = json.loads((folder / "adapter_config.json").read_text())
    assert adapter["use_dora"] is True
    assert named[1] in run(home, "models", "list").stdout
    assert run(home, "finetune", "--data", "animals", "--base", named[1]).stderr == (
        f"error: model: '{named[1]}' is fine-tuned already, and cannot be tuned further yet.\n"
        "Start from its base, with the rows of both.\n"
    )


def test_a_plan_is_only_told(home: Path, rows: str) -> None:
    """A plan that left a run behind would be gone on with by the next command."""
    done = run(home, "finetune", "--data", rows, *QUICK, "--plan")
    assert done.returncode == 0, done.stderr
    assert "Expected: 2 steps" in done.stdout
    assert not list((home / "jobs").iterdir())
    assert not (home / "adapters").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--set", "ema"), 2, "--set 'ema' is not of the form name=value"),
        (("--set", "steps.more=1"), 2, "steps has no settings of its own"),
        (("--set", "emma=1"), 2, "emma is not a setting of fine-tuning."),
        (("--rank", "0"), 2, "r is 0; it must be a whole number from 1"),
        (("--validation", "none"), 1, "none"),
        (("--objective", "dpo"), 1, "the objective 'dpo' learns from preferences"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    home: Path, rows: str, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = run(home, "finetune", "--data", rows, *QUICK, *arguments, "--plan")
    assert words in " ".join(done.stderr.replace("│", "").split()), done.stderr
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert not (home / "jobs").exists() or not list((home / "jobs").iterdir())
