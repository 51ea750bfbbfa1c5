"""`mini-claude models export`, and a GGUF file back in with `pull --from`."""

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
    out = tmp_path / "out"
    done = run(home, "models", "export", tuned, "--to", str(out), "--format", "safetensors")
    assert done.returncode == 0, done.stderr
    assert (out / "tokenizer.json").is_file()
    merged = load_model(out)
    expected = load_model(home / "models" / "tiny")
    load_adapter(expected, home / "adapters" / tuned.rpartition(":")[2])
    tokens = torch.arange(20).unsqueeze(0)  # [1, 20]
    with torch.no_grad():
        torch.testing.assert_close(merged(tokens), expected(tokens), atol=1e-5, rtol=1e-5)


def test_out_to_gguf_and_in_again(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    done = run(home, "models", "export", "tiny", str(path), "--format", "gguf", "--type", "f16")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes()[:4] == b"GGUF"
    done = run(home, "pull", "--from", str(path), "--name", "back")
    assert done.returncode == 0, done.stderr
    assert "back is installed in" in done.stdout
    assert "back" in run(home, "models").stdout


@pytest.mark.parametrize("form", [[], ["--format", "safetensors"], ["--format", "gguf"]])
def test_what_is_there_already_is_said_before_the_long_work(
    home: Path, tuned: str, tmp_path: Path, form: list[str]
) -> None:
    """Reading and merging a large model takes minutes. Here there are no weights to be read."""
    (home / "models" / "tiny" / "model.safetensors").unlink()
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("mine")
    done = run(home, "models", "export", tuned, str(out), *form)
    assert done.returncode == 1
    assert f"error: {out} already exists." in done.stderr
    assert "or remove it first" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path != home] == ["out"]


def test_a_file_that_is_no_gguf_is_refused_in_words(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"no model at all")
    done = run(home, "pull", "--from", str(path))
    assert done.returncode == 1
    assert f"{path} is not a GGUF file." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say once where to write it"),
        (["a", "--to", "b"], "Say once where to write it"),
        (["a", "--type", "f16"], "--type goes with --format gguf"),
        (["a", "--format", "gguf", "--licence", "mit"], "--licence goes with"),
        (["a", "--format", "gguf", "--type", "q2_k"], "q2_k"),
    ],
)
def test_options_that_do_not_go_together(home: Path, options: list[str], said: str) -> None:
    done = run(home, "models", "export", "tiny", *options)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
