"""The scheduler alone: no model, no torch, thousands of steps in a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.scheduler import BlockPool, Job, Scheduler
from miniclaude.errors import (
    ContextLengthError,
    InvalidRequestError,
    OverloadedError,
    SettingsError,
)

LIMITS = EngineLimits(block_tokens=4, step_tokens=10, max_running=4, max_queued_tokens=100)


def step(
    scheduler: Scheduler,
    ends: Collection[tuple[str, int]] = (),
    admitted: list[str] | None = None,
) -> list[tuple[str, int]]:
    """Compute a planned step in one's head; answers end at max_tokens, or when named in `ends`.
    Returns the answers that drew a token; adds to `admitted` who was let in."""
    chunks = scheduler.plan()
    if admitted is not None:
        admitted += [job.id for job in scheduler.running if job.id not in admitted]
    assert sum(chunk.count for chunk in chunks) <= scheduler.limits.step_tokens
    drew = []
    for chunk in chunks:
        scheduler.complete(chunk)
        for answer in chunk.samples:
            drew.append((answer.job.id, answer.index))
            full = answer.length + 1 == answer.job.longest
            if full or drew[-1] in ends:
                scheduler.finish(answer)
            else:
                scheduler.extend(answer)
    scheduler.check()
    return drew


def test_running_answers_come_first_then_prompts_in_order() -> None:
    scheduler = Scheduler(LIMITS, blocks=20)
    scheduler.submit(Job("a", 3, 5))
    step(scheduler)
    scheduler.submit(Job("b", 12, 2))
    scheduler.submit(Job("c", 3, 2))
    plan = [(c.answer.job.id, c.start, c.count, len(c.samples)) for c in scheduler.plan()]
    assert plan == [("a", 3, 1, 1), ("b", 0, 9, 0)]
    step(scheduler)
    plan = [(c.answer.job.id, c.start, c.count, len(c.samples)) for c in scheduler.plan()]
    assert plan == [("a", 4, 1, 1), ("b", 9, 3, 1), ("c", 0, 3, 1)]


def test_choices_share_one_prompt() -> None:
    scheduler = Scheduler(LIMITS, blocks=20)
    scheduler.submit(Job("a", 6, 3, choices=3))
    (chunk,) = scheduler.plan()
    assert (chunk.count, [a.index for a in chunk.samples]) == (6, [0, 1, 2])
    assert step(scheduler) == [("a", 0), ("a", 1), ("a", 2)]
    assert [(c.answer.index, c.start, c.count) for c in scheduler.plan()] == [
        (0, 6, 1),
        (1, 6, 1),
        (2, 6, 1),
    ]


def test_a_small_request_does_not_overtake_a_large_one() -> None:
    """Otherwise a stream of small requests would keep a large one waiting for ever."""
    scheduler = Scheduler(LIMITS, blocks=10)
    scheduler.submit(Job("running", 20, 4))
    scheduler.submit(Job("large", 20, 4))
    scheduler.submit(Job("small", 1, 1))
    assert [job.id for job in scheduler.waiting] == ["large", "small"]


def test_blocks_are_neighbours_where_possible_and_scattered_where_not() -> None:
    pool = BlockPool(8)
    assert pool.take(2) == [0, 1]
    second, third = pool.take(2), pool.take(2)
    assert (second, third) == ([2, 3], [4, 5])
    pool.give([0, 1])
    assert pool.take(1) == [0]
    pool.give([4, 5])
    assert pool.take(4) == [4, 5, 6, 7]
    pool.give([5, 7])
    assert pool.take(3) == [1, 5, 7]


def test_what_can_never_fit_is_refused_at_once() -> None:
    scheduler = Scheduler(LIMITS, blocks=10)
    with pytest.raises(ContextLengthError, match="exceed the 40 tokens"):
        scheduler.submit(Job("a", 12, 3, choices=3))
    with pytest.raises(InvalidRequestError, match="n is 5; the engine writes 4 answers at once"):
        scheduler.submit(Job("a", 1, 1, choices=5))
    scheduler.check()
    assert scheduler.idle


def test_a_full_queue_refuses_and_keeps_what_it_holds() -> None:
    scheduler = Scheduler(LIMITS, blocks=10)
    scheduler.submit(Job("running", 30, 10))
    scheduler.submit(Job("waiting", 30, 10))
    scheduler.submit(Job("waiting too", 30, 10))
    with pytest.raises(OverloadedError, match="80 tokens are waiting, and 100 may") as caught:
        scheduler.submit(Job("refused", 11, 10))
    assert caught.value.retry_after == 5
    scheduler.check()
    assert scheduler.cancel("waiting")
    scheduler.submit(Job("now", 11, 10))


def test_no_queue_at_all_still_admits_what_fits() -> None:
    limits = EngineLimits(block_tokens=4, step_tokens=10, max_running=2, max_queued_tokens=0)
    scheduler = Scheduler(limits, blocks=10)
    scheduler.submit(Job("a", 4, 4))
    scheduler.submit(Job("b", 4, 4))
    with pytest.raises(OverloadedError):
        scheduler.submit(Job("c", 4, 4))


def test_cancel_frees_everything_at_once() -> None:
    scheduler = Scheduler(LIMITS, blocks=10)
    scheduler.submit(Job("a", 4, 16, choices=2))
    step(scheduler)
    assert scheduler.cancel("a")
    assert not scheduler.cancel("a")
    assert len(scheduler.pool.free) == 10
    assert scheduler.idle


def test_who_waits_too_long_is_let_go_and_who_runs_is_not() -> None:
    """A queue without a deadline answers people who left long ago."""
    scheduler = Scheduler(EngineLimits(block_tokens=4, step_tokens=8, max_running=1), blocks=8)
    for name in ("runs", "late", "patient"):
        deadline = 10.0 if name != "patient" else 99.0
        scheduler.submit(Job(name, prompt_tokens=4, max_tokens=4, deadline=deadline))
    assert scheduler.expire(9.9) == []
    assert scheduler.expire(10.0) == ["late"]
    assert [job.id for job in scheduler.running] == ["runs"]
    assert [job.id for job in scheduler.waiting] == ["patient"]
    scheduler.check()


@pytest.mark.parametrize("name", ["block_tokens", "step_tokens", "kv_tokens", "max_running"])
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is 0"):
        EngineLimits(**{name: 0})


def test_every_running_answer_must_fit_a_step() -> None:
    with pytest.raises(SettingsError, match="step_tokens is 8, less than max_running, 16"):
        EngineLimits(step_tokens=8, max_running=16)
    with pytest.raises(SettingsError, match="max_queued_tokens is -1"):
        EngineLimits(max_queued_tokens=-1)


job_sizes = st.tuples(
    st.integers(1, 30), st.integers(1, 12), st.integers(1, 3)
)  # prompt, answer, choices
actions = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), job_sizes),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("step"), st.integers(0, 40)),
    ),
    max_size=60,
)


@settings(max_examples=600)
@given(actions, st.integers(8, 40), st.integers(4, 40))
def test_no_interleaving_leaks_a_block_or_forgets_a_request(
    script: list[tuple[str, int | tuple[int, int, int]]], blocks: int, step_tokens: int
) -> None:
    """Submit, cancel, finish early and step in any order: blocks are conserved, the budget holds,
    requests are admitted in order, and in the end all have ended and every block is free."""
    limits = EngineLimits(
        block_tokens=4, step_tokens=step_tokens, max_running=4, max_queued_tokens=300
    )
    scheduler = Scheduler(limits, blocks=blocks)
    accepted: list[str] = []
    cancelled: set[str] = set()
    admitted: list[str] = []

    for number, (action, value) in enumerate(script):
        if isinstance(value, tuple):
            prompt, answer, choices = value
            try:
                scheduler.submit(Job(f"r{number}", prompt, answer, choices))
            except (ContextLengthError, OverloadedError):
                continue
            accepted.append(f"r{number}")
        elif action == "cancel":
            name = f"r{value}"
            alive = any(job.id == name for job in [*scheduler.waiting, *scheduler.running])
            assert scheduler.cancel(name) == alive
            if alive:
                cancelled.add(name)
        else:
            step(scheduler, {(f"r{value}", index) for index in range(3)}, admitted)
        scheduler.check()
    for _ in range(10_000):
        if scheduler.idle:
            break
        assert scheduler.plan(), "there is work to do, but none is planned"
        step(scheduler, (), admitted)
    assert scheduler.idle
    assert scheduler.pool.free == set(range(blocks))
    assert scheduler.queued_tokens == 0
    assert admitted == [name for name in accepted if name in set(admitted)], "out of order"
    assert set(accepted) - set(admitted) <= cancelled


def test_the_scheduler_does_not_import_torch() -> None:
    """It is plain data: usable, and testable, in a process without torch."""
    code = "import sys, miniclaude.engine.scheduler; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
