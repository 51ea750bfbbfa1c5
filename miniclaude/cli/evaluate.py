"""`mini-claude eval`: what a model can do, measured, and compared with another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from miniclaude.cli.options import Dtype, Home

if TYPE_CHECKING:
    from miniclaude.evaluation.speaking import OfferedTool
    from miniclaude.model.library import InstalledModel, Library
    from miniclaude.providers.local_batch import LocalBatch
    from miniclaude.settings import ServerSettings


def evaluate(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A model's name, as `models list` shows it (`ft:…` too), or a model folder.",
            show_default="the one that answers when none is named",
        ),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="bundled|FILE|FOLDER",
            help="Rows to measure with; may be given several times.",
            show_default="bundled",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the report as JSON, and as a page with pictures beside it."
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A report of another model on the same suite: says go or no go, and exits with 1"
            " for no go.",
        ),
    ] = None,
    replies: Annotated[
        int, typer.Option(min=0, max=10_000, help="Replies to sample, to count loops.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn by chance.")] = 0,
    transcript: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only talk through the suite's scripts, and write the conversations as Markdown.",
        ),
    ] = None,
    sampled: Annotated[
        bool, typer.Option(help="Transcripts: draw the answers, as in a chat.")
    ] = False,
    dtype: Dtype = None,
    home: Home = None,
) -> None:
    """Measure a model: checks by kind, safety, repetition, BLEU, perplexity. The same model, suite
    and seed give the same report."""
    from miniclaude.cli.data_progress import DataProgress
    from miniclaude.cli.evaluation_table import print_comparison, print_report
    from miniclaude.evaluation.conduct import talk_through
    from miniclaude.evaluation.gate import gate, read_report
    from miniclaude.evaluation.measure import measure
    from miniclaude.evaluation.suite import read_suite
    from miniclaude.evaluation.transcript import write_transcript

    # What is wrong with files is said before the model is loaded, and long before it has answered.
    old = None if compare is None else read_report(compare)
    tools = _tools()
    rows = read_suite(suite or ["bundled"], tools)
    for path in (out, transcript):
        if path is not None:
            _check_writable(path)
    if out is not None and out.suffix.lower() in (".html", ".htm"):
        raise typer.BadParameter("--out is the JSON report; its page is written beside it.")
    speaker = _speaker(model, dtype, home)
    if transcript is not None:
        _require(bool(rows.scripts), "transcript", "turns")
        chosen = seed if sampled else None
        talks = talk_through(rows.scripts, speaker, tools, seed=chosen)
        _write(transcript, write_transcript(speaker.facts, talks, chosen))
        typer.echo(f"The transcript is in {transcript}")
        return
    with DataProgress(resumes=False) as progress:
        report = measure(rows, speaker, tools, replies=replies, seed=seed, progress=progress)
    verdict = None if old is None else gate(old, report)
    print_report(report, old)
    if out is not None:
        _save(out, report, old, verdict)
    if verdict is not None and old is not None:
        print_comparison(verdict, old)
        if not verdict.go:
            raise typer.Exit(1)


def _tools() -> dict[str, OfferedTool]:
    """What checks may offer."""
    from miniclaude.evaluation.speaking import OfferedTool
    from miniclaude.tools.builtin import BUILTIN

    return {name: OfferedTool(one.tool, one.run, one.suits) for name, one in BUILTIN.items()}


def _speaker(name: str | None, dtype: str | None, home: Path | None) -> LocalBatch:
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.providers.local_batch import LocalBatch
    from miniclaude.settings import load_settings

    settings = load_settings(home, dtype=dtype)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    installed = _find(name, settings, library)
    return LocalBatch(
        installed, device=settings.device, dtype=settings.dtype, threads=settings.threads
    )


def _find(name: str | None, settings: ServerSettings, library: Library) -> InstalledModel:
    """A model by name, or the folder that the name is a path to. Raises ModelNotFoundError."""
    from miniclaude.errors import ModelNotFoundError
    from miniclaude.model.library import folder_model
    from miniclaude.server.services import default_model

    wanted = name or settings.model or default_model(library)
    try:
        return library.find(wanted)
    except ModelNotFoundError:
        path = Path(wanted)
        if (path / "config.json").is_file():
            return folder_model(path.absolute())
        raise


def _require(there: bool, param: str, key: str) -> None:
    from miniclaude.errors import DatasetError

    if not there:
        raise DatasetError(
            f"{param}: no row of the suite has {key!r}.",
            hint='Add rows such as {"turns": ["Hi!", "How are you?"]}, or use --suite bundled.',
            param=param,
        )


def _check_writable(path: Path) -> None:
    """Raises InvalidRequestError where nothing can be written."""
    from miniclaude.errors import InvalidRequestError

    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InvalidRequestError(
            f"{path} is a folder."
            if path.is_dir()
            else f"{path}: there is no folder {path.absolute().parent}.",
            hint="Name a file in a folder that is there, for example report.json.",
        )


def _save(out: Path, report: dict[str, Any], old: dict[str, Any] | None, verdict: Any) -> None:
    import json

    from miniclaude.evaluation.suite_page import suite_page

    page = out.with_suffix(".html")
    _write(out, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    _write(page, suite_page(report, old, verdict, out.name))
    typer.echo(f"The report is in {out}, with pictures in {page}")


def _write(path: Path, text: str) -> None:
    path.write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8")
