"""`mini-claude finetune`: teach a model from examples."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from miniclaude.data.prepared import PreparedDataset
    from miniclaude.jobs.order import JobOrder, JobResult, Source
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
        str | None, typer.Option(help="The model to teach.", show_default="the one that chats")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="A word for the result's name.", show_default="the dataset's"),
    ] = None,
    method: Annotated[str | None, typer.Option(help="lora, qlora or full.")] = None,
    objective: Annotated[
        str | None, typer.Option(help="supervised, dpo or kto.", show_default="as the rows are")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="How often each row is read.")] = None,
    steps: Annotated[int | None, typer.Option(help="So many steps instead of epochs.")] = None,
    rank: Annotated[int | None, typer.Option("--rank", "-r", help="Of the adapters.")] = None,
    targets: Annotated[
        str | None,
        typer.Option(help="Layers that get adapters, as PEFT names them: q_proj,v_proj."),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help="At its highest.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens of one row.")] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens in one forward.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Forwards in a step.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            help="A file, or a dataset's name, to be measured on instead of a part of the data."
        ),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting: lora.dora=true, ema=0.99. Can be given several times.",
            show_default=False,
        ),
    ] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--gradient-checkpointing", help="Less memory, a third more time."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 1,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done, and train nothing.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where the same run was left unfinished.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard's curves too.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    home: Home = None,
) -> None:
    """Teach a model from examples. What is not said is chosen, and the reason given.

    Stopped by Ctrl-C or killed, the same command goes on where it was.
    """
    from miniclaude.cli.datasets import name_of
    from miniclaude.cli.one_at_a_time import one_at_a_time
    from miniclaude.device import choose_device
    from miniclaude.engine.connection import limit_products
    from miniclaude.jobs.order import JobOrder
    from miniclaude.jobs.plan import base_of
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.model.tuned import new_id
    from miniclaude.server.services import default_model
    from miniclaude.settings import load_settings
    from miniclaude.training.spec import TuneSpec

    limit_products()
    settings = load_settings(home, device=device)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    chosen = base_of(library, base or settings.model or default_model(library))
    lora: dict[str, Any] = {"r": rank, "targets": _names(targets)}
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
    for entry in others or ():
        _set(given, entry)
    # What is wrong with the settings is said before rows are read, which may take long.
    TuneSpec.from_dict({"seed": seed, **given})
    choose_device(settings.device)
    held_out = _held_out(validation, settings)
    dataset = _dataset(data, settings, seed, share=0.0 if held_out else None)
    order = JobOrder(
        id="",
        model_id=new_id(),
        base=chosen.name,
        base_folder=chosen.weights,
        adapters=settings.adapters_folder,
        prepared=dataset.folder,
        validation=held_out,
        spec=given,
        org="local",
        suffix=name_of(name or dataset.name)[:40],
        seed=seed,
    )
    made_of = [chosen.created, dataset.fingerprint, [_fingerprint(one) for one in held_out]]
    if plan:
        _plan(order, settings)
        return
    folder = _run_folder(order, made_of, settings.jobs_folder)
    with one_at_a_time(folder):
        taken = _take_up(order, folder, fresh=fresh)
        if taken is not None:
            _run(taken, folder, settings.device, tensorboard=tensorboard)


def _names(given: str | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in given.split(",")]


def _set(spec: dict[str, Any], entry: str) -> None:
    """Put `name=value` among the settings; whether there is such a one is for the run to say."""
    name, equals, text = entry.partition("=")
    if not equals or not all(part.strip() for part in name.split(".")):
        raise typer.BadParameter(f"--set {entry!r} is not of the form name=value.")
    value: Any = text
    with contextlib.suppress(ValueError):  # `true`, `0.99`; a bare word is meant as it is
        value = json.loads(text)
    *outer, last = name.strip().split(".")
    for part in outer:
        spec = spec.setdefault(part, {})
        if not isinstance(spec, dict):
            raise typer.BadParameter(f"--set {entry!r}: {part} has no settings of its own.")
    if last in spec:
        raise typer.BadParameter(f"--set {entry!r}: {last} is {spec[last]} already.")
    spec[last] = value


def _held_out(validation: str | None, settings: ServerSettings) -> tuple[Source, ...]:
    """The rows to be measured on, where others than a part of the data were asked for."""
    from miniclaude.data.prepared import find_dataset
    from miniclaude.jobs.order import Source

    if validation is None:
        return ()
    if _is_source(validation):
        return (Source(validation, Path(validation).name),)
    folder = settings.datasets_folder
    dataset = find_dataset(folder, _known(validation, folder))
    return (Source(str(dataset.folder), validation),)


def _is_source(given: str) -> bool:
    """Whether rows can be read from it, so that it is not a dataset's name."""
    from miniclaude.data.seed import NAMES

    return given in NAMES or "://" in given or Path(given).exists()


def _known(given: str, datasets: Path) -> str:
    """A name in the library. Raises NotFoundError for what is neither there nor a file."""
    from miniclaude.data.prepared import list_datasets
    from miniclaude.errors import NotFoundError

    names = [dataset.name for dataset in list_datasets(datasets)]
    if given not in names and not (given == Path(given).name and (datasets / given).is_dir()):
        there = f"The datasets are {', '.join(names)}." if names else "There is no dataset yet."
        raise NotFoundError(
            f"There is neither a file nor a dataset {given!r}.",
            hint=f"{there} `--data seed` is the one that came along.",
            param="data",
        )
    return given


def _fingerprint(source: Source) -> str:
    """What tells rows to be measured on from others of the same name."""
    from miniclaude.data.prepared import PreparedDataset
    from miniclaude.model.new_file import sha256_of

    path = Path(source.path)
    if (path / "manifest.json").is_file():
        return PreparedDataset.open(path).fingerprint
    return sha256_of(path) if path.is_file() else source.path


def _dataset(
    data: list[str], settings: ServerSettings, seed: int, share: float | None
) -> PreparedDataset:
    """The dataset of this name, or one made of these sources by the pipeline's defaults, with this
    share held out."""
    from miniclaude.cli.data_progress import DataProgress
    from miniclaude.cli.data_summary import print_summary
    from miniclaude.cli.datasets import hub_source, name_of, refuse_another
    from miniclaude.data.pipeline import prepare
    from miniclaude.data.prepared import dataset_folder, find_dataset
    from miniclaude.data.recipe import PrepareOptions

    folder = settings.datasets_folder
    if len(data) == 1 and not _is_source(data[0]):
        return find_dataset(folder, _known(data[0], folder))
    target = dataset_folder(folder, name_of("-".join(name_of(source) for source in data)))
    cure = (
        f"If that one is meant, give --data {target.name}; if not, prepare these under another"
        " name: mini-claude data prepare … --name OTHER"
    )
    refuse_another(target, data, replace=False, hint=cure)
    options = PrepareOptions(seed=seed)
    if share is not None:
        options = replace(options, validation=share)
    with DataProgress() as progress:
        dataset = prepare(data, target, options, progress, hub=hub_source(settings.home))
    print_summary(dataset.report, dataset.folder)
    typer.echo()
    return dataset


def _run_folder(order: JobOrder, made_of: list[object], jobs: Path) -> Path:
    """Named after what the run is made of, so that the same command finds it. made_of: what the
    order's names stand for now."""
    import hashlib

    named = {**order.as_dict(), "model_id": "", "made_of": made_of}
    key = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]
    return jobs / f"finetune-{key}"


def _take_up(order: JobOrder, folder: Path, *, fresh: bool) -> JobOrder | None:
    """The order that is carried out in the run's folder: one that was left unfinished goes on.
    None when it is done already."""
    import shutil

    from miniclaude.jobs.order import JobOrder
    from miniclaude.model.new_file import write_whole
    from miniclaude.model.tuned import read_tuned

    if (folder / ORDER).is_file():
        old = JobOrder.from_dict(json.loads((folder / ORDER).read_text(encoding="utf-8")))
        finished = (old.adapters / old.model_id).is_dir()
        if not fresh and not finished:
            typer.echo("Going on with the run that was left unfinished (--fresh begins anew).")
            return old
        if not fresh:
            name = read_tuned(old.adapters / old.model_id).name
            typer.echo(f"This very run is done already; --fresh does it again. It gave {name}:")
            typer.echo(f"  mini-claude chat --model {name}")
            return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    order = replace(order, id=folder.name)
    write_whole(folder / ORDER, json.dumps(order.as_dict(), indent=1) + "\n")
    return order


def _plan(order: JobOrder, settings: ServerSettings) -> None:
    """Say what would be done, in a folder of its own of which nothing stays."""
    import tempfile

    from miniclaude.jobs.assemble import plan_job

    settings.jobs_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=settings.jobs_folder) as scratch:
        plan_job(order, Path(scratch), _say, device=settings.device)


def _run(order: JobOrder, folder: Path, device: str, *, tensorboard: bool) -> None:
    """Carry the order out; stopped by Ctrl-C, exit with 130."""
    from contextlib import closing

    from miniclaude.cli.interrupt import wish_of_signals
    from miniclaude.jobs.assemble import run_job
    from miniclaude.training.tensorboard import TensorBoard

    with contextlib.ExitStack() as stack:
        board = None
        if tensorboard:
            board = stack.enter_context(closing(TensorBoard(folder / "tensorboard")))
        control = stack.enter_context(wish_of_signals())
        result = run_job(
            order, folder, _say, control, terminal=sys.stderr, device=device, board=board
        )
    if result.ended == "paused":
        typer.echo("Stopped. The same command goes on where it was.")
        raise typer.Exit(130)
    _show(result)


def _say(event: dict[str, Any]) -> None:
    """What a person should read of what the work tells; numbers are in the bar already."""
    if event.get("event") == "message":
        typer.echo(event["message"], err=event.get("level") == "error")


def _show(result: JobResult) -> None:
    metrics = result.metrics
    if "bits_per_byte_before" in metrics:
        typer.echo(
            f"Bits a byte of their answers: {metrics['bits_per_byte_before']:.3f} before,"
            f" {metrics['bits_per_byte_after']:.3f} after."
        )
    for file in result.files:
        if file.suffix == ".html":
            typer.echo(f"The report with pictures: {file}")
    typer.echo(f"\n{result.fine_tuned_model} is ready. Talk to it:")
    typer.echo(f"  mini-claude chat --model {result.fine_tuned_model}")
