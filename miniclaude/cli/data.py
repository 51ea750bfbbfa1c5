"""`mini-claude data`: examples made ready for teaching, looked at, and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from miniclaude.cli.datasets import hub_source, name_of, refuse_another
from miniclaude.cli.options import Home
from miniclaude.cli.synthesize import synthesize

if TYPE_CHECKING:
    from miniclaude.data.example import Example
    from miniclaude.data.prepared import PreparedDataset
    from miniclaude.data.recipe import PrepareOptions
    from miniclaude.data.rejection import Item
    from miniclaude.tokenizer.tokenizer import Tokenizer

app = typer.Typer(
    no_args_is_help=True, help="Examples to teach from: check, prepare, look at, keep."
)
app.command()(synthesize)

Sources = Annotated[
    list[str],
    typer.Argument(help="Files, folders, `hf://datasets/ORG/NAME`, or `seed`.", show_default=False),
]
Name = Annotated[str, typer.Argument(help="A dataset's name, as `list` shows it.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Take the rows for this form, instead of detecting it."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", help="A column of the file and our name for it: question=instruction."
    ),
]
ModelName = Annotated[
    str | None, typer.Option("--model", help="The model to be taught; its tokenizer counts tokens.")
]
Validation = Annotated[float, typer.Option(help="Share of the rows held out to check.")]
Seed = Annotated[int, typer.Option(help="Of every random choice.")]
Augment = Annotated[
    bool, typer.Option("--augment/--no-augment", help="Vary rows where that adds variety.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def prepare(
    sources: Sources,
    name: Annotated[
        str | None,
        typer.Option(help="What to call it.", show_default="the first source's name"),
    ] = None,
    model: ModelName = None,
    format_name: Format = None,
    columns: Columns = None,
    augment: Augment = True,
    paraphrase_with: Annotated[
        str | None,
        typer.Option(
            help="A model that also puts requests in other words, at most 200 of them:"
            " `provider/model`, or a local one's name.",
        ),
    ] = None,
    system: Annotated[str, typer.Option(help="System prompt for rows that get one.")] = "",
    validation: Validation = 0.1,
    seed: Seed = 1,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a dataset made from other sources.")
    ] = False,
    home: Home = None,
) -> None:
    """Clean, split, vary and check rows, and keep them as a dataset.

    Killed or out of room, the same command goes on where it stopped.
    """
    from miniclaude.cli.data_progress import DataProgress
    from miniclaude.cli.data_summary import print_summary
    from miniclaude.cli.paraphrase import writer_by
    from miniclaude.data.pipeline import prepare as prepare_data
    from miniclaude.data.prepared import dataset_folder

    options = _options(format_name, columns, augment, system, validation, seed)
    writer = writer_by(paraphrase_with, home) if paraphrase_with else None
    folder = dataset_folder(_datasets(home), name or name_of(sources[0]))
    refuse_another(folder, sources, replace=replace)
    counter = _token_counter(model, home)
    with DataProgress() as progress:
        dataset = prepare_data(
            sources,
            folder,
            options,
            progress,
            count_tokens=counter,
            hub=hub_source(home),
            writer=writer,
        )
    print_summary(dataset.report, dataset.folder)
    chosen = f" --base {model}" if model else ""
    typer.echo(f"\nTeach a model with it:  mini-claude finetune --data {dataset.name}{chosen}")


@app.command()
def check(
    sources: Sources,
    model: ModelName = None,
    format_name: Format = None,
    columns: Columns = None,
    validation: Validation = 0.1,
    seed: Seed = 1,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write the report's page to this file.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Say what `prepare` would keep and reject, and keep nothing."""
    import shlex
    import shutil
    import tempfile

    from miniclaude.cli.data_progress import DataProgress
    from miniclaude.cli.data_summary import print_summary
    from miniclaude.data.pipeline import prepare as prepare_data
    from miniclaude.data.prepared import PAGE

    options = _options(format_name, columns, True, "", validation, seed)
    counter = _token_counter(model, home)
    with tempfile.TemporaryDirectory(prefix="mini-claude-check-") as scratch:
        with DataProgress(resumes=False) as progress:
            dataset = prepare_data(
                sources,
                Path(scratch) / name_of(sources[0]),
                options,
                progress,
                count_tokens=counter,
                hub=hub_source(home),
            )
        report = dataset.report
        if page is not None:
            shutil.copyfile(dataset.folder / PAGE, page)
    if as_json:
        typer.echo(json.dumps(report, indent=1, ensure_ascii=False))
        return
    print_summary(report, None)
    if page is not None:
        typer.echo(f"The report with pictures: {page}")
    typer.echo(
        f"\nKeep it as a dataset:  mini-claude data prepare {' '.join(map(shlex.quote, sources))}"
    )


@app.command()
def preview(
    source: Annotated[str, typer.Argument(help="A file, or a dataset's name.")],
    row: Annotated[int, typer.Option(min=1, help="Which row, counted from 1.")] = 1,
    model: ModelName = None,
    format_name: Format = None,
    columns: Columns = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """The exact tokens of a row, coloured by what is learnt."""
    from miniclaude.cli.data_summary import print_preview
    from miniclaude.data.preview import as_json as preview_json
    from miniclaude.data.preview import preview as preview_row
    from miniclaude.data.rejection import Rejection
    from miniclaude.errors import DatasetError

    item = _row(source, row, format_name, columns, home)
    if isinstance(item, Rejection):
        raise DatasetError(
            f"{item.place} is left out: {item.error}: {item.message}", hint=item.cure
        )
    tokenizer = _tokenizer(model, home)
    parts = preview_row(item, tokenizer)
    if as_json:
        typer.echo(json.dumps(preview_json(item, parts), ensure_ascii=True))
        return
    print_preview(item, parts)


@app.command("list")
def list_command(as_json: AsJson = False, home: Home = None) -> None:
    """Every dataset on this machine."""
    from miniclaude.data.prepared import list_datasets

    datasets = list_datasets(_datasets(home))
    if as_json:
        typer.echo(json.dumps([_facts(dataset) for dataset in datasets], ensure_ascii=False))
        return
    if not datasets:
        typer.echo("No datasets yet. `mini-claude data prepare my.json` makes one.")
        return
    width = max(len(dataset.name) for dataset in datasets)
    for dataset in datasets:
        typer.echo(
            f"{dataset.name:<{width}}  {dataset.count('train'):>9,} rows to learn from"
            f"  {dataset.count('validation'):>7,} held out  {dataset.task}"
        )


@app.command()
def show(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """What a dataset is like: its report."""
    from miniclaude.cli.data_summary import print_summary
    from miniclaude.data.prepared import find_dataset

    dataset = find_dataset(_datasets(home), name)
    if as_json:
        typer.echo(json.dumps(dataset.report, indent=1, ensure_ascii=False))
        return
    print_summary(dataset.report, dataset.folder)


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Delete a dataset. What it was made from stays."""
    from miniclaude.data.prepared import dataset_folder, find_dataset, remove_dataset

    datasets = _datasets(home)
    if not dataset_folder(datasets, name).is_dir():
        find_dataset(datasets, name)
    if not yes:
        typer.confirm(f"Delete the dataset {name}?", abort=True)
    remove_dataset(datasets, name)
    typer.echo(f"{name} is gone.")


@app.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The JSON Lines file to write.")],
    format_name: Annotated[
        str, typer.Option("--format", help="alpaca, sharegpt or openai.")
    ] = "openai",
    split: Annotated[str, typer.Option(help="train, validation or all.")] = "all",
    home: Home = None,
) -> None:
    """Write a dataset's rows in a form that other tools read."""
    from miniclaude.data.export import export_rows
    from miniclaude.data.prepared import find_dataset

    written, left_out = export_rows(
        find_dataset(_datasets(home), name), file, format_name=format_name, split=split
    )
    typer.echo(f"{written:,} rows are in {file}")
    for rejection in left_out[:5]:
        typer.echo(f"left out: {rejection.place}: {rejection.message} {rejection.cure}")
    if len(left_out) > 5:
        typer.echo(f"left out: {len(left_out) - 5:,} more")


def _options(
    format_name: str | None,
    columns: list[str] | None,
    augment: bool,
    system: str,
    validation: float,
    seed: int,
) -> PrepareOptions:
    from miniclaude.data.recipe import PrepareOptions

    return PrepareOptions(
        format=format_name,
        columns=_columns(columns),
        augment=augment,
        system=system,
        validation=validation,
        seed=seed,
    )


def _columns(given: list[str] | None) -> dict[str, str]:
    columns: dict[str, str] = {}
    for entry in given or ():
        for pair in entry.split(","):
            left, equals, right = pair.partition("=")
            if not equals or not left.strip() or not right.strip():
                raise typer.BadParameter(f"--columns {pair!r} is not of the form column=name.")
            columns[left.strip()] = right.strip()
    return columns


def _datasets(home: Path | None) -> Path:
    from miniclaude.settings import load_settings

    return load_settings(home).datasets_folder


def _tokenizer(model: str | None, home: Path | None) -> Tokenizer:
    """The tokenizer of the model, or of the one that chats when none is named."""
    from miniclaude.errors import ModelNotFoundError
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.settings import load_settings
    from miniclaude.tokenizer.load import load_tokenizer

    settings = load_settings(home)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    chosen = model or settings.model or next((m.name for m in library.list() if m.bundled), None)
    if chosen is None:
        chosen = next((m.name for m in library.list() if m.tuned is None), None)
    if chosen is None:
        raise ModelNotFoundError(
            "There is no model on this machine yet, so no tokenizer.",
            hint="Fetch one: mini-claude pull HuggingFaceTB/SmolLM2-135M-Instruct",
            param="model",
        )
    found = library.find(chosen)
    return load_tokenizer(found.weights, templates=found.adapter)


def _token_counter(model: str | None, home: Path | None) -> Any:
    if model is None:
        return None
    tokenizer = _tokenizer(model, home)
    return lambda text: len(tokenizer.encode(text))


def _row(
    source: str,
    number: int,
    format_name: str | None,
    columns: list[str] | None,
    home: Path | None,
) -> Item:
    """Row `number` of a file, or of a dataset's training rows."""
    from itertools import islice

    from miniclaude.data.prepared import dataset_folder, find_dataset
    from miniclaude.data.reading import read_examples
    from miniclaude.data.seed import resolve_source
    from miniclaude.errors import DatasetError, InvalidRequestError

    items: Any
    try:
        is_dataset = not Path(source).exists() and dataset_folder(_datasets(home), source).is_dir()
    except InvalidRequestError:
        is_dataset = False
    if is_dataset:
        items = find_dataset(_datasets(home), source).examples("train")
    else:
        items = read_examples(
            resolve_source(source),
            format=format_name,
            columns=_columns(columns) or None,
            hub=hub_source(home),
        )
    found: Item | Example | None = next(islice(items, number - 1, None), None)
    if found is None:
        raise DatasetError(
            f"{source} has fewer than {number:,} rows.", hint="Give a smaller --row.", param="row"
        )
    return found


def _facts(dataset: PreparedDataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "task": dataset.task,
        "train": dataset.count("train"),
        "validation": dataset.count("validation"),
        "sources": dataset.sources,
        "fingerprint": dataset.fingerprint,
    }
