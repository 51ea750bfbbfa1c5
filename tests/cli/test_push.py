"""`mini-claude models push` and `models export`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from miniclaude.model.adapter import load_adapter
from miniclaude.model.checkpoint import load_model
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


def test_export_copies_what_others_load(home: Path, tuned: str, tmp_path: Path) -> None:
    done = run(home, "models", "export", tuned, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_a_merged_export_computes_what_base_and_adapter_do(
    home: Path, tuned: str, tmp_path: Path
) -> None:
    done = run(home, "models", "export", tuned, str(tmp_path / "out"), "--merged")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    merged = load_model(tmp_path / "out")
    expected = load_model(home / "models" / "tiny")
    load_adapter(expected, home / "adapters" / tuned.rpartition(":")[2])
    tokens = torch.arange(20).unsqueeze(0)  # [1, 20]
    with torch.no_grad():
        torch.testing.assert_close(merged(tokens), expected(tokens), atol=1e-5, rtol=1e-5)
