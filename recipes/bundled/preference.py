"""Stage three: pairs of a right answer and the model's own wrong one, and DPO on them.

The prompts are rows that stage two never read (the generators with another seed, and rows of the
seed dataset whose kinds have a right shape). The model answers each of them greedily; where its
answer is wrong, the row's answer is the better of a pair. So it learns from the mistakes that it
really makes, and nothing from those that it does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from miniclaude.data.comparison import read_preference
from miniclaude.data.example import Example, Place, to_row
from miniclaude.device import DTYPES
from miniclaude.evaluation.held_out import Prompt
from miniclaude.evaluation.repetition import loop
from miniclaude.evaluation.safety import refuses
from miniclaude.evaluation.writing import Write, write_with
from miniclaude.messages import Message, TextPart
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.comparisons import ComparisonBatches, tokenise_comparisons
from miniclaude.training.config import TrainingConfig
from miniclaude.training.packing import pack_epochs
from miniclaude.training.preference import DPO, reference_log_probabilities
from miniclaude.training.run_log import RunLog
from recipes.bundled.sources import PreferenceStage, Recipe, read_source
from recipes.bundled.stage import SEED, Piece, run_stage

REFUSED = frozenset({"refusal"})
"""Kinds whose right answer says no; whatever does is right."""
NOT_REFUSED = frozenset({"harmless"})
"""Kinds that only sound as if it were."""
NAMED = frozenset({"identity"})
"""Kinds where another name than its own is wrong."""
NAME = re.compile(r"\bI(?:'m| am) (?!Mini-Claude)([A-Z]\w+)")
WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Mistakes:
    """pairs: preference examples. asked: prompts that were answered."""

    pairs: list[Example]
    asked: int


def find_mistakes(examples: Iterable[Example], write: Write, exact: frozenset[str]) -> Mistakes:
    """Answer the last question of each example, and pair what is wrong with what is right.

    write: the model's answers. exact: kinds with one right answer, in whatever case and
    punctuation.
    """
    asked = [example for example in examples if not example.messages[-1].tool_calls]
    prompts = [Prompt(one.place, one.messages[:-1], "", one.tools) for one in asked]
    pairs = [
        replace(
            one,
            messages=one.messages[:-1],
            chosen=one.messages[-1:],
            rejected=(Message("assistant", (TextPart(answer),)),),
            unlearned=frozenset(),
        )
        for one, answer in zip(asked, write(prompts), strict=True)
        if answer.strip() and is_wrong(one, answer, exact)
    ]
    return Mistakes(pairs, len(asked))


def is_wrong(example: Example, answer: str, exact: frozenset[str]) -> bool:
    """Whether an answer is surely worse than the example's own."""
    right, kind = example.messages[-1].text, example.kind
    if loop(answer):
        return True
    if kind in REFUSED:
        return not refuses(answer) and refuses(right)
    if kind in NOT_REFUSED:
        return refuses(answer)
    if kind in NAMED:
        return NAME.search(answer) is not None
    return kind in exact and not says(answer, right)


def says(answer: str, right: str) -> bool:
    """Whether the answer is the right one but for case and punctuation."""
    return _words(answer) == _words(right)


def _words(text: str) -> Sequence[str]:
    return WORDS.findall(text.casefold())


def prefer(
    recipe: Recipe,
    data: Path,
    run: Path,
    model: Transformer,
    tokenizer: Tokenizer,
    scale: float,
    piece: Piece,
    log: RunLog,
) -> None:
    """The third stage: find mistakes once, keep the pairs in `preference.jsonl`, learn from them.

    Nothing happens where the model makes none. Raises what `run_stage` raises.
    """
    stage = recipe.preference
    if stage is None:
        return
    pairs = _pairs(recipe, stage, data, run, model, tokenizer, scale, log)
    if not pairs:
        log.say("preference: no mistakes to learn from")
        return
    comparisons = tokenise_comparisons(pairs, tokenizer, model.config.context)
    order = pack_epochs(comparisons.lengths, size=stage.batch, epochs=stage.epochs, seed=SEED)
    config = TrainingConfig(
        steps=len(order),
        learning_rate=stage.learning_rate,
        weight_decay=0.0,
        warmup=min(10, len(order) // 10),
        schedule="linear",
        autocast=stage.autocast,
        checkpoint_every=100,
    )
    precision = torch.autocast("cpu", DTYPES[stage.autocast], enabled=stage.autocast != "float32")

    def batches() -> ComparisonBatches:
        known = run / "preference.reference.npy"
        if not known.exists():
            with precision:
                np.save(known, reference_log_probabilities(model, comparisons))
        return ComparisonBatches(comparisons.with_reference(np.load(known)), order)

    run_stage("preference", config, batches, recipe, run, model, piece, DPO(stage.beta))


def _pairs(
    recipe: Recipe,
    stage: PreferenceStage,
    data: Path,
    run: Path,
    model: Transformer,
    tokenizer: Tokenizer,
    scale: float,
    log: RunLog,
) -> list[Example]:
    path = run / "preference.jsonl"
    if not path.exists():
        asked: list[Example] = []
        for name, rows in stage.prompts.items():
            documents = read_source(recipe.sources[name], data, recipe.path.parent, scale)
            talks = [d for d, held_out in documents if not held_out and isinstance(d, Example)]
            asked += talks[: max(1, int(rows * scale))]
        log.say(f"preference: answering {len(asked):,} prompts …")
        found = find_mistakes(asked, write_with(model, tokenizer), frozenset(stage.exact))
        log.say(f"preference: {len(found.pairs):,} wrong answers of {found.asked:,}")
        lines = (json.dumps(to_row(pair), ensure_ascii=False) + "\n" for pair in found.pairs)
        path.write_text("".join(lines), encoding="utf-8")
    kept = path.read_text(encoding="utf-8").splitlines()
    place = Place(path.name, 1)
    return [read_preference(json.loads(row), place) for row in kept]
