"""`mini-claude models`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from miniclaude.cli.main import app
from miniclaude.errors import ConflictError, InvalidRequestError, MiniClaudeError
from miniclaude.jobs.plan import base_of
from miniclaude.model import library as library_module
from miniclaude.model.library import Library
from tests.cli.command import run
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint


def test_list_shows_name_size_and_context(home: Path) -> None:
    lines = run(home, "models", "list").stdout.splitlines()
    [line] = [line for line in lines if line.startswith("tiny")]
    assert "0.1 MB" in line
    assert "256 tokens" in line


def test_without_a_command_it_lists(home: Path) -> None:
    assert run(home, "models").stdout == run(home, "models", "list").stdout


def test_an_option_before_the_command_is_not_dropped(home: Path, tmp_path: Path) -> None:
    """`models --home X show` must not quietly show another home's model."""
    done = run(home, "models", "--home", str(tmp_path), "list")
    assert done.returncode == 2
    assert "options go after the command 'list'" in done.stderr


def test_list_as_json(home: Path) -> None:
    models = json.loads(run(home, "models", "list", "--json").stdout)
    [tiny] = [model for model in models if model["name"] == "tiny"]
    assert tiny["context"] == 256
    assert not tiny["bundled"]


def test_show(home: Path) -> None:
    shown = run(home, "models", "show", "tiny").stdout
    assert "28,192, stored as F32" in shown
    assert "llama, 2 layers, width 32, 4 heads (2 for keys and values)" in shown
    assert "yes, by its template" in shown
    details = json.loads(run(home, "models", "show", "tiny", "--json").stdout)
    assert details["parameters"] == 28192
    assert details["memory_bytes"] == 4 * 28192 + 256 * 2 * 4 * 2 * 2 * 8
    assert details["config"]["width"] == 32


def test_show_tells_what_of_a_model_with_experts_computes_a_token(home: Path) -> None:
    write_tiny_checkpoint(home / "models" / "mix", experts=4)
    shown = run(home, "models", "show", "mix").stdout
    details = json.loads(run(home, "models", "show", "mix", "--json").stdout)
    total, active = details["parameters"], details["active_parameters"]
    assert total - active == 2 * 2 * 3 * 32 * 64
    assert f"{total:,}, of which {active:,} compute a token: 2 of 4 experts, stored as" in shown


def test_show_names_a_missing_shard(home: Path) -> None:
    (home / "models" / "tiny" / "model.safetensors").unlink()
    done = run(home, "models", "show", "tiny")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "model.safetensors" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_name_lists_what_is_there(home: Path) -> None:
    done = run(home, "models", "show", "big")
    assert done.returncode == 1
    assert done.stderr.startswith("error: model: 'big' is not installed.\nInstalled: ")


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_remove_asks_first(home: Path, answer: str) -> None:
    assert run(home, "models", "remove", "tiny", said=answer).returncode == 1
    assert (home / "models" / "tiny").is_dir()


def test_remove(home: Path) -> None:
    assert "tiny is gone" in run(home, "models", "remove", "tiny", said="y\n").stdout
    assert not (home / "models" / "tiny").exists()
    assert run(home, "models", "remove", "tiny", "--yes").returncode == 1


def test_a_bundled_model_stays(
    home: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = tmp_path / "bundled"
    shutil.copytree(tiny_folder, bundled / "first")
    monkeypatch.setattr(library_module, "bundled_models", lambda: bundled)
    with pytest.raises(ConflictError, match="came with Mini-Claude"):
        app(["models", "remove", "first", "--home", str(home)])
    assert (bundled / "first").is_dir()


def test_no_models_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(library_module, "bundled_models", lambda: None)
    with pytest.raises(SystemExit) as caught:
        app(["models", "list", "--home", str(tmp_path)])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("No models yet. `mini-claude pull")


@pytest.fixture
def tuned(home: Path) -> str:
    """An adapter on `tiny` in the home: its name."""
    return write_tiny_adapter(home / "models" / "tiny", home / "adapters")


def test_a_tuned_model_is_listed_shown_and_removed(home: Path, tuned: str) -> None:
    assert f"{tuned}  " in (listed := run(home, "models", "list").stdout)
    assert "(lora on tiny)" in listed
    shown = run(home, "models", "show", tuned).stdout
    assert "tuned from    tiny, by lora" in shown
    assert "kind LoRA, r 4, alpha 16, targets down_proj q_proj v_proj" in shown
    details = json.loads(run(home, "models", "show", tuned, "--json").stdout)
    assert (details["base"], details["method"], details["adapter"]["r"]) == ("tiny", "lora", 4)
    kept = run(home, "models", "remove", "tiny", "--yes")
    assert kept.returncode == 1
    assert f"'tiny' is the base of {tuned}" in kept.stderr
    assert run(home, "models", "remove", tuned, "--yes").returncode == 0
    assert list((home / "adapters").iterdir()) == []


def test_an_adapter_whose_base_is_gone_says_so(home: Path, tuned: str) -> None:
    shutil.rmtree(home / "models" / "tiny")
    assert "(lora on tiny, which is not installed)" in run(home, "models", "list").stdout
    shown = run(home, "models", "show", tuned)
    assert shown.returncode == 1
    assert f"'{tuned}' is an adapter on 'tiny', which is not installed" in shown.stderr


def test_quantize(home: Path) -> None:
    """The copy answers, and says for what it cannot be used."""
    done = run(home, "models", "quantize", "tiny", "--to", "int8")
    assert done.returncode == 0, done.stderr
    assert "tiny-int8 is installed in" in done.stdout
    assert "Talk to it: mini-claude chat --model tiny-int8" in done.stdout
    shown = run(home, "models", "show", "tiny-int8").stdout
    assert "28,192, stored as int8" in shown
    assert "0.1 MB in int8, and" in shown
    assert base_of(Library(home / "models"), "tiny-int8").name == "tiny-int8"
    assert run(home, "models", "quantize", "tiny", "--to", "int4").returncode == 0
    with pytest.raises(InvalidRequestError, match="'tiny-int4' is stored in int4, which is for"):
        base_of(Library(home / "models"), "tiny-int4")


def test_a_taken_name_is_said_before_the_long_work(home: Path) -> None:
    """Here there are no weights to be read."""
    (home / "models" / "tiny" / "model.safetensors").unlink()
    done = run(home, "models", "quantize", "tiny", "--as", "tiny")
    assert done.returncode == 1
    assert "'tiny' is already installed" in done.stderr
    assert "Choose another --as" in done.stderr


def test_what_cannot_be_measured_is_said_before_the_long_work(home: Path) -> None:
    """Converting seven billion numbers takes minutes, and would have been for nothing."""
    nothing = str(home / "nothing.txt")
    with pytest.raises(InvalidRequestError, match=r"nothing\.txt is not readable as UTF-8 text"):
        app(["models", "quantize", "tiny", "--measure", nothing, "--home", str(home)])
    with pytest.raises(MiniClaudeError, match="tiny-int4"):
        Library(home / "models").find("tiny-int4")


def test_the_copy_of_a_tuned_model_needs_a_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Called after its base, it would be taken for that."""
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters", whole=True)
    with pytest.raises(InvalidRequestError, match="Give the copy a name with --as NAME"):
        app(["models", "quantize", name, "--home", str(home)])
    with pytest.raises(SystemExit):
        app(["models", "quantize", name, "--as", "mine-4", "--home", str(home)])
    assert "mine-4 is installed" in capsys.readouterr().out
