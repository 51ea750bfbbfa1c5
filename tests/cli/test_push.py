"""`mini-claude models push`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run
from tests.tiny_adapter import write_tiny_adapter


@pytest.fixture
def tuned(home: Path) -> str:
    """The name of an adapter on `tiny`."""
    return write_tiny_adapter(home / "models" / "tiny", home / "adapters")


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(home: Path, tuned: str) -> None:
    done = run(home, "models", "push", tuned, "--to", "ada/mine", "--license", "mit", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "ada/mine (for everybody to see), under the licence mit:" in done.stdout
    assert "adapter_model.safetensors" in done.stdout
    assert "README.md" in done.stdout
    assert "Nothing was sent." in done.stdout


def test_a_licence_is_asked_for(home: Path, tuned: str) -> None:
    done = run(home, "models", "push", tuned, "--to", "ada/mine", "--dry-run")
    assert done.returncode == 1
    assert "names none" in done.stderr
    assert "--licence" in done.stderr


def test_without_a_token_it_says_how_to_get_one(home: Path, tuned: str) -> None:
    done = run(home, "models", "push", tuned, "--to", "ada/mine", "--licence", "mit", "--yes")
    assert done.returncode == 1
    assert "HF_TOKEN" in done.stderr


def test_what_is_no_repository(home: Path, tuned: str) -> None:
    done = run(home, "models", "push", tuned, "--to", "../x", "--licence", "mit")
    assert done.returncode == 1
    assert "not the name of a repository" in done.stderr
