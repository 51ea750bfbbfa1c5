"""`mini-claude models quantize`: a copy of a model in 8 or 4 bits, which loads at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from miniclaude.cli.options import Home


class Format(StrEnum):
    """What weights can be stored in."""

    INT8 = "int8"
    INT4 = "int4"


def quantize(
    name: Annotated[str, typer.Argument(help="A model's name, as `models list` shows it.")],
    to: Annotated[Format, typer.Option(help="What its weights are stored in.")] = Format.INT4,
    new_name: Annotated[
        str | None, typer.Option("--as", help="What to call the copy.", show_default="NAME-int4")
    ] = None,
    measure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A text file on which to measure what it costs, for the card; takes the memory of"
            " the original in bfloat16.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Store a model's weights in 8 or 4 bits, as a new model. It is read tensor by tensor, so one
    that memory could not hold can be quantised; the copy loads at once, on the CPU."""
    from miniclaude.cli.pull import ProgressBar
    from miniclaude.engine.protocol import PACKED
    from miniclaude.errors import InvalidRequestError
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.model.write_packed import quantize_model
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    model = library.find(name)
    if new_name is None and model.tuned is not None:
        raise InvalidRequestError(
            f"model: {name!r} is a tuned model, whose name no other can have.",
            hint="Give the copy a name with --as NAME.",
            param="as",
        )
    chosen = new_name or f"{model.root}-{to}"
    if measure is not None:
        from miniclaude.evaluation.packing_cost import read_pieces

        read_pieces(model.path, measure)  # what cannot be measured is said before the long work

    def cost(folder: Path) -> str:
        from miniclaude.evaluation.packing_cost import packing_cost

        assert measure is not None  # noqa: S101  # for the type checker
        found = str(packing_cost(model.path, folder, measure))
        typer.echo(found)
        return found

    with ProgressBar() as progress:
        made = quantize_model(
            model,
            library,
            PACKED[to],
            name=chosen,
            progress=progress,
            measure=None if measure is None else cost,
        )
    typer.echo(f"{made.name} is installed in {made.path}")
    typer.echo(f"{model.bytes / 1e6:,.1f} MB have become {made.bytes / 1e6:,.1f} MB.")
    typer.echo(f"Talk to it: mini-claude chat --model {made.name}")
