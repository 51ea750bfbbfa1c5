"""`mini-claude pull`: fetch a model, or import a folder or a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def pull(
    repo: Annotated[
        str | None, typer.Argument(help="A model on the Hugging Face hub, as `org/name`.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Import this Hugging Face folder or GGUF file instead."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="With --from: what to call it.", show_default="the folder's or file's name"
        ),
    ] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit.")] = "main",
    home: Home = None,
) -> None:
    """Fetch a model. HF_ENDPOINT names a mirror, HF_TOKEN opens gated models."""
    from miniclaude.model.hub import pull as pull_model
    from miniclaude.model.install import import_folder
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.settings import load_settings

    if (repo is None) == (source is None):
        raise typer.BadParameter("Give either a model, as `org/name`, or --from FOLDER.")
    if name is not None and source is None:
        raise typer.BadParameter("--name goes with --from.")
    settings = load_settings(home)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    with ProgressBar() as progress:
        if source is not None and source.is_file():
            from miniclaude.model.gguf_import import import_gguf

            model = import_gguf(source, library, name=name, progress=progress)
        elif source is not None:
            model = import_folder(source, library, name=name, progress=progress)
        else:
            assert repo is not None  # noqa: S101  # one of the two was given
            token = settings.hf_token
            model = pull_model(
                repo,
                library,
                endpoint=settings.hf_endpoint,
                token=None if token is None else token.get_secret_value(),
                revision=revision,
                progress=progress,
            )
    typer.echo(f"{model.name} is installed in {model.path}")
    typer.echo(f"Talk to it: mini-claude chat --model {model.name}")


class ProgressBar:
    """Bytes, speed and time left; on a terminal as a bar, else only what must be known."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, name: str, files: int, total: int) -> None:
        """Say the size first."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        typer.echo(f"{name}: {files} files, {total / 1e6:,.1f} MB")
        console = Console(stderr=True)
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task(name, total=total)
            self._bar.start()

    def file(self, name: str) -> None:
        """Name the file in the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=name)

    def advance(self, count: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)

    def note(self, text: str) -> None:
        """A line of its own."""
        typer.echo(text)
