"""`mini-claude pretrain`: a model of your own, from nothing but text."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniclaude.data.example import Example


class Family(StrEnum):
    """How a model is built."""

    gpt2 = "gpt2"
    llama = "llama"


class ModelSize(StrEnum):
    """The names in `training.pretrain.SIZES`."""

    tiny = "tiny"
    small = "small"
    gpt2_small = "gpt2-small"
    gpt2_medium = "gpt2-medium"


class Precision(StrEnum):
    """Number formats of the matrix products."""

    float32 = "float32"
    bfloat16 = "bfloat16"


def pretrain(
    text: Annotated[
        list[str],
        typer.Argument(help="Files or folders of text: .txt, JSON Lines, Parquet, also packed."),
    ],
    out: Annotated[str, typer.Option(help="What to call the model.")],
    size: Annotated[ModelSize, typer.Option(help="How large.")] = ModelSize.tiny,
    family: Annotated[Family, typer.Option(help="How it is built.")] = Family.llama,
    minutes: Annotated[float, typer.Option(help="For how long, if no steps are given.")] = 10.0,
    steps: Annotated[int, typer.Option(help="Optimizer steps, in place of minutes.")] = 0,
    precision: Annotated[Precision, typer.Option(help="Of the products.")] = Precision.float32,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of weights and order.")] = 1,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard's curves too.")] = False,
    home: Home = None,
) -> None:
    """Train a model from scratch. The same command goes on after an interruption."""
    from miniclaude.cli.interrupt import wish_of_signals
    from miniclaude.device import choose_device
    from miniclaude.engine.connection import limit_products
    from miniclaude.errors import SettingsError
    from miniclaude.model.library import folder_name
    from miniclaude.model.staging import hold
    from miniclaude.settings import load_settings
    from miniclaude.training.pretrain import PretrainSpec, export, text_identity
    from miniclaude.training.pretrain import pretrain as run_pretraining
    from miniclaude.training.run_log import RunLog, duration
    from miniclaude.training.tensorboard import TensorBoard

    if steps < 0 or not (steps or minutes > 0):
        raise SettingsError(
            f"--steps is {steps}, --minutes {minutes:g}.",
            hint="Give a number above 0 for one of them.",
            param="steps",
        )
    limit_products()
    settings = load_settings(home)
    name = folder_name(out)
    run = settings.home / "pretraining" / name
    board = TensorBoard(run / "tensorboard") if tensorboard else None
    log = RunLog(run / "metrics.jsonl", board=board)
    spec = PretrainSpec(
        size=size.value,
        family=family.value,
        steps=steps,
        minutes=minutes,
        precision=precision.value,
        seed=seed,
    )
    with wish_of_signals() as control:
        model, result = run_pretraining(
            lambda: _examples(text),
            spec,
            run,
            log=log,
            device=choose_device(device),
            control=control,
            text=text_identity(text),
        )
    if board is not None:
        board.close()
    if result.problem is not None:
        raise result.problem
    if result.ended == "paused":
        typer.echo(f"Paused after step {result.steps:,}. The same command goes on from there.")
        return
    held_out = "  ".join(f"{key} {value:.3f}" for key, value in result.held_out.items())
    card = (
        f"# {out}\n\nA {family.value} model of size {size.value}, trained from scratch with"
        f" `mini-claude pretrain`: {result.steps:,} steps, {result.read:,} tokens read,"
        f" {duration(result.seconds)}.\n\nHeld-out text: {held_out or 'none'}.\n\nIt goes on with"
        " a text; it was not taught to converse.\n"
    )
    folder = settings.models_folder / name
    with hold(settings.models_folder, name):
        export(model, run, folder, card)
    typer.echo(f"{out} is installed in {folder}")
    typer.echo(f"Try it: mini-claude chat --model {out}")


def _examples(sources: list[str]) -> Iterator[Example]:
    """The usable rows of every source, and a word about those that are not."""
    from miniclaude.data.example import Example
    from miniclaude.data.reading import read_examples

    for source in sources:
        for item in read_examples(source if "://" in source else Path(source)):
            if isinstance(item, Example):
                yield item
