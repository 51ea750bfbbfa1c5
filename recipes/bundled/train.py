"""Train the bundled model: vocabulary, pretraining, chat tuning, model folder.

    python -m recipes.bundled.train DATA_FOLDER --run runs/bundled --to miniclaude/bundled/NAME

Each stage leaves its result in the run folder and is passed over when it is there, so that the same
command goes on after an interruption. `--scale 0.01` does all of it in little, for a check.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from miniclaude.data.batches import Batches
from miniclaude.data.tokens import TokenSet
from miniclaude.errors import MiniClaudeError
from miniclaude.evaluation.perplexity import score
from miniclaude.model.checkpoint import save_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.checkpoint import load_latest
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import train
from miniclaude.training.optim import make_optimizers
from miniclaude.training.run_log import RunLog, duration
from recipes.bundled.prepare import END_OF_TEXT, make_tokenizer, tokenise_source
from recipes.bundled.sources import Recipe, Stage, load_recipe

SEED = 1
GENERATION = {
    "do_sample": True,
    "temperature": 0.5,
    "top_p": 0.9,
    "repetition_penalty": 1.05,
    "max_new_tokens": 200,
}
"""Defaults that suit so small a model; a request may ask for others."""


def prepare(recipe: Recipe, data: Path, run: Path, scale: float, log: RunLog) -> Tokenizer:
    """Vocabulary and token files, where they are not there yet."""
    if not (run / "tokenizer" / "chat_template.jinja").exists():
        log.say(f"Learning a vocabulary of {recipe.vocabulary.size:,} tokens …")
        make_tokenizer(recipe, data, run / "tokenizer", scale)
    tokenizer = load_tokenizer(run / "tokenizer")
    for name in recipe.sources:
        if not (run / "tokens" / f"{name}.held-out.replies.safetensors").exists():
            tokenise_source(recipe, name, data, run / "tokens", tokenizer, scale)
            taught = TokenSet.load(run / "tokens" / f"{name}.train.all.safetensors")
            log.say(f"{name}: {len(taught):,} documents, {taught.lengths.sum():,} tokens")
    return tokenizer


def held_out_scores(recipe: Recipe, run: Path, model: Transformer, limit: int) -> dict[str, float]:
    """Bits per byte on each kind of held-out text. limit: positions of each source."""
    scores: dict[str, float] = {}
    for kind, held_out in recipe.held_out.items():
        results = []
        for name in held_out.sources:
            path = run / "tokens" / f"{name}.held-out.{held_out.learn}.safetensors"
            results.append(score(model, TokenSet.load(path), limit=limit))
        size = sum(result.size for result in results)
        scores[kind] = sum(r.bits_per_byte * r.size for r in results) / max(size, 1)
    return scores


def stage_config(stage: Stage, batches: int, scale: float) -> TrainingConfig:
    """A stage of the recipe as the training loop's configuration."""
    return TrainingConfig(
        steps=batches,
        minutes=stage.minutes * scale,
        optimizer=stage.optimizer,
        learning_rate=stage.learning_rate,
        muon_learning_rate=stage.muon_learning_rate,
        weight_decay=stage.weight_decay,
        warmup=min(30, batches // 10),
        decay=stage.decay,
        autocast=stage.autocast,
        balance=stage.balance,
        evaluate_every=250,
        checkpoint_every=100,
    )


def run_stage(
    name: str, learn: str, recipe: Recipe, run: Path, model: Transformer, scale: float
) -> None:
    """Train the model in place by one stage, or read the result of its having been done."""
    stage: Stage = getattr(recipe, name)
    sets = {
        source: TokenSet.load(run / "tokens" / f"{source}.train.{learn}.safetensors")
        for source in stage.weights
    }
    batches = Batches(
        sets, stage.weights, tokens=int(stage.tokens * scale), size=stage.batch, seed=SEED
    )
    config = stage_config(stage, len(batches), scale)
    finished = run / f"{name}.json"
    if finished.exists():
        load_latest(run / name, model, make_optimizers(model, config))
        return
    log = RunLog(run / f"{name}.metrics.jsonl")
    log.say(f"{name}: at most {len(batches):,} steps or {duration(60 * config.minutes)}")
    began = time.monotonic()
    result = train(
        model,
        batches,
        config,
        folder=run / name,
        evaluate=lambda model: held_out_scores(recipe, run, model, limit=8_000),
        log=log,
    )
    if result.problem is not None:
        raise result.problem
    steps, read = result.steps, result.read
    summary: dict[str, object] = {
        "steps": steps,
        "tokens": read,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "threads": torch.get_num_threads(),
        "config": config.as_dict(),
        "held_out_bits_per_byte": held_out_scores(recipe, run, model, limit=60_000),
    }
    finished.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    log.say(f"{name}: {steps:,} steps, {read:,} tokens, {summary['minutes']} minutes")


def export(model: Transformer, tokenizer: Tokenizer, run: Path, to: Path, card: Path) -> None:
    """Write the model folder: weights in bfloat16, tokenizer, sampling defaults, card."""
    [end_of_text] = tokenizer.encode(END_OF_TEXT, special=True)
    ends = [*tokenizer.eos_ids, end_of_text]
    generation: Mapping[str, object] = {**GENERATION, "eos_token_id": ends}
    companions = [run / "tokenizer" / name for name in ("tokenizer.json", "tokenizer_config.json")]
    companions.append(run / "tokenizer" / "chat_template.jinja")
    for name, text in (
        ("generation_config.json", json.dumps(generation, indent=2) + "\n"),
        ("README.md", card.read_text(encoding="utf-8") if card.exists() else ""),
    ):
        (run / name).write_text(text, encoding="utf-8")
        companions.append(run / name)
    save_model(
        model.to(torch.bfloat16),
        to,
        extra_config={"eos_token_id": ends},
        companions=companions,
        overwrite=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(prog="recipes.bundled.train", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the sources that the recipe names")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--run", type=Path, default=Path("runs/bundled"))
    parser.add_argument("--to", type=Path, help="model folder to write")
    parser.add_argument("--card", type=Path, default=Path("docs/bundled-model.md"))
    parser.add_argument("--scale", type=float, default=1.0, help="of text, tokens and minutes")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch likes")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    log = RunLog()
    try:
        recipe = load_recipe(options.recipe)
        tokenizer = prepare(recipe, options.data, options.run, options.scale, log)
        model = Transformer(recipe.model_config(tokenizer.vocab_size))
        model.initialise(torch.Generator().manual_seed(SEED))
        size = sum(parameter.numel() for parameter in model.parameters())
        active = size - model.config.idle_parameters
        told = f", of which {active:,} compute a token" if active < size else ""
        log.say(f"A model of {size:,} parameters{told}")
        run_stage("pretrain", "all", recipe, options.run, model, options.scale)
        run_stage("tune", "replies", recipe, options.run, model, options.scale)
        to = options.to or options.run / "model"
        export(model, tokenizer, options.run, to, options.card)
        log.say(f"Written to {to}")
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
