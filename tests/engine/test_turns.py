"""Several users at one scheduler: nobody waits for all of another's requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.scheduler import Job, Scheduler
from miniclaude.engine.turns import Turns
from miniclaude.errors import OverloadedError
from tests.engine.test_scheduler import step

BLOCK = 4


def scheduler_of(
    blocks: int = 100, *, running: int = 4, step_tokens: int = 200, queued: int = 100_000
) -> Scheduler:
    limits = EngineLimits(
        block_tokens=BLOCK, step_tokens=step_tokens, max_running=running, max_queued_tokens=queued
    )
    return Scheduler(limits, blocks=blocks)


def submit(scheduler: Scheduler, user: str, prompt: int, answer: int, choices: int = 1) -> Job:
    job = Job(f"{user}-{next(numbers)}", prompt, answer, choices, user=user)
    scheduler.submit(job)
    return job


numbers: Iterator[int] = count()


def ids(jobs: list[Job]) -> list[str]:
    return [job.user for job in jobs]


def computed(scheduler: Scheduler, served: Counter[str]) -> None:
    """A step; what is computed of it for whom."""
    chunks = scheduler.plan()
    for chunk in chunks:
        served[chunk.answer.job.user] += chunk.count
    step(scheduler, chunks=chunks)


def test_a_flood_of_one_user_delays_another_by_one_answer_at_most() -> None:
    """First come, first served, 30 requests of 20 tokens in four slots take 160 steps: the one
    after them would wait for all, and come out as a 503. With turns it has the next slot that is
    free, in 20 steps at most, and its first token in the step after."""
    scheduler = scheduler_of()
    for _ in range(30):
        submit(scheduler, "ada", 8, 20)
    for _ in range(5):
        step(scheduler)
    bob = submit(scheduler, "bob", 8, 20)
    before = set(scheduler.running)
    steps = 1
    while (bob.id, 0) not in step(scheduler):
        steps += 1
    assert steps <= 20
    # Nobody was admitted before it, though some may have been beside it.
    assert scheduler.running.index(bob) == len(before & set(scheduler.running))


def test_users_take_turns_and_each_one_s_requests_keep_their_order() -> None:
    scheduler = scheduler_of(running=1)
    jobs = [submit(scheduler, user, 4, 4) for user in ("ada", "ada", "ada", "bob", "eve", "bob")]
    admitted: list[str] = []
    while not scheduler.idle:
        step(scheduler, admitted=admitted)
    by_name = {job.id: job for job in jobs}
    assert ids([by_name[name] for name in admitted]) == ["ada", "bob", "eve", "ada", "bob", "ada"]
    for user in ("ada", "bob"):
        own = [job.id for job in jobs if job.user == user]
        assert [name for name in admitted if name in own] == own


@pytest.mark.parametrize("running", [1, 4, 16])
def test_two_users_that_always_ask_are_served_as_much(running: int) -> None:
    """By tokens, not by requests: ada's are ten times bob's. Who is ahead is not admitted again
    until the other has caught up, so that they never differ by more than the cache holds."""
    scheduler = scheduler_of(running=running)
    served: Counter[str] = Counter()
    for steps in range(1500):
        for user, size in (("ada", 20), ("bob", 2)):
            while ids(list(scheduler.waiting)).count(user) < 20:
                submit(scheduler, user, size, size)
        computed(scheduler, served)
        if steps > 100:
            assert abs(served["ada"] - served["bob"]) <= scheduler.pool.count * BLOCK
    assert min(served.values()) > 600


def test_time_in_which_one_asked_for_nothing_is_not_saved_up() -> None:
    """Otherwise who comes back after an hour would have the engine alone for as long."""
    scheduler = scheduler_of(running=1)
    served: Counter[str] = Counter()
    submit(scheduler, "ada", 4, 4)
    submit(scheduler, "bob", 4, 4)
    for _ in range(1000):
        while len(scheduler.waiting) < 3:
            submit(scheduler, "ada", 4, 4)
        computed(scheduler, served)
    assert served["ada"] > 100 * served["bob"]
    before = dict(served)
    for _ in range(1000):
        for user in ("ada", "bob"):
            while ids(list(scheduler.waiting)).count(user) < 3:
                submit(scheduler, user, 4, 4)
        computed(scheduler, served)
    more = {user: served[user] - before[user] for user in served}
    assert abs(more["ada"] - more["bob"]) <= 16  # two requests


def test_what_one_had_before_others_came_is_not_held_against_it() -> None:
    """An idle engine is for whoever asks: nobody is served less for having used it."""
    scheduler = scheduler_of(running=1)
    served: Counter[str] = Counter()
    for _ in range(500):
        while len(scheduler.waiting) < 2:
            submit(scheduler, "ada", 4, 4)
        computed(scheduler, served)
    before = served["ada"]
    for _ in range(500):
        for user in ("ada", "bob"):
            while ids(list(scheduler.waiting)).count(user) < 3:
                submit(scheduler, user, 4, 4)
        computed(scheduler, served)
    assert abs(served["ada"] - before - served["bob"]) <= 16


def test_what_one_had_while_nobody_waited_is_not_held_against_it() -> None:
    """There was room for both, for a long time; then there is not. Who had used the free slots owed
    the other all of it, and was admitted nothing for thousands of steps."""
    scheduler = scheduler_of(running=8, blocks=400)
    served: Counter[str] = Counter()
    for steps in range(2000):
        while ids(list(scheduler.running)).count("ada") < 6:
            submit(scheduler, "ada", 8, 10 + steps % 7)  # they do not all end at once
        if ids(list(scheduler.running)).count("bob") < 1:
            submit(scheduler, "bob", 8, 16)
        assert not scheduler.waiting
        computed(scheduler, served)
    assert served["ada"] > 3 * served["bob"] > 0
    before = dict(served)
    for _ in range(200):
        for user in ("ada", "bob"):
            while ids(list(scheduler.waiting)).count(user) < 8:
                submit(scheduler, user, 8, 16)
        computed(scheduler, served)
    more = {user: served[user] - before[user] for user in served}
    assert abs(more["ada"] - more["bob"]) <= 8 * 24  # what runs at once


def test_a_large_request_lets_small_ones_pass_and_is_not_starved() -> None:
    """It holds nobody up at first; and they would keep it waiting for ever, for there is never as
    much room at once as it needs: so they may have as many tokens before it as it has itself."""
    scheduler = scheduler_of(blocks=20)
    submit(scheduler, "bob", 8, 8)
    large = submit(scheduler, "ada", 60, 12)  # 18 of 20 blocks
    assert large in scheduler.waiting
    small = submit(scheduler, "bob", 4, 4)
    assert small in scheduler.running
    passed = 1
    for _ in range(100):
        for user in ("bob", "eve", f"new-{passed}"):  # also users that were never served
            job = submit(scheduler, user, 4, 4)
            passed += job in scheduler.running
        step(scheduler)
        assert large.overtaken <= large.tokens
        if large in scheduler.running:
            break
    assert large in scheduler.running
    assert 1 < passed <= large.tokens // 8


def test_requests_that_want_many_answers_are_not_starved_of_slots() -> None:
    scheduler = scheduler_of(running=4)
    submit(scheduler, "bob", 4, 6)
    many = submit(scheduler, "ada", 4, 4, choices=4)
    for _ in range(60):
        submit(scheduler, "bob", 4, 6)
        step(scheduler)
        if many in scheduler.running:
            break
    assert many in scheduler.running


def test_a_short_prompt_does_not_wait_for_another_user_s_long_one() -> None:
    """Eight prompts of 4,000 tokens were in front of it, and all of them were read first."""
    scheduler = scheduler_of(blocks=20_000, running=16, step_tokens=512)
    for _ in range(8):
        submit(scheduler, "ada", 4000, 4)
    step(scheduler)
    bob = submit(scheduler, "bob", 20, 4)
    assert step(scheduler) == [(bob.id, 0)]


def test_users_of_one_key_share_what_the_key_has() -> None:
    """A request names its user as it likes: a new name for each would be a new turn for each."""
    scheduler = scheduler_of(running=1)
    served: Counter[str] = Counter()
    for steps in range(900):
        waiting = ids(list(scheduler.waiting))
        for user in ("ada/user", "ada/other"):
            if waiting.count(user) < 3:
                submit(scheduler, user, 4, 4)
        if sum(user.startswith("eve/") for user in waiting) < 10:
            submit(scheduler, f"eve/{steps}", 4, 4)
        computed(scheduler, served)
    eve = sum(tokens for user, tokens in served.items() if user.startswith("eve/"))
    ada = served["ada/user"], served["ada/other"]
    assert abs(eve - sum(ada)) <= 16
    assert abs(ada[0] - ada[1]) <= 16


def test_one_user_s_full_queue_keeps_nobody_else_out() -> None:
    """It was one line for all: a single caller's requests, and everybody got 503."""
    scheduler = scheduler_of(running=1, queued=100)
    submit(scheduler, "ada", 10, 10)
    for _ in range(5):
        submit(scheduler, "ada", 10, 10)
    with pytest.raises(OverloadedError, match="100 tokens are waiting, and 100 may"):
        submit(scheduler, "ada", 10, 10)
    submit(scheduler, "bob", 20, 20)
    with pytest.raises(OverloadedError, match="140 tokens are waiting, and 100 may"):
        submit(scheduler, "bob", 10, 10)  # 60 are more than half
    submit(scheduler, "eve/1", 10, 10)
    with pytest.raises(OverloadedError):
        submit(scheduler, "eve/2", 10, 10)  # a third for eve, whatever her users
    scheduler.check()
    assert ids(list(scheduler.waiting)) == ["ada"] * 5 + ["bob", "eve/1"]


def test_who_has_gone_is_forgotten() -> None:
    """There may be a new user with every request: to remember all would fill the memory."""
    scheduler = scheduler_of(running=3)
    submit(scheduler, "ada", 4, 100)
    for number in range(300):
        submit(scheduler, f"key/{number}", 4, 4)
        for _ in range(5):
            step(scheduler)
        if not number % 20:
            submit(scheduler, "ada", 4, 90)
        groups = scheduler.turns.everybody.members.values()
        assert sum(len(group.members) for group in groups) < 10
    while not scheduler.idle:
        step(scheduler)
    assert not scheduler.turns.everybody.members


def test_a_count_that_is_wrong_is_found() -> None:
    turns = Turns()
    turns.submitted("ada")
    turns.check(1, 1)
    with pytest.raises(AssertionError, match="requests are miscounted"):
        turns.check(0, 1)
    turns.everybody.busy = 2
    with pytest.raises(AssertionError, match="users that have requests are miscounted"):
        turns.check(1, 1)
