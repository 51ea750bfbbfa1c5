"""What README and docs say is what the product does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from miniclaude.cli.main import app
from miniclaude.providers.echo import Echo
from miniclaude.server.wire import chat, completions, fine_tuning
from miniclaude.settings import ServerSettings
from tests.contracts.conftest import Live, running

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server as `make run` starts one, answering with an echo."""
    with running(tmp_path_factory.mktemp("docs"), {"echo": Echo()}, "echo") as live:
        yield live


def blocks(document: Path, language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", document.read_text("utf-8"), re.DOTALL)


def first_column(text: str) -> set[str]:
    """Names in backticks in the first column of a text's tables."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


@pytest.mark.parametrize(
    ("document", "program"),
    [(document, block) for document in DOCUMENTS for block in blocks(document, "python")],
    ids=lambda value: value.name if isinstance(value, Path) else "program",
)
def test_python_examples_run(document: Path, program: str, server: Live) -> None:
    """An example that no longer runs costs every newcomer the same half hour."""
    program = program.replace("http://127.0.0.1:8642", server.url)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        check=False,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_command_named_exists() -> None:
    """The tour must not send anyone to a command that is not there."""
    commands = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback
    }
    commands |= {str(group.name) for group in app.registered_groups}
    for document in DOCUMENTS:
        for line in "\n".join(blocks(document, "console")).splitlines():
            for word in re.findall(r"mini-claude ([a-z]+)", line):
                assert word in commands, f"{document.name}: {line}"


def test_every_option_named_exists() -> None:
    """A document once praised two options of `finetune` that nobody had written."""
    checked = 0
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        lines = "\n".join(blocks(document, "console")).splitlines()
        lines += re.findall(r"`(mini-claude [^`]*)`", text)
        if document.name == "teaching.md":
            cells = re.findall(r"^\| (`--[^|]*) \|", text, re.MULTILINE)
            lines += [
                f"mini-claude finetune {' '.join(re.findall(r'--[a-z-]+', c))}" for c in cells
            ]
        for line in lines:
            words = line.partition("#")[0].partition("mini-claude ")[2].split()
            command: Any = get_command(app)
            while words and words[0] in getattr(command, "commands", {}):
                command = command.commands[words.pop(0)]
            known = {option for parameter in command.params for option in parameter.opts}
            for word in words:
                if word.startswith("--"):
                    checked += 1
                    assert word.partition("=")[0] in known, f"{document.name}: {line}"
    assert checked > 20


def test_every_decision_is_listed() -> None:
    """A page that the index does not have is read by nobody."""
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^(\d+)\. \[(.*)\]\((.*)\)$", (folder / "README.md").read_text(), re.MULTILINE
    )
    pages = sorted(path for path in folder.glob("[0-9]*.md"))
    assert [name for _, _, name in listed] == [path.name for path in pages]
    for (number, title, _), path in zip(listed, pages, strict=True):
        assert path.read_text("utf-8").startswith(f"# {number}. {title}\n")


def test_make_targets_named_exist() -> None:
    """`make X` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"`make ([a-z-]+)`", document.read_text("utf-8")))
        named |= set(re.findall(r"^make ([a-z-]+)", document.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, document.name


def test_settings_page_lists_every_setting() -> None:
    """A setting nobody can find does not exist."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert first_column(text) == set(ServerSettings.model_fields)


def test_api_page_lists_every_chat_field() -> None:
    """Supported or refused, each field is on the page, and the page lists no other."""
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    section = text.split("## POST /chat/completions")[1].split("## POST /completions")[0]
    assert first_column(section) == set(chat.ChatBody.model_fields)
    refused = section.split("Refused by name")[1].split("A stream carries")[0]
    assert set(chat.NOT_IMPLEMENTED) <= set(re.findall(r"`([a-z_]+)`", refused))
    raw = text.split("## POST /completions")[1].split("## WS")[0]
    assert set(completions.NOT_IMPLEMENTED) <= set(re.findall(r"`([a-z_]+)`", raw))


def test_api_page_lists_every_fine_tuning_field() -> None:
    """Likewise for jobs and their hyperparameters."""
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    section = text.split("## Fine-tuning jobs")[1].split("## Conversations")[0]
    assert set(fine_tuning.JobBody.model_fields) <= first_column(section)
    named = set(re.findall(r"`([a-z_]+)`", section))
    fields = {*fine_tuning.Hyperparameters.model_fields, *fine_tuning.SimpleBody.model_fields}
    assert fields <= named


def test_links_lead_somewhere() -> None:
    """Relative links and pictures point at files that exist."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
