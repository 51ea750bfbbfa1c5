"""Small runs beside one another, to choose the recipe's numbers by measurement.

    python -m recipes.bundled.sweep RUN --minutes 6 --to sweep.jsonl \\
        --vary "width=192 heads=3" --vary "layers=12" --vary "optimizer=adamw schedule=cosine"

RUN is a folder that `recipes.bundled.train` has prepared (vocabulary and tokens). Every run reads
the text of stage one for the same time and pays for its size in tokens; the learning rate comes
down at its end, so that what is compared are finished models. `--minutes 0` gives every run the
same tokens instead (`--vary "tokens=1000000"`), which a busy machine does not falsify. One line of
JSON for each run: what was varied, parameters, tokens, held-out bits per byte of every kind.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from miniclaude.device import choose_device
from miniclaude.errors import MiniClaudeError, SettingsError
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.loop import train
from miniclaude.training.run_log import RunLog
from recipes.bundled.sources import Recipe, Shape, Stage, load_recipe
from recipes.bundled.stage import SEED, held_out_scores, stage_config, text_batches


def varied(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with other numbers. changes: `name=value`, value as in TOML or a bare word.

    Raises SettingsError for a name that neither [model] nor [pretrain] has.
    """
    model, pretrain = {}, {}
    for change in changes:
        name, _, text = change.partition("=")
        value = _value(text)
        if name in {field.name for field in fields(Shape)}:
            model[name] = value
        elif name in {field.name for field in fields(Stage)}:
            pretrain[name] = value
        else:
            raise SettingsError(
                f"{name!r} is a field neither of [model] nor of [pretrain].",
                hint="Compare it with recipes/bundled/recipe.toml.",
                param=name,
            )
    return replace(
        recipe,
        model=replace(recipe.model, **model),
        pretrain=replace(recipe.pretrain, **pretrain),
    )


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def measure(recipe: Recipe, run: Path, limit: int, device: torch.device) -> dict[str, Any]:
    """Train the recipe's model by its first stage on a device and score it. limit: positions of
    each held-out source."""
    tokenizer = load_tokenizer(run / "tokenizer")
    model = Transformer(recipe.model_config(tokenizer.vocab_size))
    model.initialise(torch.Generator().manual_seed(SEED))
    model.to(device)
    size = sum(parameter.numel() for parameter in model.parameters())
    batches = text_batches(recipe.pretrain, "all", run, 1.0, device)
    config = stage_config(recipe.pretrain, len(batches), 1.0, device)
    config = replace(config, evaluate_every=0)
    started = time.monotonic()
    result = train(model, batches, config, log=RunLog())
    scores = held_out_scores(recipe, run, model, limit)
    return {
        "parameters": size,
        "active": size - model.config.idle_parameters,
        "tokens": result.read,
        "steps": result.steps,
        "minutes": round((time.monotonic() - started) / 60, 2),
        "threads": torch.get_num_threads(),
        "bits_per_byte": {kind: round(value, 4) for kind, value in scores.items()},
        "mean": round(sum(scores.values()) / len(scores), 4),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(prog="recipes.bundled.sweep", description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder with vocabulary and tokens")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--minutes", type=float, default=6.0, help="of training for each run")
    parser.add_argument("--vary", action="append", default=[], help='"name=value name=value"')
    parser.add_argument("--limit", type=int, default=30_000, help="held-out positions by source")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch likes")
    parser.add_argument("--to", type=Path, help="file to add a line to for each run")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        device = choose_device(options.device)
        base = load_recipe(options.recipe)
        base = replace(base, pretrain=replace(base.pretrain, minutes=options.minutes))
        for changes in options.vary or [""]:
            row = {
                "varied": changes,
                **measure(varied(base, changes.split()), options.run, options.limit, device),
            }
            print(json.dumps(row), flush=True)
            if options.to:
                with options.to.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
