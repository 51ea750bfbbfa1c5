"""`mini-claude bench`: how fast a local model answers on this machine."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from miniclaude.cli.options import Dtype, Home

if TYPE_CHECKING:
    from miniclaude.engine.engine import Engine

LABELS = {
    "load_s": "loaded in, s",
    "first_token_ms": "first token of the prompt, ms",
    "alone_tokens_s": "one answer, tokens/s",
    "streams_tokens_s": "all streams, tokens/s",
    "memory_mb": "most memory, MB",
}


def bench(
    name: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A local model, as `models list` shows it."),
    ] = None,
    dtype: Dtype = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads that compute.")
    ] = None,
    prompt: Annotated[int, typer.Option(min=1, max=100_000, help="Tokens to read.")] = 256,
    answer: Annotated[int, typer.Option(min=2, max=10_000, help="Tokens to write.")] = 64,
    streams: Annotated[int, typer.Option(min=1, max=64, help="Answers written at once.")] = 8,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Turns; the best counts.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    home: Home = None,
) -> None:
    """Measure how fast a local model answers on this machine: reading, writing one answer and
    several at once, and memory. Prompts are random tokens, none twice; of each figure the best turn
    counts."""
    import resource  # no system but Unix has it, and the other commands do without

    from miniclaude.engine.limits import EngineLimits
    from miniclaude.engine.protocol import EngineSpec
    from miniclaude.engine.worker import load
    from miniclaude.errors import ContextLengthError
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.server.services import default_model
    from miniclaude.settings import load_settings

    settings = load_settings(home, dtype=dtype, threads=threads)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    model = library.find(name or settings.model or default_model(library))
    limits = EngineLimits(prefix_tokens=0, draft_tokens=0, max_running=streams)
    began = time.perf_counter()
    engine, info = load(
        EngineSpec(
            model.weights, settings.device, settings.dtype, settings.threads, limits,
            adapter=model.adapter,
        )
    )  # fmt: skip
    loaded = time.perf_counter() - began
    if prompt + answer > info.context:
        raise ContextLengthError(
            f"{prompt} tokens to read and {answer} to write exceed the {info.context} tokens of"
            f" {model.name}'s context.",
            hint="Ask for fewer with --prompt or --answer.",
            param="prompt",
        )
    chance = random.Random(0)  # noqa: S311  # prompts, not secrets
    firsts, alone, together = [], [], []
    for _ in range(repeats):
        first, rate = time_answers(engine, draw(chance, 1, prompt, info.vocab_size), answer)
        firsts.append(first)
        alone.append(rate)
        _, rate = time_answers(engine, draw(chance, streams, prompt, info.vocab_size), answer)
        together.append(rate)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "load_s": round(loaded, 2),
        "first_token_ms": round(1000 * min(firsts), 1),
        "alone_tokens_s": round(max(alone), 1),
        "streams_tokens_s": round(max(together), 1),
        "memory_mb": round(peak / (1024 if sys.platform != "darwin" else 1024**2), 1),
    }
    about = {
        "model": model.name, "dtype": info.dtype, "device": info.device, "threads": info.threads,
        "prompt": prompt, "answer": answer, "streams": streams, "repeats": repeats,
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(about | figures))
        return
    typer.echo(
        f"{model.name} in {info.dtype} on {info.device}, {info.threads} threads: {prompt} tokens"
        f" read, {answer} written, {streams} streams, best of {repeats}"
    )
    for key, label in LABELS.items():
        typer.echo(f"  {label:<30} {figures[key]:>10,}")


def draw(chance: random.Random, count: int, length: int, vocabulary: int) -> list[tuple[int, ...]]:
    """Prompts that nothing has read before."""
    return [tuple(chance.choices(range(vocabulary), k=length)) for _ in range(count)]


def time_answers(
    engine: Engine, prompts: Sequence[tuple[int, ...]], answer: int
) -> tuple[float, float]:
    """Seconds until every answer has begun, and tokens a second after that."""
    from miniclaude.engine.request import GenerationRequest, Sampling

    sampling = Sampling(answer, temperature=0.0, ignore_eos=True)
    began = time.perf_counter()
    for number, ids in enumerate(prompts):
        engine.submit(GenerationRequest(str(number), ids, sampling))
    writings = [engine.live[str(number)].writings[0] for number in range(len(prompts))]
    lengths = [len(ids) for ids in prompts]
    at_first, written = 0.0, 0
    while not engine.idle:
        engine.step()
        counts = [len(one.tokens) - length for one, length in zip(writings, lengths, strict=True)]
        if not at_first and all(counts):
            at_first, written = time.perf_counter(), sum(counts)
    total = sum(counts) - written
    return at_first - began, total / max(time.perf_counter() - at_first, 1e-9)
