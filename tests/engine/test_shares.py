"""A step's budget of prompt tokens, shared: as numbers, without a scheduler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.engine.shares import LEAST_PIECE, Prompt, share

ADA, BOB, EVE = ("ada", "ada"), ("bob", "bob"), ("eve", "eve")


@pytest.mark.parametrize(
    ("budget", "prompts", "counts"),
    [
        (512, [(ADA, 8000)], [512]),
        (512, [], []),
        (0, [(ADA, 8000)], [0]),
        # Another user's short prompt is read at once, and what it leaves goes to the long one.
        (512, [(ADA, 8000), (BOB, 20)], [492, 20]),
        (512, [(ADA, 8000), (BOB, 3000)], [256, 256]),
        # However many of them one user has.
        (512, [*[(ADA, 4000)] * 8, (BOB, 20)], [492, *[0] * 7, 20]),
        # Who needs less than an even part leaves it to all others.
        (600, [(ADA, 100), (BOB, 1000), (EVE, 1000)], [100, 250, 250]),
        # Where even parts would be smaller than a piece, those come first whose turn it is.
        (130, [(ADA, 900), (BOB, 900), (EVE, 900)], [65, 65, 0]),
        (10, [(ADA, 900), (BOB, 900)], [10, 0]),
        # Very short prompts are no pieces: all of them fit beside one another.
        (130, [(ADA, 3), (BOB, 4), (EVE, 900)], [3, 4, 123]),
        # One user's: half for the oldest, and the short ones do not wait for it; but equals go one
        # after another, for in even parts all would be as late as the last.
        (512, [(ADA, 8000), (ADA, 20), (ADA, 300)], [256, 20, 236]),
        (512, [(ADA, 4000), (ADA, 4000)], [512, 0]),
        (100, [(ADA, 900), (ADA, 20), (ADA, 50)], [64, 20, 16]),
        # One group's users have its part together, however many it names.
        (600, [(("key", f"key/{n}"), 900) for n in range(3)] + [(BOB, 900)], [100] * 3 + [300]),
    ],
)
def test_parts(budget: int, prompts: list[tuple[tuple[str, str], int]], counts: list[int]) -> None:
    assert share(budget, [Prompt(*prompt) for prompt in prompts]) == counts


owners = st.sampled_from([ADA, BOB, ("key", "key/1"), ("key", "key/2")])


@given(st.integers(0, 600), st.lists(st.builds(Prompt, owners, st.integers(1, 900)), max_size=12))
def test_nothing_is_left_over_and_nobody_gets_too_much(budget: int, prompts: list[Prompt]) -> None:
    """A budget that is not used makes everybody later; too much of a prompt is not there."""
    counts = share(budget, prompts)
    assert all(0 <= count <= prompt.left for count, prompt in zip(counts, prompts, strict=True))
    assert sum(counts) == min(budget, sum(prompt.left for prompt in prompts))


@given(st.integers(2 * LEAST_PIECE, 600), st.lists(st.integers(1, 900), min_size=2, max_size=9))
def test_a_user_alone_always_goes_on_with_its_oldest(budget: int, lefts: list[int]) -> None:
    """Its short prompts would keep a long one from being read, for as long as they come."""
    counts = share(budget, [Prompt(ADA, left) for left in lefts])
    assert counts[0] >= min(lefts[0], budget // 2)
