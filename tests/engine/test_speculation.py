"""Guessing changes how many steps an answer takes, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest, Output
from miniclaude.engine.sampling import Drawn, Draws
from miniclaude.engine.scheduler import Answer, Chunk, Job
from miniclaude.engine.speculation import (
    NGRAMS,
    RECENT,
    RETRY,
    Lookup,
    Pace,
    draws_along,
    settled,
    standing,
    with_guesses,
)
from miniclaude.errors import SettingsError
from miniclaude.model.config import RotaryConfig
from tests.engine.test_engine import FAMILIES, SAMPLINGS
from tests.engine.tiny import (
    EOS,
    ByteVocabulary,
    ask,
    finishes,
    run,
    texts,
    tiny_engine,
    tiny_model,
)

REFRAIN = "la la la ti da la la la ti da la la "


def guessing(family: str = "gpt2", **limits: int) -> Engine:
    """An engine for which a guess is always worth it: time stands still."""
    engine = tiny_engine(family, draft_tokens=4, **limits)
    engine.clock = lambda: 0.0
    return engine


def steps(engine: Engine, *requests: GenerationRequest) -> tuple[list[Output], int]:
    """What is said, and in how many steps."""
    for request in requests:
        engine.submit(request)
    outputs: list[Output] = []
    count = 0
    while not engine.idle:
        outputs += engine.step()
        engine.scheduler.check()
        count += 1
    return outputs, count


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", [*SAMPLINGS, "repeating"])
def test_the_answer_is_the_same_with_and_without_guesses(family: str, name: str) -> None:
    """Greedy or drawn, with penalties, biases and log probabilities: token for token, for a place's
    number decides its draw whoever computed the scores."""
    bias = {"logit_bias": {ord(letter): 30.0 for letter in "la "}, "temperature": 1.5, "seed": 4}
    settings: dict[str, Any] = SAMPLINGS.get(name, bias)
    requests = [
        ask("one", REFRAIN, max_tokens=30, logprobs=2, **settings),
        ask("two", "xyxyxyxyxy", max_tokens=25, **settings),
        ask("three", REFRAIN[3:], max_tokens=9, n=2, **settings),
    ]
    plain = tiny_engine(family, draft_tokens=0)
    expected = run(plain, *requests)
    outputs = run(guessing(family), *requests)
    assert texts(outputs) == texts(expected)
    assert finishes(outputs) == finishes(expected)
    said = [c for o in outputs for c in o.logprobs]
    truth = [c for o in expected for c in o.logprobs]
    assert [c.chosen.id for c in said] == [c.chosen.id for c in truth]
    # An expert multiplies its tokens together, so guesses beside them change its products' shapes.
    bound = 3e-5 if family == "experts" else 1e-5
    close = pytest.approx([c.chosen.logprob for c in truth], abs=bound)
    assert [c.chosen.logprob for c in said] == close


@pytest.mark.parametrize("family", FAMILIES)
def test_guesses_that_stand_save_steps(family: str) -> None:
    """A model that can only say one letter is easy to guess: five tokens a step."""
    request = ask("a", "aaaa", max_tokens=41, logit_bias={97: 100.0})
    outputs, count = steps(guessing(family), request)
    assert texts(outputs)["a", 0] == "a" * 41
    assert count == 10  # one of the prompt, one to see what a step takes, seven of five, the rest


def test_what_ends_an_answer_ends_it_among_its_guesses() -> None:
    """A stop string, the end of text or the last token allowed may be any of a step's tokens; what
    was drawn after it must be forgotten."""
    loop = {"logit_bias": {97: 100.0}}
    for settings, text, finish in (
        ({"max_tokens": 7}, "a" * 7, "length"),
        ({"max_tokens": 8}, "a" * 8, "length"),
        ({"max_tokens": 30, "stop": ("a" * 9,)}, "", "stop"),
    ):
        outputs, _ = steps(guessing(), ask("a", "aaaa", **settings, **loop))
        assert (texts(outputs)["a", 0], finishes(outputs)["a", 0]) == (text, finish)
    engine = guessing()
    engine.tokenizer.eos_ids = (97,)
    outputs, _ = steps(engine, ask("a", "aaaa", ignore_eos=False, **loop))
    assert (texts(outputs)["a", 0], finishes(outputs)["a", 0]) == ("", "stop")
    assert engine.scheduler.pool.available == engine.scheduler.pool.count
    assert EOS not in engine.tokenizer.eos_ids


def test_wrong_guesses_leave_nothing_in_the_cache() -> None:
    """Keys of a guess that did not stand lie behind the answer's end: the next turn, which takes
    over all that is known, must not read them."""
    settings = {"temperature": 1.2, "seed": 9, "logit_bias": dict.fromkeys(range(97, 101), 40.0)}
    request = ask("a", "abcdabdcabca", max_tokens=40, **settings)
    engine = guessing()
    answer = texts(steps(engine, request)[0])["a", 0]
    again = ask("b", "abcdabdcabca" + answer + "ab", max_tokens=20, **settings)
    outputs, _ = steps(engine, again)
    assert {output.cached_tokens for output in outputs} == {48}
    assert texts(outputs) == texts(run(tiny_engine(draft_tokens=0, prefix_tokens=0), again))


def test_lookup_finds_what_followed_last_time() -> None:
    lookup = Lookup()
    assert lookup.propose([1, 2, 3], 4) == ()
    assert lookup.propose([1, 2, 3, 9, 8, 2, 3], 4) == (9, 8, 2, 3)
    assert lookup.propose([1, 2, 3, 9, 8, 2, 3, 7, 8, 2, 3], 4) == (7, 8, 2, 3)
    assert lookup.propose([1, 2, 3, 9, 8, 2, 3, 7, 8, 2, 3, 5, 1, 2, 3], 2) == (9, 8)
    assert Lookup().propose([4, 4], 3) == ()
    assert Lookup().propose([4, 4, 4], 3) == (4, 4, 4)
    assert Lookup().propose([1, 2, 1, 2, 1, 2], 3) == (1, 2, 1)


def test_of_a_long_prompt_only_its_end_is_looked_through() -> None:
    """All of it would be noted at the first guess, in the step loop, while everybody's answers
    wait, and kept for as long as the answer is written."""
    long = [*range(5 * RECENT), 5, 6, 7]
    lookup = Lookup()
    assert lookup.propose(long, 4) == (), "what stood before"
    assert len(lookup.places) <= len(NGRAMS) * RECENT
    assert lookup.propose([*long, 4 * RECENT + 5, 4 * RECENT + 6], 1) == (4 * RECENT + 7,)


def test_nothing_is_guessed_where_the_length_turns_the_tokens() -> None:
    """With dynamic rotary positions every token of a step is rotated by the text's length, guesses
    included: right or wrong, they would change the scores of the tokens before them."""
    request = ask("a", "la la la la la la la la ", max_tokens=40, logprobs=1)
    said = {}
    for draft_tokens in (0, 4):
        model = tiny_model("llama")
        rotary = RotaryConfig(kind="dynamic", factor=4.0, original_context=16)
        model.config = replace(model.config, rotary=rotary)
        limits = EngineLimits(kv_tokens=512, draft_tokens=draft_tokens)
        engine = Engine(model, ByteVocabulary(), limits, clock=lambda: 0.0)
        outputs = run(engine, request)
        said[draft_tokens] = [c.chosen for output in outputs for c in output.logprobs]
        assert not engine.guessing.counts
    assert said[0] == said[4]
    with pytest.raises(SettingsError, match="draft: nothing is guessed for a model with dynamic"):
        Engine(model, ByteVocabulary(), limits, draft=tiny_model())


def chunk_of(length: int = 10, longest: int = 30, draft: tuple[int, ...] = ()) -> Chunk:
    job = Job("a", 5, longest - 5)
    answer = Answer(job, 0, [0], length, computed=length - 1)
    job.answers = [answer]
    return Chunk(answer, length - 1, 1 + len(draft), (answer,), draft)


def guessed(chunk: Chunk, lookup: Lookup, pace: Pace, tokens: list[int]) -> tuple[int, ...]:
    limits = tiny_engine().limits
    (made,) = with_guesses([chunk], lambda answer: (lookup, tokens), limits, pace)
    assert made.count == 1 + len(made.draft)
    return made.draft


def test_nothing_is_guessed_where_it_does_not_pay() -> None:
    """Once a step with guesses has been seen to cost more than it brings, only now and then."""
    tokens, lookup, pace = [7] * 10, Lookup(), Pace()
    chunk = chunk_of()
    assert guessed(chunk, lookup, pace, tokens) == (), "before a plain step was seen"
    pace.took([chunk], 1.0)
    assert guessed(chunk, lookup, pace, tokens) == (7,) * 4
    pace.took([chunk_of(draft=(7,))], 1.9)
    assert guessed(chunk, lookup, pace, tokens) == (7,) * 4, "two tokens for less than two steps"
    for _ in range(10):
        lookup.stood(0)
    waits = [guessed(chunk, lookup, pace, tokens) for _ in range(RETRY + 1)]
    assert waits == [()] * RETRY + [(7,) * 4]
    lookup.stood(4)
    lookup.stood(4)
    lookup.stood(4)
    assert guessed(chunk, lookup, pace, tokens) == (7,) * 4


def test_a_prompt_s_step_says_nothing_of_the_pace() -> None:
    chunk = chunk_of()
    pace = Pace()
    pace.took([Chunk(chunk.answer, 0, 10, (chunk.answer,))], 9.0)
    assert pace.cost(1) == math.inf


def test_guesses_stay_within_what_was_reserved() -> None:
    pace, lookup = Pace(), Lookup()
    pace.took([chunk_of()], 1.0)
    tokens = [7, 8, 9] * 4
    assert len(guessed(chunk_of(12, longest=30), lookup, pace, tokens)) == 4
    assert len(guessed(chunk_of(12, longest=14), lookup, pace, tokens)) == 1
    assert guessed(chunk_of(12, longest=13), lookup, pace, tokens) == ()


def test_what_was_drawn_counts_up_to_the_first_wrong_guess() -> None:
    chunk = chunk_of(draft=(4, 5, 6))
    for tokens, right in (([4, 5, 6, 7], 4), ([4, 9, 6, 7], 2), ([1, 5, 6, 7], 1), ([None] * 4, 1)):
        drawn = [(chunk.answer, Drawn(token)) for token in tokens]
        kept = standing([chunk], drawn)
        assert kept == drawn[:right]
        assert settled(chunk, kept).count == right


def test_penalties_count_the_guesses_before_them() -> None:
    sampling = ask("a", "x", frequency_penalty=1.0).sampling
    states = draws_along(Draws.begin(sampling, 3, 0, (1, 2)), (5, 5))
    assert [(state.count, state.seen.get(5, 0)) for state in states] == [(0, 0), (1, 1), (2, 2)]
