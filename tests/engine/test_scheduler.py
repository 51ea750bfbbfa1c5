"""The scheduler alone: no model, no torch, thousands of steps in a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.prefix import BlockKeys, salt
from miniclaude.engine.scheduler import Answer, Chunk, Job, Scheduler
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
    tell: Callable[[Answer], Sequence[int]] = lambda answer: (),
    chunks: Sequence[Chunk] | None = None,
    right: int = 0,
) -> list[tuple[str, int]]:
    """Compute a planned step in one's head; answers end at max_tokens, or when named in `ends`.
    Returns the answers that drew a token; adds to `admitted` who was let in. tell: an answer's
    tokens with the one it draws. chunks: the plan, with guesses; right: how many of each stand."""
    chunks = scheduler.plan() if chunks is None else chunks
    if admitted is not None:
        admitted += [job.id for job in scheduler.running if job.id not in admitted]
    assert sum(chunk.count for chunk in chunks) <= scheduler.limits.step_tokens
    drew = []
    for chunk in chunks:
        stood = min(right, len(chunk.draft))
        scheduler.complete(replace(chunk, count=chunk.count - len(chunk.draft) + stood, draft=()))
        for answer in chunk.samples * (1 + stood):
            if answer not in answer.job.answers:
                break
            drew.append((answer.job.id, answer.index))
            full = answer.length + 1 == answer.job.longest
            if full or drew[-1] in ends:
                scheduler.finish(answer)
            else:
                scheduler.extend(answer, tell(answer))
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
    """Of the same user's: otherwise a stream of small ones would keep a large one waiting for
    ever. Of other users', see `test_turns.py`."""
    scheduler = Scheduler(LIMITS, blocks=10)
    scheduler.submit(Job("running", 20, 4))
    scheduler.submit(Job("large", 20, 4))
    scheduler.submit(Job("small", 1, 1))
    assert [job.id for job in scheduler.waiting] == ["large", "small"]


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
    none: dict[str, Any] = {name: 0}
    with pytest.raises(SettingsError, match=f"{name} is 0"):
        EngineLimits(**none)


def test_every_running_answer_must_fit_a_step() -> None:
    with pytest.raises(SettingsError, match="step_tokens is 8, less than max_running, 16"):
        EngineLimits(step_tokens=8, max_running=16)
    with pytest.raises(SettingsError, match=r"max_queued_tokens is -1\. It must be 0 \(nothing"):
        EngineLimits(max_queued_tokens=-1)
    with pytest.raises(SettingsError, match=r"prefix_tokens is -1\. It must be 0 \(off\) or more"):
        EngineLimits(prefix_tokens=-1)


def told(user: str, length: int, *, differs_at: int = 99) -> BlockKeys:
    """The keys of a prompt: everybody tells the same text, up to a place."""
    keys = BlockKeys(salt(user), LIMITS.block_tokens)
    keys.cover(text_of(length, differs_at))
    return keys


def text_of(length: int, differs_at: int) -> list[int]:
    """What everybody tells, up to a place."""
    return [place if place < differs_at else -place for place in range(length)]


def test_a_prompt_is_computed_from_where_it_differs() -> None:
    """Also while the request that computed its beginning is still running, and never for another
    user; the last token is always computed, for the next is drawn from it."""
    scheduler = Scheduler(LIMITS, blocks=40, keep=40)
    scheduler.submit(Job("first", 12, 4, keys=told("ada", 12)))
    scheduler.submit(Job("too early", 12, 4, keys=told("ada", 12)))
    while not all(job.prefilled for job in scheduler.running):
        step(scheduler)
    for name, length, differs_at, user, cached in (
        ("same", 12, 99, "ada", 8),
        ("longer", 20, 99, "ada", 12),
        ("other text", 20, 6, "ada", 4),
        ("other user", 20, 99, "eve", 0),
    ):
        keys = told(user, length, differs_at=differs_at)
        scheduler.submit(Job(name, length, 4, keys=keys))
        job = (scheduler.running + list(scheduler.waiting))[-1]
        assert job.id == name
        while job not in scheduler.running:
            step(scheduler)
        assert job.cached_tokens == cached, name
    while not scheduler.idle:
        step(scheduler)
    assert scheduler.pool.available == 40


def test_a_block_that_is_not_full_or_not_computed_is_not_shared() -> None:
    """Otherwise a second answer would read keys that nobody has written yet."""
    scheduler = Scheduler(LIMITS, blocks=40, keep=40)
    scheduler.submit(Job("a", 30, 4, keys=told("ada", 30)))
    assert scheduler.pool.find(told("ada", 30).keys) == []
    step(scheduler)  # ten tokens are two blocks and a half
    assert len(scheduler.pool.find(told("ada", 30).keys)) == 2
    scheduler.cancel("a")
    scheduler.check()
    assert len(scheduler.pool.find(told("ada", 30).keys)) == 2


def test_what_is_kept_makes_room_for_whoever_comes() -> None:
    scheduler = Scheduler(LIMITS, blocks=8, keep=8)
    scheduler.submit(Job("a", 24, 4, keys=told("ada", 24)))
    while not scheduler.idle:
        step(scheduler)
    assert (len(scheduler.pool.free), scheduler.pool.available) == (2, 8)
    scheduler.submit(Job("b", 28, 4, keys=told("eve", 28)))
    assert [job.id for job in scheduler.running] == ["b"]
    scheduler.check()
    assert scheduler.pool.find(told("ada", 24).keys) == []


job_sizes = st.tuples(
    st.integers(1, 30),
    st.integers(1, 12),
    st.integers(1, 3),
    st.sampled_from(["ada", "ada", "eve"]),
    st.integers(0, 30),
)  # prompt, answer, choices, user, where the prompt differs from everybody's
actions = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), job_sizes),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("step"), st.integers(0, 40)),
    ),
    max_size=60,
)


class Memory:
    """What the cache's slots would hold. told: each request's user, and where its text differs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.slots: dict[tuple[int, int], tuple[object, ...]] = {}
        self.told: dict[str, tuple[str, int]] = {}

    def compute(self, chunks: Sequence[Chunk], right: int) -> None:
        """Copy, then write what each chunk computes, then read what each may look at. right: how
        many guesses of each chunk stand; what the others leave behind is nobody's text."""
        size = self.scheduler.limits.block_tokens
        while self.scheduler.copies:
            source, target = self.scheduler.copies.popleft()
            for old, new in zip(source, target, strict=True):
                for offset in range(size):
                    self.slots[new, offset] = self.slots[old, offset]
        for chunk in chunks:
            for answer in {chunk.answer, *chunk.samples}:
                start = chunk.start if answer is chunk.answer else 0
                for place in range(start, chunk.start + chunk.count):
                    guess = place - (chunk.start + chunk.count - len(chunk.draft))
                    text = self.text(answer, place) if guess < right else ("a wrong guess",)
                    self.slots[answer.blocks[place // size], place % size] = text
        for chunk in chunks:
            for answer in {chunk.answer, *chunk.samples}:
                for place in range(chunk.start + chunk.count - max(len(chunk.draft) - right, 0)):
                    found = self.slots[answer.blocks[place // size], place % size]
                    assert found == self.text(answer, place), "another text is read"

    def text(self, answer: Answer, place: int) -> tuple[object, ...]:
        """Whose it is, and all tokens up to a place: what keys and values depend on."""
        user, differs_at = self.told[answer.job.id]
        return user, *text_of(place + 1, differs_at_of(answer, differs_at))


def differs_at_of(answer: Answer, differs_at: int) -> int:
    """The first answer goes on as everybody's text does, the others in ways of their own."""
    return min(differs_at, answer.job.prompt_tokens) if answer.index else differs_at


def guessed(chunks: Sequence[Chunk], most: int, limits: EngineLimits) -> list[Chunk]:
    """The plan with up to `most` guesses for each answer, within the step's budget."""
    spare = limits.step_tokens - sum(chunk.count for chunk in chunks)
    made = []
    for chunk in chunks:
        draft: tuple[int, ...] = ()
        if chunk.answer.job.prefilled:
            left = chunk.answer.job.longest - chunk.answer.length - 1
            draft = (0,) * min(most, left, spare)
            spare -= len(draft)
        made.append(replace(chunk, count=chunk.count + len(draft), draft=draft))
    return made


@settings(max_examples=600)
@given(actions, st.integers(8, 40), st.integers(4, 40), st.sampled_from([0, 5, 40]))
def test_no_interleaving_leaks_a_block_or_forgets_a_request(
    script: list[tuple[str, int | tuple[int, int, int, str, int]]],
    blocks: int,
    step_tokens: int,
    keep: int,
) -> None:
    """Submit, cancel, finish early and step in any order: blocks are conserved, the budget holds,
    each user's requests are admitted in order, in the end all have ended and nobody uses a block;
    and what is read is always what was written, whatever was guessed: see `Memory`."""
    limits = EngineLimits(
        block_tokens=4, step_tokens=step_tokens, max_running=4, max_queued_tokens=300
    )
    scheduler = Scheduler(limits, blocks=blocks, keep=keep)
    memory = Memory(scheduler)

    def tell(answer: Answer) -> list[int]:
        differs_at = memory.told[answer.job.id][1]
        return text_of(answer.length + 1, differs_at_of(answer, differs_at))

    accepted: list[str] = []
    cancelled: set[str] = set()
    admitted: list[str] = []

    for number, (action, value) in enumerate(script):
        if isinstance(value, tuple):
            prompt, answer, choices, user, differs_at = value
            keys = told(user, prompt, differs_at=differs_at) if keep else None
            memory.told[f"r{number}"] = user, differs_at
            try:
                scheduler.submit(Job(f"r{number}", prompt, answer, choices, keys=keys, user=user))
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
            plan, right = guessed(scheduler.plan(), value % 5, limits), value % 3
            memory.compute(plan, right)
            ends = {(f"r{value}", index) for index in range(3)}
            step(scheduler, ends, admitted, tell, plan, right)
        scheduler.check()
    for _ in range(10_000):
        if scheduler.idle:
            break
        plan = scheduler.plan()
        assert plan, "there is work to do, but none is planned"
        memory.compute(plan, 0)
        step(scheduler, (), admitted, tell)
    assert scheduler.idle
    assert scheduler.pool.available == blocks
    assert len(scheduler.pool.kept) <= keep
    assert scheduler.queued_tokens == 0
    for user in ("ada", "eve"):
        own = [name for name in admitted if memory.told[name][0] == user]
        assert own == [name for name in accepted if name in set(own)], "out of order"
    assert set(accepted) - set(admitted) <= cancelled


def test_the_scheduler_does_not_import_torch() -> None:
    """It is plain data: usable, and testable, in a process without torch."""
    code = "import sys, miniclaude.engine.scheduler; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
