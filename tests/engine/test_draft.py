"""A draft model changes how many steps an answer takes, and neither a seeded or greedy answer nor the
probabilities of any other."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from miniclaude.engine.draft import HOPE
from miniclaude.engine.engine import Engine
from miniclaude.engine.grammar import regex_grammar
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.sampling import Draws, Guess, chances_of, distribution, sample
from miniclaude.engine.speculation import MAX_ANSWERS, RETRY, Lookup, most_gainful
from miniclaude.model.transformer import Transformer
from tests.engine.test_engine import FAMILIES, SAMPLINGS
from tests.engine.tiny import (
    ByteVocabulary,
    ask,
    finishes,
    run,
    texts,
    tiny_config,
    tiny_engine,
    tiny_model,
)

LIMITS = EngineLimits(block_tokens=4, kv_tokens=512, step_tokens=64, max_running=16)


def stranger(vocab_size: int = 260) -> Transformer:
    """A smaller model, with other weights, another family and a vocabulary padded differently."""
    config = replace(tiny_config("llama"), vocab_size=vocab_size, layers=1, windows=(None,))
    model = Transformer(config).eval()
    model.initialise(torch.Generator().manual_seed(3))
    return model


def near(model: Transformer) -> Transformer:
    """A draft that is often right: the model itself, with a little noise."""
    draft = tiny_model(model.config.family)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in draft.parameters():
            parameter += 0.03 * torch.randn(parameter.shape, generator=generator)
    return draft


def drafting(family: str, draft: Transformer, **limits: int) -> Engine:
    """An engine for which a guess of the draft is always worth it, for time stands still, and that
    never looks anything up."""
    own = replace(LIMITS, **limits)
    engine = Engine(tiny_model(family), ByteVocabulary(), own, lambda: 0.0, draft)
    silent(engine)
    return engine


def silent(engine: Engine) -> None:
    """Without prompt lookup."""
    begin = engine.guessing.begin

    def without(request: GenerationRequest) -> Any:
        lookup, sketch = begin(request)
        return lookup and Silent(), sketch

    engine.guessing.begin = without  # type: ignore[method-assign]


class Silent(Lookup):
    def propose(self, tokens: object, most: int) -> tuple[int, ...]:
        return ()


def drafts(family: str) -> dict[str, Transformer]:
    model = tiny_model(family)
    return {
        "itself": model,
        "near": near(model),
        "stranger": stranger(),
        "narrow": stranger(200),
        "wide": stranger(300),
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", SAMPLINGS)
def test_a_greedy_or_seeded_answer_is_the_same_with_a_draft(family: str, name: str) -> None:
    """Whatever the draft: itself, another, one whose vocabulary is padded to another size. Requests
    come and go beside each other, with stop strings and several answers."""
    requests = [
        ask("one", "Hello there", max_tokens=24, logprobs=2, **SAMPLINGS[name]),
        ask("two", "q", max_tokens=15, stop=("e",), **SAMPLINGS[name]),
        ask("three", "abc " * 9, max_tokens=9, n=2, **SAMPLINGS[name]),
    ]
    expected = run(tiny_engine(family, draft_tokens=0), *requests)
    truth = [c for o in expected for c in o.logprobs]
    for draft in drafts(family).values():
        engine = drafting(family, draft)
        outputs = run(engine, *requests)
        assert engine.guessing.counts["draft_proposed"] > 20
        assert texts(outputs) == texts(expected)
        assert finishes(outputs) == finishes(expected)
        said = [c for o in outputs for c in o.logprobs]
        assert [c.chosen.id for c in said] == [c.chosen.id for c in truth]
        close = pytest.approx([c.chosen.logprob for c in truth], abs=1e-4)
        assert [c.chosen.logprob for c in said] == close
        assert engine.scheduler.pool.available == engine.scheduler.pool.count


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_draft_that_is_the_model_is_always_right(
    family: str, seed: int | None, temperature: float
) -> None:
    """Its cache is rolled back and caught up with rightly: one position wrong, and guesses fall."""
    engine = drafting(family, tiny_model(family))
    outputs = run(engine, ask("a", "Hello", max_tokens=42, seed=seed, temperature=temperature))
    assert finishes(outputs) == {("a", 0): "length"}
    counts = engine.guessing.counts
    assert counts["draft_accepted"] == counts["draft_proposed"] >= 30


def test_what_a_wrong_guess_left_in_the_draft_is_overwritten() -> None:
    """After each step the draft's cache holds the answer's own tokens' keys, as one computed
    afresh does; else a draft gets worse with every guess that falls."""
    engine = drafting("gpt2", near(tiny_model()), prefix_tokens=0)
    drafter = engine.guessing.drafter
    assert drafter is not None
    engine.submit(ask("a", "Hello", max_tokens=60, temperature=1.0, seed=2))
    writing = engine.live["a"].writings[0]
    answer = None
    while not engine.idle:
        engine.step()
        answer = answer or engine.scheduler.running[0].answers[0]
        sketch = writing.sketch
        assert sketch is not None
        if sketch.computed and not engine.idle:
            slots = drafter.cache.slots(answer.blocks, 0, sketch.computed)
            ids = torch.tensor([writing.tokens[: sketch.computed]])
            fresh = Engine(drafter.model, ByteVocabulary(), LIMITS).cache  # type: ignore[arg-type]
            from miniclaude.engine.kv_cache import Span

            with torch.inference_mode():
                cache = fresh.step([Span(range(len(answer.blocks)), 0, sketch.computed)])
                drafter.model.hidden(ids, cache)
            torch.testing.assert_close(
                drafter.cache.pool[:, :, :, slots], fresh.pool[:, :, :, : sketch.computed]
            )
    counts = engine.guessing.counts
    assert 0 < counts["draft_accepted"] < counts["draft_proposed"]
