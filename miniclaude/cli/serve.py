"""`mini-claude serve`: the page and the API."""

from __future__ import annotations

from typing import Annotated

import typer

from miniclaude.cli.options import Draft, Dtype, Home, Model

NO_MODEL = """\
There is no model yet. Fetch one while this runs, for example
  mini-claude pull HuggingFaceTB/SmolLM2-135M-Instruct   (270 MB)
or import a Hugging Face folder with `mini-claude pull --from FOLDER`."""


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="0 takes a free one.", show_default="8642")
    ] = None,
    home: Home = None,
    model: Model = None,
    dtype: Dtype = None,
    draft: Draft = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="PostgreSQL or SQLite URL.", show_default="a file in the home"),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Chat in the browser, and answer the OpenAI API."""
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.server.serve import run_server
    from miniclaude.server.services import make_registry
    from miniclaude.settings import load_settings

    settings = load_settings(
        home,
        host=host,
        port=port,
        model=model,
        dtype=dtype,
        draft=draft,
        database_url=database_url or None,
    )
    first_time = not settings.home.exists()
    registry = make_registry(
        settings, Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    )
    if registry.default_model:
        registry.resolve(registry.default_model)

    def started(url: str) -> None:
        typer.echo(f"Mini-Claude is ready: {url}")
        if first_time:
            typer.echo(f"Your conversations and models are kept in {settings.home}")
        if registry.default_model:
            typer.echo(f"Model: {registry.default_model}")
        else:
            typer.echo(NO_MODEL)
        typer.echo("Ctrl-C stops the server.")
        if open_page:
            _open(url)

    run_server(settings, started)


def _open(url: str) -> None:
    """In a thread: some browsers are slow to return."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
