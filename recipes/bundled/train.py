"""Train the bundled model: vocabulary, pretraining, chat tuning, preferences, model folder.

    python -m recipes.bundled.train DATA_FOLDER --run runs/bundled --to miniclaude/bundled/NAME

Each stage leaves its result in the run folder and is passed over when it is there, so that the same
command goes on after an interruption. `--start FOLDER` takes the tokenizer and the weights of a
model folder instead of pretraining. `--scale 0.01` does all of it in little, for a check.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch

from miniclaude.data.tokens import TokenSet
from miniclaude.device import choose_device
from miniclaude.errors import CheckpointError, MiniClaudeError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.run_log import RunLog
from recipes.bundled.decontaminate import Evaluation
from recipes.bundled.export import TOKENIZER_FILES, export
from recipes.bundled.preference import prefer
from recipes.bundled.prepare import make_tokenizer, tokenise_source
from recipes.bundled.sources import Recipe, Stage, load_recipe
from recipes.bundled.stage import (
    SEED,
    Piece,
    PieceEndedError,
    run_stage,
    stage_config,
    text_batches,
)

MOST_ON_A_CPU = 100_000_000
"""Tokens of a stage, above which somebody without a GPU is told how long it takes."""
PAUSED = 75
"""Exit status when there is more to do: sysexits' "try again"."""


def prepare(
    recipe: Recipe,
    data: Path,
    run: Path,
    scale: float,
    log: RunLog,
    evaluation: Evaluation | None = None,
) -> Tokenizer:
    """Vocabulary and token files, where they are not there yet. evaluation: what no document to
    train on may share words with; how many did is written to the run folder."""
    if not (run / "tokenizer" / "chat_template.jinja").exists():
        log.say(f"Learning a vocabulary of {recipe.vocabulary.size:,} tokens …")
        make_tokenizer(recipe, data, run / "tokenizer", scale)
    tokenizer = load_tokenizer(run / "tokenizer")
    for name in recipe.sources:
        if not (run / "tokens" / f"{name}.held-out.replies.safetensors").exists():
            summary = tokenise_source(
                recipe, name, data, run / "tokens", tokenizer, scale, evaluation
            )
            if evaluation is not None:
                note = json.dumps({"source": name, **summary.as_dict()}, ensure_ascii=False)
                with (run / "decontamination.jsonl").open("a", encoding="utf-8") as file:
                    file.write(note + "\n")
                log.say(
                    f"{name}: {summary.dropped:,} of {summary.read:,} documents left out,"
                    " for they share words with evaluation"
                )
            taught = TokenSet.load(run / "tokens" / f"{name}.train.all.safetensors")
            log.say(f"{name}: {len(taught):,} documents, {taught.lengths.sum():,} tokens")
    return tokenizer


def take_tokenizer(start: Path, run: Path) -> None:
    """A model folder's tokenizer as the run's own. Raises CheckpointError where it has none."""
    (run / "tokenizer").mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if not (start / name).is_file():
            raise CheckpointError(
                f"{start} has no {name}.", hint="Start from a folder that this recipe has made."
            )
        shutil.copyfile(start / name, run / "tokenizer" / name)


def begin(recipe: Recipe, start: Path | None, tokenizer: Tokenizer, log: RunLog) -> Transformer:
    """The model before its first stage: that of a folder, or one drawn at random.

    Raises CheckpointError when the folder's model has another shape than the recipe's.
    """
    model = Transformer(recipe.model_config(tokenizer.vocab_size))
    if start is None:
        model.initialise(torch.Generator().manual_seed(SEED))
    else:
        try:
            model.load_state_dict(load_model(start).state_dict())
        except RuntimeError as error:
            raise CheckpointError(
                f"The model in {start} does not have the shape of {recipe.path}.",
                hint="Give [model] and [vocabulary] its sizes, or start from nothing.",
            ) from error
    size = sum(parameter.numel() for parameter in model.parameters())
    active = size - model.config.idle_parameters
    told = f", of which {active:,} compute a token" if active < size else ""
    log.say(f"A model of {size:,} parameters{told}{f', those of {start}' if start else ''}")
    return model


def text_stage(
    name: str,
    learn: str,
    recipe: Recipe,
    run: Path,
    model: Transformer,
    scale: float,
    piece: Piece,
    log: RunLog,
) -> None:
    """A stage that reads text: `all` of it, or the assistant's `replies`."""
    stage: Stage = getattr(recipe, name)
    device = model.tokens.weight.device
    batches = text_batches(stage, learn, run, scale, device)
    if device.type == "cpu" and stage.tokens * scale > MOST_ON_A_CPU:
        log.say(
            f"{name}: {int(stage.tokens * scale):,} tokens take a CPU days. For a smaller model in"
            " hours: --recipe recipes/bundled/cpu.toml"
        )
    config = stage_config(stage, len(batches), scale, device)
    run_stage(name, config, lambda: batches, recipe, run, model, piece, scale=scale)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(prog="recipes.bundled.train", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the sources that the recipe names")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--run", type=Path, default=Path("runs/bundled"))
    parser.add_argument("--start", type=Path, help="model folder to tune on, without pretraining")
    parser.add_argument("--to", type=Path, help="model folder to write")
    parser.add_argument("--card", type=Path, default=Path("docs/bundled-model.md"))
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        default=[],
        help="evaluation files or folders that no document to train on may share words with",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of text, tokens and minutes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch likes")
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="train for so long in this call; 0: to the end"
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    log = RunLog()
    try:
        recipe = load_recipe(options.recipe)
        evaluation = Evaluation(options.against) if options.against else None
        if options.start is not None:
            take_tokenizer(options.start, options.run)
        tokenizer = prepare(recipe, options.data, options.run, options.scale, log, evaluation)
        model = begin(recipe, options.start, tokenizer, log).to(choose_device(options.device))
        piece = Piece(options.minutes)
        stages = (recipe, options.run, model, options.scale, piece, log)
        if options.start is None:
            text_stage("pretrain", "all", *stages)
        text_stage("tune", "replies", *stages)
        if recipe.preference is not None:
            prefer(recipe, options.data, options.run, model, tokenizer, options.scale, piece, log)
        to = options.to or options.run / "model"
        export(model, tokenizer, options.run, to, options.card)
        log.say(f"Written to {to}")
    except PieceEndedError as ended:
        log.say(f"{ended} The same command goes on.")
        return PAUSED
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
