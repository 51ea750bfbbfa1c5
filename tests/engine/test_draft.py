"""A draft model changes how many steps an answer takes: no greedy or seeded answer, and no
probability of any other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from miniclaude.engine.draft import HOPE, MAX_RATES
from miniclaude.engine.engine import Engine
from miniclaude.engine.grammar import regex_grammar
from miniclaude.engine.kv_cache import Span
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import AdapterRef, GenerationRequest
from miniclaude.engine.sampling import Draws, Guess, chances_of, distribution, sample
from miniclaude.engine.sketch import Sketch
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
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=generator))
    return draft


def drafting(family: str, draft: Transformer, **limits: Any) -> Engine:
    """An engine for which a guess of the draft is always worth it, for time stands still, and that
    never looks anything up."""
    own = replace(LIMITS, **limits)
    engine = Engine(tiny_model(family), ByteVocabulary(), own, lambda: 0.0, draft)
    silent(engine)
    return engine


def silent(engine: Engine) -> None:
    """Without prompt lookup."""
    begin = engine.guessing.begin

    def without(request: GenerationRequest) -> tuple[Lookup | None, Sketch | None]:
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
            fresh = Engine(drafter.model, ByteVocabulary(), LIMITS).cache
            with torch.inference_mode():
                cache = fresh.step([Span(range(len(answer.blocks)), 0, sketch.computed)])
                drafter.model.hidden(ids, cache)
            torch.testing.assert_close(
                drafter.cache.pool[:, :, :, slots], fresh.pool[:, :, :, : sketch.computed]
            )
    counts = engine.guessing.counts
    assert 0 < counts["draft_accepted"] < counts["draft_proposed"]


def chi_square(counts: Counter[Any], chances: dict[Any, float]) -> float:
    """Pearson's, over its degrees of freedom: near 1 when the counts were drawn with these chances,
    far above when not. What is rarer than five in all is put together."""
    assert set(counts) <= {what for what, chance in chances.items() if chance > 0}
    total = counts.total()
    cells: list[tuple[float, float]] = []
    rare = [0.0, 0.0]
    for what, chance in chances.items():
        if chance * total >= 5:
            cells.append((counts[what], chance * total))
        else:
            rare = [rare[0] + counts[what], rare[1] + chance * total]
    if rare[1] >= 5:
        cells.append((rare[0], rare[1]))
    return sum((seen - mean) ** 2 / mean for seen, mean in cells) / (len(cells) - 1)


CHANCES: dict[str, dict[str, Any]] = {
    "plain": {},
    "cool": {"temperature": 0.6},
    "truncated": {"temperature": 1.4, "top_k": 6, "top_p": 0.9, "min_p": 0.05},
    "penalised": {"repetition_penalty": 1.5, "frequency_penalty": 0.5, "logit_bias": {2: 1.0}},
}


@pytest.mark.parametrize("far", [0.3, 3.0])
@pytest.mark.parametrize("name", CHANCES)
def test_guesses_are_taken_or_replaced_with_the_model_s_own_probabilities(
    name: str, far: float
) -> None:
    """4,000 draws from eight tokens, of a draft that is near and of one that is far, against the
    definition."""
    count, chance = 4_000, torch.Generator().manual_seed(4)
    logits = 1.5 * torch.randn(8, generator=chance)
    other = logits + far * torch.randn(8, generator=chance)
    sampling = ask("a", "x", **{"temperature": 1.0, **CHANCES[name]}).sampling
    states = [Draws.begin(sampling, 11, index, (1, 5)) for index in range(count)]
    truth = distribution(logits, sampling, states[0].seen)
    guessed = distribution(other, sampling, states[0].seen).float()
    drafts = torch.multinomial(guessed, count, replacement=True, generator=chance).tolist()
    asked = [
        replace(state, guess=Guess(token, guessed))
        for state, token in zip(states, drafts, strict=True)
    ]
    drawn = [result.token for result in sample(logits.expand(count, -1), asked)]
    assert chi_square(Counter(drawn), dict(enumerate(truth.tolist()))) < 3
    stood = sum(a == b for a, b in zip(drawn, drafts, strict=True)) / count
    best = float(torch.minimum(truth, guessed).sum())  # the most that any rule can reach
    assert stood == pytest.approx(best, abs=0.03)


def test_a_guess_with_the_model_s_own_chances_always_stands() -> None:
    """Rounding must not leave a rest to draw from that is nothing: the last token came out."""
    torch.manual_seed(0)
    logits = torch.randn(1, 50)
    sampling = ask("a", "x", temperature=1.0).sampling
    own = chances_of(logits - logits.max(), [Draws(sampling, 1)])[0]
    for index in range(50):
        (drawn,) = sample(logits, [Draws(sampling, 1, index, guess=Guess(7, own))])
        assert drawn.token == 7


def test_whole_answers_have_the_probabilities_of_the_model_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three tokens of each answer, drawn together: what one step leaves undecided must not lean on
    what it has decided."""
    letters = "abc"
    settings = {
        "max_tokens": 3,
        "temperature": 1.3,
        "logit_bias": {ord(letter): 100.0 for letter in letters},
        "frequency_penalty": 0.4,
    }
    seeds = iter(range(1000))
    monkeypatch.setattr("secrets.randbits", lambda _: next(seeds))
    monkeypatch.setattr("miniclaude.engine.draft.MAX_ANSWERS", 16)
    engine = drafting("gpt2", stranger(), kv_tokens=2048)
    said = Counter[str]()
    for name in map(str, range(50)):
        said.update(texts(run(engine, ask(name, "xy", n=16, **settings))).values())
    counts = engine.guessing.counts
    assert 200 < counts["draft_accepted"] < counts["draft_proposed"]
    sampling = ask("a", "xy", **settings).sampling
    truth = {"": 1.0}
    for _ in range(3):
        longer: dict[str, float] = {}
        for text, chance in truth.items():
            draws = Draws.begin(sampling, 0, 0, b"xy")
            for byte in text.encode():
                draws.took(byte)
            with torch.inference_mode():
                logits = engine.model(torch.tensor([list(b"xy" + text.encode())]))[0, -1]  # type: ignore[operator]
            chances = distribution(logits, sampling, draws.seen)
            longer |= {text + letter: chance * float(chances[ord(letter)]) for letter in letters}
        truth = longer
    assert chi_square(said, truth) < 2


def test_a_bad_draft_is_soon_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a pass of it costs a fifth of a step and nothing stands, nobody asks it but for one
    guess now and then; the next answer begins with what was learnt."""
    engine = drafting("gpt2", stranger(), kv_tokens=2048)
    drafter = engine.guessing.drafter
    assert drafter is not None
    now = 0.0

    def clock() -> float:
        return now

    def slow(call: Any, seconds: float) -> Any:
        def slower(*arguments: Any) -> Any:
            nonlocal now
            now += seconds
            return call(*arguments)

        return slower

    engine.clock = drafter.clock = clock
    monkeypatch.setattr(engine.model, "hidden", slow(engine.model.hidden, 1.0))
    monkeypatch.setattr(drafter.model, "hidden", slow(drafter.model.hidden, 0.2))
    run(engine, ask("a", "Hello", max_tokens=90, logit_bias={97: 100.0}))
    good = engine.guessing.counts["draft_accepted"]
    assert good == engine.guessing.counts["draft_proposed"] > 60, "the bias leaves both no choice"
    engine.guessing.counts.clear()
    penalty = {"frequency_penalty": 2.0, "logit_bias": dict.fromkeys(range(97, 100), 0.0)}
    for name in "bcdefgh":
        run(engine, ask(name, "Hello", max_tokens=80, **penalty))
    tried = engine.guessing.counts["draft_proposed"]
    engine.guessing.counts.clear()
    run(engine, ask("z", "Hello", max_tokens=90))
    assert tried < 60, "of 560 tokens"
    assert engine.guessing.counts["draft_proposed"] <= 3
    assert drafter.rates[None] < 0.3 < HOPE


def test_the_count_that_pays_best() -> None:
    """Leviathan et al.'s formula: none when a guess costs what it brings, few when they fall, all
    when they stand and cost little."""
    assert most_gainful(1.0, 4, 1.0, 0.1) == 4
    assert most_gainful(1.0, 4, 1.0, 1.0) == 0
    assert most_gainful(0.6, 8, 1.1, 0.1) == 3
    assert most_gainful(0.1, 4, 1.2, 0.05) == 0
    assert most_gainful(0.9, 4, float("inf"), 0.0) == 0
    assert most_gainful(0.9, 0, 1.0, 0.0) == 0


def test_nothing_is_guessed_of_what_a_grammar_holds_or_beside_many() -> None:
    """A mask depends on the token before it, which is not known yet; and a step over many answers
    costs arithmetic, which guesses add to."""
    engine = drafting("gpt2", tiny_model())
    held = replace(ask("a", "x"), grammar=regex_grammar("[ab]{9}", spaced=False))
    free = ask("b", "y", max_tokens=9)
    outputs = run(engine, held, free)
    counts = engine.guessing.counts
    assert 0 < counts["draft_proposed"] <= 8, "the free one's alone, in the same steps"
    assert texts(outputs) == texts(run(tiny_engine(draft_tokens=0), held, free))
    counts.clear()
    run(engine, ask("c", "z", n=MAX_ANSWERS + 1))
    assert not counts


def test_a_later_turn_finds_the_draft_s_keys_too() -> None:
    """The draft reads only what is new, as the model does; and what it finds is right."""
    engine = drafting("gpt2", tiny_model())
    drafter = engine.guessing.drafter
    assert drafter is not None
    prompt = "The quick brown fox jumps"
    letters = {"logit_bias": dict.fromkeys(range(97, 123), 50.0)}
    answer = texts(run(engine, ask("a", prompt, max_tokens=20, **letters)))["a", 0]
    read: list[int] = []
    hidden = drafter.cache.step

    def step(spans: Any) -> Any:
        read.extend(span.end - span.start for span in spans)
        return hidden(spans)

    drafter.cache.step = step  # type: ignore[method-assign]
    engine.guessing.counts.clear()
    run(engine, ask("b", prompt + answer + " over", max_tokens=9))
    assert max(read) <= 5 + 2 * LIMITS.block_tokens
    counts = engine.guessing.counts
    assert counts["draft_accepted"] == counts["draft_proposed"] > 0


def test_a_long_prompt_is_caught_up_with_in_parts() -> None:
    """As much a step as the model itself computes at most: other answers are not held up."""
    engine = drafting("gpt2", tiny_model(), step_tokens=16)
    drafter = engine.guessing.drafter
    assert drafter is not None
    request = ask("a", "abcdefgh" * 6, max_tokens=20)
    engine.submit(request)
    known = []
    while not engine.idle:
        engine.step()
        sketch = engine.live["a"].writings[0].sketch if engine.live else None
        known.append(0 if sketch is None else sketch.computed or 0)
    assert known[4:7] == [16, 32, 48]
    assert engine.guessing.counts["draft_accepted"] > 10


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError])
def test_a_draft_that_fails_is_not_asked_again(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its memory running out must not end anybody's answer; nor scores that are not numbers."""
    request = ask("a", "Hello", max_tokens=12)
    expected = texts(run(tiny_engine(draft_tokens=0), request))
    engine = drafting("gpt2", stranger())
    drafter = engine.guessing.drafter
    assert drafter is not None

    def fail(*_: object) -> None:
        raise kind("out of memory")

    monkeypatch.setattr(drafter.model, "hidden", fail)
    assert texts(run(engine, request)) == expected
    assert drafter.failed
    assert "draft model failed" in capsys.readouterr().err
    broken = stranger()
    with torch.no_grad():
        broken.norm.get_parameter("weight").fill_(torch.nan)
    engine = drafting("gpt2", broken)
    assert texts(run(engine, request)) == expected
    assert not engine.guessing.counts


def test_cancelled_among_its_guesses() -> None:
    engine = drafting("gpt2", tiny_model())
    engine.submit(ask("a", "Hello", max_tokens=50))
    for _ in range(4):
        engine.step()
    engine.cancel("a")
    assert finishes(engine.step()) == {("a", 0): "cancelled"}
    assert engine.idle
    assert engine.scheduler.pool.available == engine.scheduler.pool.count
    expected = texts(run(tiny_engine(draft_tokens=0), ask("b", "Hello")))
    assert texts(run(engine, ask("b", "Hello"))) == expected


def test_a_draft_that_was_bad_is_tried_again_after_a_while() -> None:
    """Else one bad answer would be the end of it."""
    engine = drafting("gpt2", tiny_model())
    drafter = engine.guessing.drafter
    assert drafter is not None
    drafter.rates[None] = 0.0
    run(engine, ask("a", "Hi", max_tokens=90))
    assert engine.guessing.counts["draft_proposed"] >= 1, f"after {RETRY} steps"


def test_a_draft_that_is_bad_for_an_adapter_is_not_for_the_model() -> None:
    """Else a tuned model that writes as the draft never would takes the draft from all others."""
    drafter = drafting("gpt2", tiny_model()).guessing.drafter
    assert drafter is not None
    for _ in range(50):
        sketch = drafter.begin(AdapterRef("tuned"))
        sketch.guesses = (1, 2)
        drafter.stood(sketch, 0)
    assert drafter.begin(AdapterRef("tuned")).rate < 0.3
    assert drafter.begin().rate == drafter.begin(AdapterRef("other")).rate == HOPE
    for name in range(2 * MAX_RATES):
        drafter.stood(drafter.begin(AdapterRef(str(name))), 0)
    assert len(drafter.rates) == MAX_RATES
