"""What is kept for callers who have nothing running: no key has the whole engine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.reserve import Part, Reserve, Standing
from miniclaude.engine.scheduler import Job, Scheduler
from miniclaude.engine.turns import group_and_user
from miniclaude.errors import ContextLengthError
from tests.engine.test_scheduler import step

BLOCK = 4


def scheduler_of(callers: int, *, running: int = 64, blocks: int = 10_000) -> Scheduler:
    limits = EngineLimits(
        block_tokens=BLOCK,
        step_tokens=512,
        max_running=running,
        callers=callers,
        max_queued_tokens=1_000_000,
    )
    return Scheduler(limits, blocks=blocks)


numbers = count()


def submit(scheduler: Scheduler, user: str, tokens: int = 100, choices: int = 1) -> Job:
    job = Job(f"r{next(numbers)}", 4, tokens - 4, choices, user=user)
    scheduler.submit(job)
    return job


def flood(scheduler: Scheduler, user: str, times: int = 100, tokens: int = 100) -> int:
    """Requests of a user; how many of its own run then."""
    for _ in range(times):
        submit(scheduler, user, tokens)
    return running(scheduler, user)


def running(scheduler: Scheduler, user: str) -> int:
    return sum(job.user == user for job in scheduler.running)


def test_a_key_that_fills_the_engine_leaves_room_for_another() -> None:
    """All 64 answers were the first key's, and the other's request waited until one of them had
    ended: up to a minute, and then it was a 503."""
    scheduler = scheduler_of(2)
    assert flood(scheduler, "ada/x") == 56
    step(scheduler)
    bob = submit(scheduler, "bob/x")
    assert bob in scheduler.running
    assert (bob.id, 0) in step(scheduler)
    # Everybody who can come is here: it has up to its half of the slots, as they become free.
    assert flood(scheduler, "bob/x") == 8
    assert scheduler.active == 64
    while running(scheduler, "ada/x") > 32:
        scheduler.cancel(next(job.id for job in scheduler.running if job.user == "ada/x"))
        step(scheduler)
    assert running(scheduler, "bob/x") == 32


def test_one_of_a_key_s_users_gets_no_more_by_calling_itself_another() -> None:
    scheduler = scheduler_of(2)
    for number in range(100):
        submit(scheduler, f"ada/{number}")
    assert scheduler.active == 56


def test_the_cache_has_room_for_another_too() -> None:
    scheduler = scheduler_of(2, blocks=1000)
    assert flood(scheduler, "ada/x", times=20, tokens=400) == 8  # of 100 blocks each
    assert submit(scheduler, "bob/x", 800) in scheduler.running


def test_a_third_finds_room_when_two_have_all_they_may() -> None:
    scheduler = scheduler_of(3)
    assert [flood(scheduler, "ada/x"), flood(scheduler, "bob/x")] == [56, 4]
    assert submit(scheduler, "eve/x") in scheduler.running
    flood(scheduler, "eve/x")
    assert scheduler.active == 64  # all who can come are here: nothing is kept for anybody else
    assert running(scheduler, "ada/x") == 56


def test_who_is_alone_has_everything() -> None:
    """Where there are no keys nobody else can come: nothing is kept back."""
    scheduler = scheduler_of(1)
    assert flood(scheduler, "owner/x") == 64
    scheduler = scheduler_of(1, blocks=1000)
    assert flood(scheduler, "owner/x", times=20, tokens=400) == 10


def test_a_request_that_needs_everything_runs_when_its_caller_s_others_have_ended() -> None:
    """Otherwise it would never run. Until then other callers go on as if it were not there, and its
    own are not to keep it waiting for ever."""
    scheduler = scheduler_of(2, blocks=100)
    whole = submit(scheduler, "ada/x", 400)
    assert whole in scheduler.running
    scheduler.cancel(whole.id)
    submit(scheduler, "ada/x", 20)
    whole = submit(scheduler, "ada/x", 400)
    bobs = [submit(scheduler, "bob/x", 20)]
    for _ in range(200):
        bobs += [submit(scheduler, "bob/x", 20)]
        submit(scheduler, "ada/y", 20)
        step(scheduler)
        if whole in scheduler.running:
            break
    assert whole in scheduler.running
    assert len(bobs) > 10


def test_a_large_request_of_who_has_much_does_not_hold_up_a_newcomer() -> None:
    """It wants twenty slots and there are eight: who comes may pass it, however often."""
    scheduler = scheduler_of(3)
    flood(scheduler, "ada/x", times=56, tokens=2000)
    many = submit(scheduler, "ada/x", 8, choices=20)
    for number in range(50):
        bob = submit(scheduler, ("bob/x", "eve/x")[number % 2], 8)
        assert bob in scheduler.running
        while bob in scheduler.running:
            step(scheduler)
    assert many in scheduler.waiting
    assert not many.overtaken


def test_all_choices_of_one_request_may_run() -> None:
    scheduler = scheduler_of(2, running=4)
    assert submit(scheduler, "ada/x", 8, choices=4) in scheduler.running
    scheduler = scheduler_of(2, running=1)
    assert submit(scheduler, "ada/x", 8) in scheduler.running


@pytest.mark.parametrize(
    ("held", "need", "standing"),
    [
        (3, 2, Standing.WITHIN_ITS_SHARE),
        (3, 3, Standing.OVER_ITS_SHARE),
        (3, 12, Standing.BEHIND_ITS_OWN),
    ],
)
def test_what_a_request_has_a_right_to(held: int, need: int, standing: Standing) -> None:
    """Of 16 slots, a third of which is a fair share: one other has some, and one more may come."""
    reserve = Reserve(3, [("ada", held, 0), ("bob", 1, 0)])
    slots = Part(16, 16 - held - 1, *reserve.held("ada")[:1], need, need)
    assert reserve.standing("ada", [slots]) is standing
    assert reserve.standing("eve", [slots]) is Standing.NEWCOMER


scripts = st.lists(
    st.tuples(
        st.sampled_from(["ada/1", "ada/2", "bob/1", "eve/1", "eve/2"]),
        st.integers(5, 80),
        st.integers(1, 4),
        st.integers(0, 6),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(scripts, st.integers(1, 20), st.integers(1, 9))
def test_nobody_waits_for_ever_whatever_comes(
    script: Sequence[tuple[str, int, int, int]], blocks: int, slots: int
) -> None:
    """Requests of any size in any order, and steps between: a caller with nothing running is let in
    at once where there is room and no other such waits, something runs whenever something waits,
    nobody is overtaken by more than it is charged, and all end."""
    scheduler = scheduler_of(3, running=slots, blocks=blocks)
    for user, tokens, choices, steps in script:
        wanted = min(choices, slots)
        here = {group_and_user(job.user)[0] for job in scheduler.running}
        there = {group_and_user(job.user)[0] for job in scheduler.waiting}
        free = slots - scheduler.active, scheduler.pool.available
        try:
            job = submit(scheduler, user, tokens, wanted)
        except ContextLengthError:
            continue
        if group_and_user(user)[0] not in here and there <= here:
            room = wanted <= free[0] and wanted * -(-tokens // BLOCK) <= free[1]
            assert (job in scheduler.running) == room
        for _ in range(steps):
            step(scheduler)
            scheduler.admit()
            assert not scheduler.waiting or scheduler.running
            assert all(job.overtaken <= job.tokens for job in scheduler.waiting)
    for _ in range(10_000):
        if scheduler.idle:
            break
        assert scheduler.plan(), "there is work to do, but none is planned"
        step(scheduler)
    assert scheduler.idle
