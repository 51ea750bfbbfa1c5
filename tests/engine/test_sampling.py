"""The batched sampler against the definition, and the definition against itself."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.engine import sampling
from miniclaude.engine.request import Sampling
from miniclaude.engine.sampling import Draws, distribution, pick, sample

VOCABULARY = 50


def scores(seed: int, rows: int = 1, spread: float = 3.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, VOCABULARY, generator=generator) * spread


def draws(seed: int = 0, prompt: tuple[int, ...] = (), **settings: Any) -> Draws:
    return Draws.begin(Sampling(max_tokens=9, **settings), seed, 0, prompt)


@st.composite
def random_draws(draw: st.DrawFn) -> Draws:
    """Any mixture of settings, with a few tokens already written."""
    state = draws(
        draw(st.integers(0, 2**63)),
        tuple(draw(st.lists(st.integers(0, VOCABULARY - 1), max_size=8))),
        temperature=draw(st.sampled_from([0.0, 0.3, 1.0, 1.7])),
        top_k=draw(st.sampled_from([0, 0, 1, 5, 500])),
        top_p=draw(st.sampled_from([1.0, 1.0, 0.0, 0.31, 0.87])),
        min_p=draw(st.sampled_from([0.0, 0.0, 0.053, 1.0])),
        repetition_penalty=draw(st.sampled_from([1.0, 1.3, 0.8])),
        frequency_penalty=draw(st.sampled_from([0.0, 0.7, -0.5])),
        presence_penalty=draw(st.sampled_from([0.0, 0.6])),
        logit_bias=draw(st.dictionaries(st.integers(0, VOCABULARY - 1), st.floats(-9, 9))),
    )
    for token in draw(st.lists(st.integers(0, VOCABULARY - 1), max_size=12)):
        state.took(token)
    few = draw(st.none() | st.sets(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30))
    if few is not None:
        state.allowed = torch.tensor([token in few for token in range(VOCABULARY)])
    return state


@settings(max_examples=150)
@given(st.lists(random_draws(), min_size=1, max_size=6), st.integers(0, 10_000))
def test_many_rows_at_once_draw_what_the_definition_draws(states: list[Draws], seed: int) -> None:
    logits = scores(seed, len(states))
    for row, (state, drawn) in enumerate(zip(states, sample(logits, states), strict=True)):
        probabilities = distribution(logits[row], state.sampling, state.seen, state.allowed)
        uniform = torch.tensor([state.uniform()], dtype=torch.float64)
        expected = int(pick(probabilities[None], uniform))
        assert drawn.token is not None
        if drawn.token != expected:  # only when the number falls on the border between two tokens
            below = float(probabilities[: max(drawn.token, expected)].sum())
            assert float(uniform) == pytest.approx(below, abs=1e-5)
        assert probabilities[drawn.token] > 0
        assert state.allowed is None or state.allowed[drawn.token]


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    logits = scores(1, 4)
    states = [
        draws(1, temperature=1.0, top_p=0.8),
        draws(2, temperature=1.0, top_k=3),
        draws(3),
        draws(4, temperature=0.0),
    ]
    together = sample(logits, states)
    assert together == [sample(logits[row : row + 1], [states[row]])[0] for row in range(4)]


def test_draws_follow_the_distribution() -> None:
    logits = scores(3, spread=1.0)
    state = draws(5, temperature=1.0, top_k=6)
    counts: Counter[int] = Counter()
    for _ in range(4000):
        token = sample(logits, [state])[0].token
        assert token is not None
        state.took(token)
        counts[token] += 1
    expected = distribution(logits[0], state.sampling, {})
    assert set(counts) == set(expected.nonzero()[:, 0].tolist())
    for token, count in counts.items():
        assert count / 4000 == pytest.approx(float(expected[token]), abs=0.04)


def test_greedy_is_the_limit_of_low_temperature() -> None:
    logits = scores(4, 2)
    for temperature in (0.0, 1e-300, 1e-4):
        tokens = [d.token for d in sample(logits, [draws(temperature=temperature)] * 2)]
        assert tokens == logits.argmax(-1).tolist()


def test_greedy_rows_never_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting a vocabulary for each token would cost as much as a small model's step."""

    def refuse(*_: object) -> None:
        raise AssertionError("a greedy row was prepared for drawing")

    monkeypatch.setattr(sampling, "draw_rows", refuse)
    sample(scores(1), [draws(temperature=0.0, top_k=5, top_p=0.5, min_p=0.1)])


def test_penalties_do_what_their_sources_say() -> None:
    """CTRL's divides or multiplies, for prompt and answer; OpenAI's subtract, for the answer."""
    logits = torch.tensor([[2.0, -2.0, 1.0, 0.0]])
    state = draws(prompt=(0, 1), repetition_penalty=2.0)
    assert sampling.adjust(logits, [state]).tolist() == [[1.0, -4.0, 1.0, 0.0]]
    state = draws(prompt=(0, 1), frequency_penalty=0.5, presence_penalty=0.25)
    state.took(2)
    state.took(2)
    assert sampling.adjust(logits, [state]).tolist() == [[2.0, -2.0, -0.25, 0.0]]
    state = draws(logit_bias={3: 5.0})
    assert sampling.adjust(logits, [state]).tolist() == [[2.0, -2.0, 1.0, 5.0]]
    assert logits.tolist() == [[2.0, -2.0, 1.0, 0.0]]


def test_a_flat_distribution_needs_the_whole_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first candidates do not hold the mass, none that belongs is lost."""
    monkeypatch.setattr(sampling, "NUCLEUS", 4)
    logits = scores(8, spread=0.01)
    kept = sampling.keep_top_p(logits, torch.tensor([[0.9]]))
    assert (
        torch.isfinite(kept).sum()
        == (distribution(logits[0], Sampling(1, top_p=0.9), {}) > 0).sum()
    )


def test_a_tie_is_kept_whole() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, 3.0, 0.0]])
    kept = distribution(logits[0], Sampling(1, top_k=2), {}) > 0
    assert kept.tolist() == [False, True, True, True, False]
    assert torch.isfinite(sampling.keep_top_k(logits, torch.tensor([[2]])))[0].tolist() == (
        kept.tolist()
    )


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1.0 - 2**-53])
def test_a_token_of_probability_zero_is_never_picked(uniform: float) -> None:
    """At both ends of the interval, where rounding tempts."""
    probabilities = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]])
    assert int(pick(probabilities, torch.tensor([uniform]))) in (1, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_scores_give_no_token_and_spare_the_others(bad: float, temperature: float) -> None:
    logits = scores(1, 3)
    logits[1, 7] = bad
    state = draws(3, temperature=temperature, top_k=4, top_p=0.9, logprobs=2)
    results = sample(logits, [state] * 3)
    assert results[1].token is None
    alone = sample(logits[[0, 2]], [state] * 2)
    assert [results[0], results[2]] == alone


def test_everything_forbidden_gives_no_token() -> None:
    assert sample(torch.full((1, 5), -torch.inf), [draws()])[0].token is None


def test_logprobs_are_finite_sorted_and_as_many_as_asked_for() -> None:
    logits = torch.tensor([[0.0, 1.0, -torch.inf, 2.0]])
    (drawn,) = sample(logits, [draws(temperature=0.0, logprobs=20)])
    assert [token for token, _ in drawn.top] == [3, 1, 0, 2]
    assert drawn.top[-1][1] == sampling.LEAST_LOGPROB
    assert drawn.logprob == drawn.top[0][1] == pytest.approx(-0.4076, abs=1e-4)
    both = sample(logits.repeat(2, 1), [draws(logprobs=0), draws(logprobs=1)])
    assert [len(drawn.top) for drawn in both] == [0, 1]


def test_each_choice_and_place_has_its_own_number() -> None:
    numbers = {
        Draws(Sampling(9), seed, index, count).uniform()
        for seed in range(10)
        for index in range(10)
        for count in range(10)
    }
    assert len(numbers) == 1000
    assert all(0 <= number < 1 for number in numbers)
