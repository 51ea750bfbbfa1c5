"""The command `mini-claude`. Each command imports what it needs when it runs, so that help and
usage errors come at once."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from miniclaude import __version__
from miniclaude.cli import bench, chat, data, evaluate, finetune, models, pretrain, pull, serve
from miniclaude.errors import MiniClaudeError, SettingsError

NOT_WRITABLE = "Correct its permissions, or choose another folder with --home."
HINTS = {
    errno.EACCES: NOT_WRITABLE,
    errno.EPERM: NOT_WRITABLE,
    errno.EROFS: NOT_WRITABLE,
    errno.ENOSPC: "Free some space, or choose another folder with --home.",
}
"""What to do about a failure of the operating system, by its number."""

app = typer.Typer(
    help="An assistant you own end to end.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mini-claude {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An assistant you own end to end."""


app.command()(serve.serve)
app.command()(chat.chat)
app.command()(pull.pull)
app.add_typer(models.app, name="models")
app.command()(finetune.finetune)
app.command()(pretrain.pretrain)
app.add_typer(data.app, name="data")
app.command("eval")(evaluate.evaluate)
app.command()(bench.bench)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 2 used or set up wrongly, 130 stopped
    by Ctrl-C. An error we foresaw is one line and what to do about it, never a traceback."""
    try:
        app()
    except MiniClaudeError as error:
        _fail(f"{error.message}\n{error.hint}", 2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}\n{HINTS.get(error.errno or 0, '')}", 1)


def _fail(message: str, status: int) -> None:
    print(f"error: {message.strip()}", file=sys.stderr)
    sys.exit(status)
