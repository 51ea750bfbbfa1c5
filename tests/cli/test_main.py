"""What all commands have in common."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from miniclaude import __version__
from miniclaude.cli import main as main_module
from miniclaude.errors import InvalidRequestError, SettingsError
from tests.cli.command import run


def test_version(home: Path) -> None:
    assert run(home, "--version").stdout == f"mini-claude {__version__}\n"


def test_help_names_every_command(home: Path) -> None:
    shown = run(home, "--help")
    assert shown.returncode == 0
    commands = ("serve", "chat", "pull", "models", "finetune", "pretrain", "data", "eval", "bench")
    for command in commands:
        assert command in shown.stdout


def test_help_loads_nothing_heavy() -> None:
    """Help that takes three seconds is not asked for twice."""
    code = (
        "import sys, miniclaude.cli.main;"
        "print([m for m in ('torch', 'fastapi', 'sqlalchemy', 'openai', 'anthropic',"
        " 'httpx2', 'tokenizers', 'pydantic', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_server_and_the_chat_load_nothing_that_computes() -> None:
    """Their process would carry what only the workers need: hundreds of megabytes, and seconds
    before the first request."""
    code = (
        "import sys, miniclaude.server.app, miniclaude.server.serve, miniclaude.cli.session;"
        "print([m for m in ('torch', 'polars', 'numpy', 'tensorboard', 'rensa', 'sacrebleu',"
        " 'glin_profanity', 'huggingface_hub', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments", [["dance"], ["chat", "--temperature", "hot"], ["pull"], ["models", "show"]]
)
def test_wrong_usage_exits_with_2(home: Path, arguments: list[str]) -> None:
    done = run(home, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InvalidRequestError("no.", hint="Say yes."), 1, "error: no.\nSay yes.\n"),
        (SettingsError("bad.", hint="Mend it."), 2, "error: bad.\nMend it.\n"),
        (
            OSError(errno.EROFS, "Read-only file system", "/x"),
            1,
            "error: /x: Read-only file system\n"
            "Correct its permissions, or choose another folder with --home.\n",
        ),
        (OSError(errno.EIO, "Input/output error", "/x"), 1, "error: /x: Input/output error\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_foreseen_errors_are_a_line_and_a_hint(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main_module, "app", fail)
    with pytest.raises(SystemExit) as caught:
        main_module.main()
    assert caught.value.code == status
    assert capsys.readouterr().err == message


def test_faults_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main_module, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main_module.main()


def test_a_broken_config_is_named_with_its_line(home: Path) -> None:
    (home / "config.toml").write_text("port = \n")
    done = run(home, "models", "list")
    assert done.returncode == 2
    assert "config.toml is not TOML" in done.stderr
    assert "line 1" in done.stderr
