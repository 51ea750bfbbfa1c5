"""`mini-claude models push`: publish a model, or what was taught."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from pathlib import Path

    from miniclaude.model.library import InstalledModel
    from miniclaude.model.push import Publication

Name = Annotated[str, typer.Argument(help="A model's name, as `models list` shows it.")]
Licence = Annotated[
    str | None,
    typer.Option(
        "--licence",
        "--license",
        help="Under which it is published: apache-2.0, mit, other …",
        show_default="the card's",
    ),
]


def push(
    name: Name,
    to: Annotated[str, typer.Option(metavar="ORG/NAME", help="The repository on the hub.")],
    licence: Licence = None,
    private: Annotated[
        bool, typer.Option("--private", help="A new repository is only yours to see.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Publish a model or an adapter on a model hub, with its card. Needs HF_TOKEN."""
    from miniclaude.model.push import check_repo
    from miniclaude.model.push import push as send
    from miniclaude.settings import load_settings

    check_repo(to)
    settings = load_settings(home)
    publication = _publication(find(name, home), licence)
    where = f"{settings.hf_endpoint.rstrip('/')}/{to}"
    kind = "private, if it is new" if private else "for everybody to see"
    typer.echo(f"{name} → {where} ({kind}), under the licence {publication.licence}:")
    for file, content in publication.files.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        typer.echo(f"  {file:<32}{size:>14,} bytes")
    if dry_run:
        typer.echo("Nothing was sent.")
        return
    if not yes:
        typer.confirm("Publish it?", abort=True)
    token = settings.hf_token
    address = send(
        publication,
        to,
        endpoint=settings.hf_endpoint,
        token=None if token is None else token.get_secret_value(),
        private=private,
    )
    typer.echo(f"Published: {address}")


def find(name: str, home: Path | None) -> InstalledModel:
    """The installed model of that name. Raises ModelNotFoundError, listing what is there."""
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    return library.find(name)


def _publication(model: InstalledModel, licence: str | None) -> Publication:
    """What would be published; who sits at a terminal is asked for a licence that nobody named."""
    from miniclaude.errors import InvalidRequestError
    from miniclaude.model.push import prepare

    try:
        return prepare(model, licence)
    except InvalidRequestError as error:
        if licence is not None or not sys.stdin.isatty():
            raise
        typer.echo(f"{error.message} {error.hint}")
        return prepare(model, typer.prompt("Licence"))
