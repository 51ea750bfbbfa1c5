"""`mini-claude finetune` as people run it."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.command import Terminal, run
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


def test_wrong_settings_are_said_before_rows_are_read(home: Path, rows: str) -> None:
    """They came after the whole pipeline, which takes long on many rows; and a seed below 0 ended
    in a traceback."""
    for arguments, words in (
        (("--method", "lorax"), "error: method is lorax."),
        (("--device", "tpu"), "error: device: 'tpu' is not usable"),
        (("--seed", "-1"), "It must be from 0 to 2,147,483,647."),
    ):
        done = run(home, "finetune", "--data", rows, "--base", "tiny", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert words in done.stderr
        assert not (home / "datasets").exists()


def test_what_is_neither_a_file_nor_a_dataset_is_called_so(home: Path) -> None:
    """A mistyped path was answered with "there is no dataset", or "is not a dataset's name"."""
    for given in ("none", "../none.jsonl"):
        done = run(home, "finetune", "--data", given, "--base", "tiny")
        assert done.stderr == (
            f"error: There is neither a file nor a dataset '{given}'.\n"
            "There is no dataset yet. `--data seed` is the one that came along.\n"
        )


def test_a_run_that_is_done_is_not_done_again_by_a_slip(home: Path, rows: str) -> None:
    """The same command gave the same model a second time, under another name, and a plan deleted
    the report of the run that it was a plan of. Curves are drawn where they are asked for; all
    rows of a file are learnt from when others are to be measured on."""
    pytest.importorskip("tensorboard")
    command = ("finetune", "--data", rows, "--validation", rows, *QUICK)
    done = run(home, *command, "--tensorboard")
    assert done.returncode == 0, done.stderr
    assert "0 held out, of 30 read" in done.stdout
    assert "animals.jsonl: 30 rows to be measured on; 0 rejected." in done.stdout
    [folder] = (home / "jobs").iterdir()
    assert (folder / "evaluation.html").is_file()
    assert list((folder / "tensorboard").iterdir())
    assert run(home, *command, "--plan").returncode == 0
    again = run(home, *command)
    assert again.returncode == 0
    assert "This very run is done already; --fresh does it again." in again.stdout
    assert len(list((home / "adapters").iterdir())) == 1
    assert [path.name for path in (home / "jobs").iterdir()] == [folder.name]
    assert (folder / "evaluation.html").is_file()


def test_two_of_the_same_run_do_not_write_over_each_other(home: Path, rows: str) -> None:
    """The second one took the first one's folder for a run that was left unfinished, and both
    wrote their checkpoints there. Ctrl-C at a terminal reaches the trial's process too, whose end
    was taken for a fault to be reported."""
    command = ("finetune", "--data", rows, "--steps", "100000", *QUICK[2:])
    with Terminal(home, *command) as first:
        first.wait_for("step 1 ")
        second = run(home, *command)
        assert second.returncode == 1
        assert "This very run is going on in another process." in second.stderr
        first.interrupt()
        first.wait_for("The same command goes on where it was.")
        assert first.wait() == 130
    with Terminal(home, *command, "--rank", "2") as another:
        another.wait_for("r 2: as asked for")
        os.killpg(another.process.pid, signal.SIGINT)
        another.wait_for("Stopping after this step")
        assert "The trial" not in another.wait_for("The same command goes on where it was.")
        assert another.wait() == 130
    with Terminal(home, *command) as resumed:
        resumed.wait_for("Going on with the run that was left unfinished")
        resumed.wait_for("Settings as before. Expected: 100,000 steps")
        resumed.interrupt()
        assert resumed.wait() == 130
