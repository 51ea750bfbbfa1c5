"""`mini-claude finetune`: teach a model from examples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from miniclaude.data.prepared import PreparedDataset
    from miniclaude.jobs.order import JobOrder, JobResult
    from miniclaude.model.library import InstalledModel
    from miniclaude.settings import ServerSettings

ORDER = "order.json"


def finetune(
    data: Annotated[
        list[str],
        typer.Option(
            help="A dataset's name, or files to make one of; `seed` is the one that came along."
            " Can be given several times.",
            show_default=False,
        ),
    ],
    base: Annotated[
        str | None, typer.Option(help="The model to teach. [default: the one that chats]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="A word for the result's name. [default: the dataset's]")
    ] = None,
    method: Annotated[str | None, typer.Option(help="lora, qlora or full.")] = None,
    objective: Annotated[
        str | None, typer.Option(help="supervised, dpo or kto. [default: as the rows are]")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="How often each row is read.")] = None,
    steps: Annotated[int | None, typer.Option(help="So many steps instead of epochs.")] = None,
    rank: Annotated[int | None, typer.Option("--rank", "-r", help="Of the adapters.")] = None,
    targets: Annotated[
        str | None,
        typer.Option(help="Layers that get adapters, as PEFT names them: q_proj,v_proj."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", "--lr")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens of one row.")] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens in one forward.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Forwards in a step.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--gradient-checkpointing", help="Less memory, a third more time."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 1,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done, and do nothing.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where the same run was left unfinished.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    home: Home = None,
) -> None:
    """Teach a model from examples. What is not said is chosen, and the reason given.

    Stopped by Ctrl-C or killed, the same command goes on where it was.
    """
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.server.services import default_model
    from miniclaude.settings import load_settings

    settings = load_settings(home, device=device)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    chosen = library.find(base or settings.model or default_model(library))
    lora: dict[str, Any] = {"r": rank, "targets": targets.split(",") if targets else None}
    spec: dict[str, Any] = {
        "method": method,
        "objective": objective,
        "epochs": epochs,
        "steps": steps,
        "lora": {key: value for key, value in lora.items() if value is not None} or None,
        "learning_rate": learning_rate,
        "max_length": max_length,
        "batch_tokens": batch_tokens,
        "accumulate": accumulate,
        "precision": precision,
        "gradient_checkpointing": checkpointing,
    }
    given = {key: value for key, value in spec.items() if value is not None}
    dataset = _dataset(data, settings, seed)
    _run(dataset, chosen, name or dataset.name, given, seed, settings, plan=plan, fresh=fresh)


def _dataset(data: list[str], settings: ServerSettings, seed: int) -> PreparedDataset:
    """The dataset of this name, or one made of these sources by the pipeline's defaults."""
    from miniclaude.cli.data import hub_source, name_of, refuse_another
    from miniclaude.cli.data_progress import DataProgress
    from miniclaude.cli.data_summary import print_summary
    from miniclaude.data.pipeline import prepare
    from miniclaude.data.prepared import dataset_folder, find_dataset
    from miniclaude.data.recipe import PrepareOptions
    from miniclaude.data.seed import NAMES

    folder = settings.datasets_folder
    [first, *others] = data
    if not others and first not in NAMES and not Path(first).exists() and ":" not in first:
        return find_dataset(folder, first)
    target = dataset_folder(folder, name_of("-".join(name_of(source) for source in data)))
    refuse_another(target, data, replace=False)
    with DataProgress() as progress:
        dataset = prepare(
            data, target, PrepareOptions(seed=seed), progress, hub=hub_source(settings.home)
        )
    print_summary(dataset.report, dataset.folder)
    typer.echo()
    return dataset


def _run(
    dataset: PreparedDataset,
    base: InstalledModel,
    name: str,
    spec: dict[str, Any],
    seed: int,
    settings: ServerSettings,
    *,
    plan: bool,
    fresh: bool,
) -> None:
    """Carry out the run in a folder of its own, which the same command finds again."""
    import shutil

    from miniclaude.cli.interrupt import wish_of_signals
    from miniclaude.jobs.assemble import plan_job, run_job

    folder, order = _order(dataset, base, name, spec, seed, settings, fresh=fresh)
    if plan:
        plan_job(order, folder, _say, device=settings.device)
        if not (folder / "checkpoints").exists():  # a run that was begun is still gone on with
            shutil.rmtree(folder)
        return
    with wish_of_signals() as control:
        result = run_job(order, folder, _say, control, terminal=sys.stderr, device=settings.device)
    if result.ended == "paused":
        typer.echo("Stopped; the checkpoint is kept. The same command goes on from it.")
        raise typer.Exit(130)
    _show(result)


def _order(
    dataset: PreparedDataset,
    base: InstalledModel,
    name: str,
    spec: dict[str, Any],
    seed: int,
    settings: ServerSettings,
    *,
    fresh: bool,
) -> tuple[Path, JobOrder]:
    """The run's folder is named after what it is made of, so that the same command finds it."""
    import hashlib
    import shutil

    from miniclaude.cli.data import name_of
    from miniclaude.jobs.order import JobOrder
    from miniclaude.model.new_file import write_whole
    from miniclaude.model.tuned import new_id, read_tuned

    made_of = [base.name, base.created, dataset.name, dataset.fingerprint, name, spec, seed]
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]
    folder = settings.jobs_folder / f"finetune-{key}"
    if folder.is_dir() and (folder / ORDER).is_file():
        order = JobOrder.from_dict(json.loads((folder / ORDER).read_text(encoding="utf-8")))
        finished = (order.adapters / order.model_id).is_dir()
        if not fresh and not finished:
            typer.echo("Going on with the run that was left unfinished (--fresh begins anew).")
            return folder, order
        if finished and not fresh:
            typer.echo(
                f"This very run was done before: {read_tuned(order.adapters / order.model_id).name}"
            )
            typer.echo("It is done once more, as another model.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    order = JobOrder(
        id=folder.name,
        model_id=new_id(),
        base=base.name,
        base_folder=base.weights,
        adapters=settings.adapters_folder,
        prepared=dataset.folder,
        spec=spec,
        org="local",
        suffix=name_of(name)[:40],
        seed=seed,
    )
    write_whole(folder / ORDER, json.dumps(order.as_dict(), indent=1) + "\n")
    return folder, order


def _say(event: dict[str, Any]) -> None:
    """What a person should read of what the work tells; numbers are in the bar already."""
    if event.get("event") == "message":
        typer.echo(event["message"], err=event.get("level") == "error")


def _show(result: JobResult) -> None:
    metrics = result.metrics
    if "perplexity_before" in metrics:
        typer.echo(
            f"Perplexity on the rows held out: {metrics['perplexity_before']:,.2f} before,"
            f" {metrics['perplexity_after']:,.2f} after"
            f" ({metrics['bits_per_byte_before']:.3f} → {metrics['bits_per_byte_after']:.3f} bits"
            " a byte)."
        )
    for file in result.files:
        if file.suffix == ".html":
            typer.echo(f"The report with pictures: {file}")
    typer.echo(f"\n{result.fine_tuned_model} is ready. Talk to it:")
    typer.echo(f"  mini-claude chat --model {result.fine_tuned_model}")
