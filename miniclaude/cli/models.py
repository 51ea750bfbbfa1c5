"""`mini-claude models`: what is installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli import export, push, quantize
from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from pathlib import Path

    from miniclaude.model.library import InstalledModel, Library

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Name = Annotated[str, typer.Argument(help="A model's name, as `list` shows it.")]


def _library(home: Path | None) -> Library:
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.model.staging import clear_up
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    clear_up(settings.models_folder)  # may bring a model back, which belongs in the list
    return Library(settings.models_folder, bundled_models(), settings.adapters_folder)


@app.callback(invoke_without_command=True)
def _models(context: typer.Context, as_json: AsJson = False, home: Home = None) -> None:
    """List, inspect, quantise, publish and remove models. Without a command, the list."""
    if context.invoked_subcommand is None:
        list_models(as_json, home)
    elif as_json or home is not None:
        raise typer.BadParameter(f"options go after the command {context.invoked_subcommand!r}.")


@app.command("list")
def list_models(as_json: AsJson = False, home: Home = None) -> None:
    """Every model on this machine."""
    models = _library(home).list()
    if as_json:
        typer.echo(json.dumps([_summary(model) for model in models], indent=1))
        return
    if not models:
        typer.echo("No models yet. `mini-claude pull ORG/NAME` fetches one.")
        return
    width = max(len(model.name) for model in models)
    for model in models:
        context = f"{model.context:,} tokens" if model.context else "?"
        note = "  (bundled)" if model.bundled else ""
        if model.tuned is not None:
            gone = ", which is not installed" if model.adapter and not model.base else ""
            note = f"  ({model.tuned.method} on {model.tuned.base}{gone})"
        typer.echo(f"{model.name:<{width}}  {_megabytes(model.bytes):>12}  {context:>14}{note}")


@app.command()
def show(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """What a model is made of, and the memory it needs; for a tuned one, what it was tuned from."""
    model = _library(home).find(name)

    from dataclasses import asdict

    from miniclaude.model.facts import read_facts
    from miniclaude.model.install import read_manifest
    from miniclaude.tokenizer.load import load_tokenizer

    facts = read_facts(model.weights)
    tokenizer = load_tokenizer(model.weights, templates=model.adapter)
    config = facts.config
    cache = config.context * facts.cache_bytes_per_token
    details = {
        **_summary(model),
        "context": config.context,
        "parameters": facts.parameters,
        "active_parameters": facts.active_parameters,
        "dtype": facts.dtype,
        "chat_template": tokenizer.template is not None,
        "memory_bytes": facts.weight_bytes + cache,
        "source": read_manifest(model.path).get("source"),
        "adapter": _adapter(model),
        "config": asdict(config),
    }
    if as_json:
        typer.echo(json.dumps(details, indent=1))
        return
    active = ""
    if config.experts:
        active = (
            f", of which {facts.active_parameters:,} compute a token: {config.experts_per_token} of"
            f" {config.experts} experts"
        )
    held = "float32" if facts.weight_bytes == 4 * facts.parameters else facts.dtype
    rows = {
        "name": model.name,
        "folder": str(model.path),
        "size on disk": _megabytes(model.bytes),
        "family": f"{config.family}, {config.layers} layers, width {config.width},"
        f" {config.heads} heads ({config.kv_heads} for keys and values)",
        "parameters": f"{facts.parameters:,}{active}, stored as {facts.dtype}",
        "vocabulary": f"{config.vocab_size:,} tokens",
        "context": f"{config.context:,} tokens",
        "chat": "yes, by its template" if tokenizer.template else "no: it can only complete text",
        "memory": f"{_megabytes(facts.weight_bytes)} in {held}, and {_megabytes(cache)} for"
        " each conversation that fills the context",
    }
    if model.tuned is not None:
        tuning = ", ".join(f"{key} {value}" for key, value in _adapter(model).items())
        rows["tuned from"] = f"{model.tuned.base}, by {model.tuned.method}"
        rows["adapter"] = tuning or "none: a whole model"
    for label, value in rows.items():
        typer.echo(f"{label:<14}{value}")


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Delete a model from this machine."""
    library = _library(home)
    model = library.find(name)
    if not yes and not model.bundled:
        typer.confirm(f"Delete {model.name} ({_megabytes(model.bytes)})?", abort=True)
    library.remove(name)
    typer.echo(f"{name} is gone; {_megabytes(model.bytes)} are free.")


app.command()(push.push)
app.command()(export.export)
app.command()(quantize.quantize)


def _adapter(model: InstalledModel) -> dict[str, object]:
    """An adapter's rank, scale and layers; empty for a whole model."""
    if model.adapter is None:
        return {}
    from miniclaude.model.adapter_config import read_adapter_config

    lora = read_adapter_config(model.adapter).lora
    targets = lora.targets if isinstance(lora.targets, str) else " ".join(lora.targets)
    kind = "DoRA" if lora.dora else "LoRA"
    return {"kind": kind, "r": lora.r, "alpha": lora.alpha, "targets": targets}


def _summary(model: InstalledModel) -> dict[str, object]:
    return {
        "name": model.name,
        "path": str(model.path),
        "bytes": model.bytes,
        "context": model.context,
        "created": model.created,
        "bundled": model.bundled,
        "base": None if model.tuned is None else model.tuned.base,
        "method": None if model.tuned is None else model.tuned.method,
    }


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
