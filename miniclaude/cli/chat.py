"""`mini-claude chat`: a conversation in the terminal, or one answer in a pipe."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Draft, Dtype, Home, Model

if TYPE_CHECKING:
    from miniclaude.cli.session import Session

HELP = """\
/new              begin another conversation
/list             your latest conversations
/open N           go on with number N of the list
/model [NAME]     show or choose the model
/system [TEXT]    show or set the instruction sent first; `/system -` removes it
/retry            another answer to your last message
/undo             take back your last message and its answer
/save FILE        write this conversation to a JSON file
/quit             leave (also Ctrl-D); Ctrl-C stops an answer and keeps its part"""


def chat(
    model: Model = None,
    dtype: Dtype = None,
    draft: Draft = None,
    system: Annotated[str | None, typer.Option(help="An instruction sent first.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="0 always takes the likeliest word.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same answer.")] = None,
    home: Home = None,
) -> None:
    """Talk to a model. What is piped in is one message; only the answer is printed then."""
    from miniclaude.cli.session import Session
    from miniclaude.providers.base import Settings
    from miniclaude.settings import load_settings

    settings = load_settings(home, model=model, dtype=dtype, draft=draft)
    drawing = Settings(temperature=temperature, max_tokens=max_tokens, seed=seed)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what this terminal cannot show, or mistypes
    with asyncio.Runner() as runner:
        session = runner.run(Session.open(settings, drawing, system))
        try:
            if sys.stdin and sys.stdin.isatty():
                _converse(runner, session)
            else:
                _answer_pipe(runner, session)
        finally:
            runner.run(session.aclose())


def _answer_pipe(runner: asyncio.Runner, session: Session) -> None:
    """One message in, one answer out; stopping it is stopping the command."""
    show = _print_safely if sys.stdout.isatty() else _print
    if not runner.run(session.say(_read_pipe(), show=show)):
        raise KeyboardInterrupt
    _print("\n")


def _read_pipe() -> str:
    """All that is piped in. Raises InvalidRequestError when it is not UTF-8."""
    from miniclaude.errors import InvalidRequestError

    data = sys.stdin.buffer.read() if sys.stdin else b""
    try:
        return data.decode().strip()
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} is 0x{data[error.start]:02x}"
        raise InvalidRequestError(
            f"What is piped in is not UTF-8 text: {byte}.",
            hint="Convert it first, for example: iconv -f latin1 -t utf-8 FILE | mini-claude chat",
        ) from error


def _converse(runner: asyncio.Runner, session: Session) -> None:
    """Read a line, answer it, until the end of input."""
    import contextlib

    from miniclaude.errors import MiniClaudeError

    with contextlib.suppress(ImportError):  # not on every platform
        import readline  # noqa: F401  # importing it gives `input` a history and editing
    typer.secho(f"{session.model} · /help for commands, Ctrl-D to leave", dim=True)
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            typer.echo()
            return
        except KeyboardInterrupt:
            typer.secho("\nCtrl-D leaves.", dim=True)
            continue
        try:
            if line in ("/quit", "/exit"):
                return
            if line.startswith("/"):
                _command(runner, session, line)
            elif line:
                _show_answer(runner.run(session.say(line, show=_print_safely)))
        except KeyboardInterrupt:  # before there was an answer to stop
            _show_answer(complete=False)
        except (MiniClaudeError, OSError) as error:
            typer.secho(f"\nerror: {error}", fg="red", err=True)


def _command(runner: asyncio.Runner, session: Session, line: str) -> None:
    """Carry out one /command."""
    name, _, rest = line.partition(" ")
    rest = rest.strip()
    match name:
        case "/help":
            typer.echo(HELP)
        case "/new":
            session.new()
        case "/list":
            for number, title in enumerate(runner.run(session.titles()), start=1):
                _print_safely(f"{number:3}  {title}\n")
        case "/open":
            for speaker, text in runner.run(session.go_on_with(rest)):
                typer.secho(f"{speaker}:", bold=True)
                _print_safely(f"{text}\n")
        case "/model":
            if rest:
                session.choose(rest)
            typer.echo(session.model)
        case "/system":
            if rest:
                session.system = None if rest == "-" else rest
            typer.echo(session.system or "(none)")
        case "/retry":
            _show_answer(runner.run(session.retry(show=_print_safely)))
        case "/undo":
            _print_safely(f"Taken back: {runner.run(session.undo())}\n")
        case "/save":
            typer.echo(f"Saved in {_save(runner.run(session.export()), rest)}")
        case _:
            typer.echo(f"There is no command {name}; /help lists them.")


def _save(conversation: dict[str, object], file: str) -> Path:
    """Write a conversation where nothing is yet. Raises InvalidRequestError, OSError."""
    import json

    from miniclaude.errors import InvalidRequestError

    if not file:
        raise InvalidRequestError("/save needs the name of a file.", hint="Say /save talk.json")
    path = Path(file).expanduser().absolute()
    try:
        with path.open("x", encoding="utf-8") as stream:
            json.dump(conversation, stream, indent=1, ensure_ascii=False)
    except FileExistsError:
        raise InvalidRequestError(
            f"{path} already exists.", hint="Choose another name; nothing was written."
        ) from None
    return path


def _show_answer(complete: bool) -> None:
    typer.secho("" if complete else " [stopped]", dim=True)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _print_safely(text: str) -> None:
    """Without control characters: a model's text must not drive the terminal."""
    _print("".join(c for c in text if c in "\n\t" or (c.isprintable() or c == "\u200d")))
