"""`mini-claude pull`, against a hub on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Terminal, run
from tests.model.hub_stand_in import folder_files, running_hub


def test_pull_says_the_size_and_installs(tiny_folder: Path, tmp_path: Path) -> None:
    with running_hub("org/tiny", folder_files(tiny_folder)) as hub:
        done = run(tmp_path, "pull", "org/tiny", HF_ENDPOINT=hub.url, HF_TOKEN="secret-token")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "org/tiny: 4 files, 0.1 MB",
        f"org/tiny is installed in {tmp_path / 'models' / 'org--tiny'}",
        "Talk to it: mini-claude chat --model org/tiny",
    ]
    assert hub.tokens["127.0.0.1"] == {"Bearer secret-token"}
    assert hub.tokens["localhost"] == {None}


def test_a_terminal_gets_a_progress_bar(tiny_folder: Path, tmp_path: Path) -> None:
    with (
        running_hub("org/tiny", folder_files(tiny_folder)) as hub,
        Terminal(tmp_path, "pull", "org/tiny", HF_ENDPOINT=hub.url) as terminal,
    ):
        shown = terminal.wait_for("is installed in")
        terminal.wait_for("chat --model")
        assert terminal.wait() == 0
    assert "kB" in shown


def test_import_under_another_name(tiny_folder: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "pull", "--from", str(tiny_folder), "--name", "me/mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "me--mine" / "config.json").is_file()


def test_the_name_of_the_bundled_model_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    """The imported model would answer wherever the bundled one is asked for."""
    done = run(tmp_path, "pull", "--from", str(tiny_folder), "--name", "mini-claude-11m")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: model: 'mini-claude-11m' is the name of a model that came with Mini-Claude.",
        "Choose another --name.",
    ]
    done = run(tmp_path, "pull", "mini-claude-11m")
    assert done.returncode == 1
    assert "mini-claude pull --from FOLDER --name NAME" in done.stderr


def test_a_model_that_is_not_there(tiny_folder: Path, tmp_path: Path) -> None:
    with running_hub("org/tiny", folder_files(tiny_folder)) as hub:
        done = run(tmp_path, "pull", "org/other", HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert done.stderr.startswith("error: org/other: the hub has no such model")


@pytest.mark.parametrize(
    "arguments",
    [["org/tiny", "--from", "folder"], ["org/tiny", "--name", "mine"], ["--revision", "main"]],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path, "pull", *arguments).returncode == 2
