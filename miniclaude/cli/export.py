"""`mini-claude models export`: a model or an adapter for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from miniclaude.cli.options import Home
from miniclaude.cli.pull import ProgressBar
from miniclaude.cli.push import Licence, Name, find


class Format(StrEnum):
    """What to write: a folder, or one file."""

    safetensors = "safetensors"
    gguf = "gguf"


class NumberType(StrEnum):
    """How a GGUF file stores matrices."""

    q8_0 = "q8_0"
    q4_0 = "q4_0"
    f16 = "f16"
    bf16 = "bf16"
    f32 = "f32"


def export(
    name: Name,
    target: Annotated[
        Path | None, typer.Argument(metavar="TO", help="A new folder; for GGUF a new file.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The same, as an option.")] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="safetensors: a whole model, an adapter merged into its base. gguf: the same as"
            " one file for llama.cpp.",
            show_default="its folder as it is",
        ),
    ] = None,
    number_type: Annotated[
        NumberType | None,
        typer.Option(
            "--type",
            help="Of the numbers in a GGUF file: 8, 4, 16 or 32 bits.",
            show_default="q8_0",
        ),
    ] = None,
    merged: Annotated[
        bool, typer.Option("--merged", help="The same as --format safetensors.")
    ] = False,
    licence: Licence = None,
    home: Home = None,
) -> None:
    """Write a model or an adapter, with its card, where other programs can load it."""
    if (target is None) == (to is None):
        raise typer.BadParameter("Say once where to write it: NAME TO.")
    if number_type is not None and form is not Format.gguf:
        raise typer.BadParameter("--type goes with --format gguf.")
    path = target or to
    assert path is not None  # noqa: S101  # one of the two was given
    model = find(name, home)
    merges = (merged or form is Format.safetensors) and model.adapter is not None
    if licence is not None and (merges or form is Format.gguf):
        raise typer.BadParameter("--licence goes with a copy of the folder as it is.")
    if form is Format.gguf:
        from miniclaude.model.gguf_export import TYPES, write_gguf

        with ProgressBar() as progress:
            write_gguf(model, path, TYPES[number_type or NumberType.q8_0], progress)
    elif merges:
        from miniclaude.model.merged import write_merged

        write_merged(model, path)
    else:
        from miniclaude.model.push import copy_to, prepare

        copy_to(prepare(model, licence, ask=False), path)
    typer.echo(f"{name} is in {path}.")
