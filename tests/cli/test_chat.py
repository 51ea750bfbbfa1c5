"""`mini-claude chat`, in a pipe and at a terminal."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from miniclaude.cli import session as session_module
from miniclaude.cli.chat import _print_safely
from miniclaude.cli.session import Session
from miniclaude.errors import ModelNotFoundError
from miniclaude.providers.base import Settings
from miniclaude.server.home_lock import home_lock
from miniclaude.settings import load_settings
from tests.cli.command import PATIENCE, Terminal, run
from tests.providers.stand_in import StandIn, running_stand_in

pytestmark = pytest.mark.anyio


def stored(home: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(home / "mini-claude.db")) as database:
        query = "SELECT role, content, status FROM messages ORDER BY created_at, id"
        return list(database.execute(query))


def test_a_pipe_gets_the_answer_and_nothing_else(home: Path) -> None:
    done = run(home, "chat", "--model", "echo", said="hello\nyou\n")
    assert (done.stdout, done.stderr, done.returncode) == ("hello\nyou\n", "", 0)
    assert stored(home) == [
        ("user", "hello\nyou", "complete"),
        ("assistant", "hello\nyou", "complete"),
    ]


def test_a_local_model_answers_alike_for_the_same_seed(home: Path) -> None:
    arguments = ("chat", "--model", "tiny", "--seed", "5", "--max-tokens", "8")
    first = run(home, *arguments, said="hello")
    assert first.returncode == 0, first.stderr
    assert len(first.stdout) > 1
    assert run(home, *arguments, said="hello").stdout == first.stdout


def test_chatting_beside_a_running_server(home: Path) -> None:
    """The server's lock keeps other servers away, not this: the store is made for sharing."""
    with home_lock(home):
        done = run(home, "chat", "--model", "echo", said="still here")
    assert (done.stdout, done.returncode) == ("still here\n", 0)


@pytest.mark.parametrize(
    ("model", "said", "message"),
    [
        ("nobody", "hi", "error: model: 'nobody' is not installed."),
        ("echo", " \n", "error: The message is empty."),
        ("tiny", "hello " * 400, "error: The prompt has "),
    ],
)
def test_failures_in_a_pipe(home: Path, model: str, said: str, message: str) -> None:
    done = run(home, "chat", "--model", model, said=said)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


async def test_without_any_model_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "bundled_models", lambda: None)
    with pytest.raises(ModelNotFoundError, match=r"no model on this machine yet.*mini-claude pull"):
        await Session.open(load_settings(tmp_path), Settings(), None)


def test_a_conversation_at_a_terminal(home: Path, tmp_path: Path) -> None:
    with Terminal(home, "chat", "--model", "echo") as terminal:
        terminal.wait_for("echo · /help")

        def ask(line: str, answer: str) -> None:
            terminal.wait_for("> ")
            terminal.type(line)
            terminal.wait_for(answer)

        ask("first words", r"first words\nfirst words\n")
        ask("second words", r"second words\nsecond words\n")
        ask("/retry", "second words")
        ask("/undo", "Taken back: second words")
        ask("/system be kind", "be kind\nbe kind")
        ask("/model nobody", "error: model: 'nobody' is not installed")
        ask("/model tiny", "tiny\ntiny")
        ask("/dance", "no command /dance; /help lists them")
        ask("/help", "/retry")
        ask(f"/save {tmp_path}/talk.json", "Saved in")
        ask(f"/save {tmp_path}/talk.json", "already exists")
        ask("/new", "")
        ask("/retry", "Nothing was said yet")
        ask("/list", "1  first words")
        ask("/open 1", "user:\nfirst words\n")
        ask("/open 9", "no conversation number 9")
        ask(f"/open {'9' * 4000}", "no conversation number 9{20}…")
        terminal.wait_for("> ")
        terminal.end_of_input()
        assert terminal.wait() == 0

    talk = json.loads((tmp_path / "talk.json").read_text())
    assert [(message["role"], message["parent"]) for message in talk["messages"]] == [
        ("user", None),
        ("assistant", 0),
        ("user", 1),
        ("assistant", 2),
        ("assistant", 2),
    ]


async def test_ctrl_c_stops_the_answer_and_keeps_its_part(home: Path) -> None:
    async with running_stand_in("openai") as service:
        configure(home, service)
        with Terminal(home, "chat", "--model", "slow/big") as terminal:
            await asyncio.to_thread(terminal.wait_for, "> ")
            terminal.type("one two three four five six")
            await asyncio.to_thread(terminal.wait_for, r"six\none two")
            terminal.interrupt()
            await asyncio.to_thread(terminal.wait_for, r"\[stopped\]")
            async with asyncio.timeout(PATIENCE):
                await service.gone.wait()
            terminal.type("/quit")
            assert await asyncio.to_thread(terminal.wait) == 0
    [question, answer] = stored(home)
    assert question == ("user", "one two three four five six", "complete")
    assert answer[1].startswith("one two")
    assert answer[2] == "cancelled"


async def test_ctrl_c_in_a_pipe_ends_the_command(home: Path) -> None:
    async with running_stand_in("openai") as service:
        configure(home, service)
        piped = b"one two three four five"
        with Terminal(home, "chat", "--model", "slow/big", piped=piped) as terminal:
            await asyncio.to_thread(terminal.wait_for, "one two")
            terminal.interrupt()
            assert await asyncio.to_thread(terminal.wait) == 130
    assert stored(home)[1][2] == "cancelled"


def configure(home: Path, service: StandIn) -> None:
    """A provider that begins to answer and never ends."""
    service.hold = True
    table = f'[providers.slow]\nkind = "openai"\nbase_url = "{service.url}"\n'
    (home / "config.toml").write_text(table)


def test_bytes_that_are_no_text(home: Path) -> None:
    """What a shell pipes in is bytes; that they are no UTF-8 is said, not a traceback."""
    with Terminal(home, "chat", "--model", "echo", piped=b"caf\xe9") as terminal:
        terminal.wait_for("error: What is piped in is not UTF-8 text: byte 4 is 0xe9.\nConvert it")
        assert terminal.wait() == 1
    assert stored(home) == []


def test_a_refused_question_leaves_no_empty_conversation(home: Path) -> None:
    """Otherwise each one is an untitled line in everybody's list."""
    done = run(home, "chat", "--model", "echo", said="half a pair\0")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    with closing(sqlite3.connect(home / "mini-claude.db")) as database:
        assert database.execute("SELECT count(*) FROM conversations").fetchone() == (0,)


def test_an_answer_shows_on_a_terminal_that_lacks_its_letters(home: Path) -> None:
    """UnicodeEncodeError would end the command in the middle of the answer."""
    done = run(home, "chat", "--model", "echo", said="naïve 👍", PYTHONIOENCODING="ascii:strict")
    assert (done.stdout, done.stderr, done.returncode) == ("na?ve ?\n", "", 0)


def test_a_piped_question_does_not_let_the_model_drive_the_terminal(home: Path) -> None:
    """The question comes from a pipe, but the answer still goes to a screen."""
    with Terminal(home, "chat", "--model", "echo", piped=b"red\x1b[31m") as terminal:
        terminal.wait_for(r"red\[31m\n")
        assert terminal.wait() == 0


def test_a_model_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _print_safely("a\x1b[2Jb\x07\u009b31mc\n\td é👩‍👧")
    assert capsys.readouterr().out == "a[2Jb31mc\n\td é👩‍👧"
