"""Settings asked for, put together with those that were chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from miniclaude.jobs.order import JobOrder
from miniclaude.jobs.settle import Settled, asked_for
from miniclaude.model.lora import LoraConfig
from miniclaude.training.material import packed
from miniclaude.training.spec import TuneSpec
from tests.training.tiny import tiny_model

CONFIG = tiny_model().config
CHOSEN = TuneSpec(max_length=100, batch_tokens=400, accumulate=4, checkpoint_every=7)


def settled(chosen: TuneSpec = CHOSEN, *, batch_size: int | None = None, **asked: Any) -> TuneSpec:
    """What comes of the settings that are asked for."""
    order = JobOrder("job", "m", "base", Path(), Path(), spec=asked, batch_size=batch_size)
    return asked_for(order, CONFIG, chosen)


@pytest.mark.parametrize("examples", [1, 2, 6, 10, 31])
def test_a_step_has_exactly_as_many_examples_as_asked_for(examples: int) -> None:
    """OpenAI's batch_size. Four forwards of whatever fits made one example a step into four, and
    ten into twelve."""
    spec = settled(batch_size=examples, epochs=9)
    lengths = np.random.default_rng(0).integers(2, 100, 50)
    sizes = [len(batch) for batch in packed(lengths, spec)]
    each = spec.accumulate
    steps = [sum(sizes[start : start + each]) for start in range(0, len(sizes), each)]
    assert set(steps[:-1]) == {examples}


def test_pairs_of_answers_are_counted_as_pairs() -> None:
    """Two answers of full length must have room beside one another, or a step has half."""
    spec = settled(replace(CHOSEN, objective="dpo"), batch_size=6)
    assert (spec.batch_size, spec.accumulate) == (6, 3)


@pytest.mark.parametrize("rslora", [False, True])
def test_another_rank_keeps_the_scale(rslora: bool) -> None:
    """rsLoRA divides by √r: with twice the rank for its alpha, an adapter of rank 64 would come in
    sixteen times as strong, and the run diverge."""
    lora = settled(lora={"r": 64, "rslora": rslora}).lora
    assert lora.scale_of("any") == 2
    assert settled(lora={"r": 64, "rslora": rslora, "alpha": 5}).lora.alpha == 5


def test_patience_that_is_asked_for_is_asked() -> None:
    """Where none was chosen, nothing was evaluated before the end, and a run never stopped."""
    assert settled(patience=2).evaluate_every == 7
    assert settled(patience=2, evaluate_every=3).evaluate_every == 3
    assert settled().evaluate_every == 0


def test_a_pattern_of_targets_is_shown_whole() -> None:
    """It was spelt out: `a, l, l, …`."""
    spec = replace(CHOSEN, lora=LoraConfig(targets=".*q_proj"))
    assert Settled(spec, 1, 1.0, 1, 1).facts()["Adapters"].endswith("on .*q_proj")


def test_no_row_is_longer_than_the_model_reads() -> None:
    """A length of 100,000 that was asked for made one forward of the whole data set."""
    spec = settled(max_length=100_000)
    assert spec.max_length == CONFIG.context
    assert spec.batch_tokens == 400
