"""`mini-claude data synthesize`: new examples from a seed, by any model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Home

if TYPE_CHECKING:
    from miniclaude.data.example import Example
    from miniclaude.data.synthesize import Plan, Synthesis, SynthesisOptions, Writer
    from miniclaude.providers.registry import Registry
    from miniclaude.settings import ServerSettings

ANSWER_TOKENS = 4_096  # at most, of one answer of the model


def synthesize(
    seed_file: Annotated[str, typer.Argument(metavar="SEED", help="Examples to go by, or `seed`.")],
    model: Annotated[
        str | None,
        typer.Option(help="The model that writes, as `provider/model`; local ones by their name."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="The provider, where --model has no prefix.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="New examples wanted.")] = 100,
    out: Annotated[
        Path | None, typer.Option(help="File to write.", show_default="SEED-synthetic.jsonl")
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(help="Dollars for a million tokens in and out, as 3/15: then the cost shows."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of examples shown.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Write new examples like those in SEED, by any model, through the same gates as every row.

    Says first what it will cost. Stopped or killed, the same command goes on without asking for
    anything twice.
    """
    from miniclaude.data.synthesize import SynthesisOptions, plan
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    name = f"{provider}/{model}" if provider and model else model or provider or ""
    options = SynthesisOptions(count=count, seed=seed)
    seeds = _seeds(seed_file)
    target = out or Path(f"{Path(seed_file).name.partition('.')[0] or 'seed'}-synthetic.jsonl")
    expected = plan(seeds, options)
    prices = _prices(price)
    asyncio.run(_run(settings, name, seeds, target, options, expected, prices, yes))


async def _run(
    settings: ServerSettings,
    name: str,
    seeds: list[Example],
    target: Path,
    options: SynthesisOptions,
    expected: Plan,
    prices: tuple[float, float] | None,
    yes: bool,
) -> None:
    from miniclaude.data.synthesize import synthesize as write_examples
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.server.services import make_registry

    registry = make_registry(settings, Library(settings.models_folder, bundled_models()))
    try:
        registry.resolve(name)  # a wrong name is said before anything else
        model = name or registry.default_model
        _say_plan(model, expected, len(seeds), target, options, prices)
        if not yes:
            typer.confirm("Go on?", abort=True)
        with _Bar(options.count) as bar:
            done = await write_examples(
                seeds, target, _writer(registry, model), options, model=model, tell=bar.tell
            )
    finally:
        await registry.aclose()
    _say_result(done, target, prices)


def _writer(registry: Registry, model: str) -> Writer:
    """A question to the provider, as the pipeline asks it."""
    from miniclaude.data.synthesis_journal import Reply
    from miniclaude.messages import Message, TextDelta, Usage
    from miniclaude.providers.base import ChatRequest, Settings

    provider, bare = registry.resolve(model)

    async def ask(messages: tuple[Message, ...]) -> Reply:
        settings = Settings(max_tokens=ANSWER_TOKENS, temperature=1.0)
        texts: list[str] = []
        usage = Usage(0, 0)
        async for event in provider.chat(ChatRequest(bare, messages, settings)):
            match event:
                case TextDelta(text=text):
                    texts.append(text)
                case Usage():
                    usage = event
        return Reply("".join(texts), usage.prompt_tokens, usage.completion_tokens)

    return ask


def _seeds(source: str) -> list[Example]:
    """Raises DatasetError naming the first bad row: what is shown to the model must be good."""
    from miniclaude.data.reading import read_examples
    from miniclaude.data.rejection import Rejection
    from miniclaude.data.seed import resolve_source
    from miniclaude.errors import DatasetError

    seeds: list[Example] = []
    for item in read_examples(resolve_source(source)):
        if isinstance(item, Rejection):
            raise DatasetError(f"{item.place}: {item.error}: {item.message}", hint=item.cure)
        seeds.append(item)
    if not seeds:
        raise DatasetError(f"{source} has no rows.", hint="Give it a few examples to go by.")
    return seeds


def _prices(given: str | None) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        first, second = (float(part) for part in given.split("/"))
        if not (0 <= first < 1e6 and 0 <= second < 1e6):
            raise ValueError
    except ValueError:
        raise typer.BadParameter("--price is dollars in/out, as 3/15.") from None
    return first, second


def _say_plan(
    model: str,
    expected: Plan,
    seeds: int,
    target: Path,
    options: SynthesisOptions,
    prices: tuple[float, float] | None,
) -> None:
    typer.echo(
        f"{options.count:,} new examples by {model}, after {seeds:,} seed examples, into {target}"
    )
    typer.echo(
        f"About {expected.requests:,} requests, {expected.prompt_tokens:,} tokens in and"
        f" {expected.completion_tokens:,} out; never more than {expected.most_requests:,} requests."
    )
    if prices is not None:
        once, most = expected.cost(prices)
        typer.echo(f"About ${once:,.2f}, at the very most about ${most:,.2f}.")
    elif "/" in model:
        typer.echo("If it costs money, --price IN/OUT (dollars a million tokens) says how much.")


def _say_result(done: Synthesis, target: Path, prices: tuple[float, float] | None) -> None:
    typer.echo(
        f"{done.examples:,} examples are in {target}: {done.requests:,} requests,"
        f" {done.prompt_tokens:,} tokens in, {done.completion_tokens:,} out."
    )
    if prices is not None:
        cost = (done.prompt_tokens * prices[0] + done.completion_tokens * prices[1]) / 1e6
        typer.echo(f"That cost about ${cost:,.2f}.")
    left_out = [f"{count:,} {name}" for name, count in done.rejected.items()]
    left_out += [f"{done.malformed:,} malformed answers"] if done.malformed else []
    left_out += [f"{done.refused:,} refusals"] if done.refused else []
    if left_out:
        typer.echo(f"Left out: {', '.join(left_out)}.")
    if not done.complete:
        typer.echo("The limit of requests is reached; ask with another --seed file for more.")
    typer.echo(f"Read some of them, then:  mini-claude data prepare {target}")


class _Bar:
    """Examples so far; on a terminal only."""

    def __init__(self, count: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("Writing", total=count)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, kept: int, requests: int, tokens: int) -> None:
        """After each answer."""
        self._bar.update(
            self._task,
            completed=kept,
            description=f"{requests:,} requests, {tokens:,} tokens",
        )
