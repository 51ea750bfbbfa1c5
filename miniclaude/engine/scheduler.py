"""Who computes what in the next step: continuous batching as plain data, no torch.

A request waits in line, is admitted when its whole need of cache blocks can be reserved, has its
prompt computed in chunks, then grows by one token a step until it ends. Requests join and leave at
any step (Yu et al. 2022, Orca); the cache is handed out in blocks (Kwon et al. 2023,
PagedAttention) and prompts are cut so that running answers are never held up (Agrawal et al. 2023,
Sarathi).

Because the blocks for prompt and answer are reserved at admission, a running request can never run
out of them, and nothing ever has to be evicted.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from miniclaude.engine.limits import EngineLimits
from miniclaude.errors import ContextLengthError, InvalidRequestError, OverloadedError


class BlockPool:
    """Hands out blocks of the cache, neighbours where it can: one whose blocks lie side by
    side is read without copying."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = set(range(count))

    def take(self, count: int) -> list[int]:
        """`count` of the free blocks: the first run of neighbours that is long enough, else the
        lowest ones. There must be that many."""
        ordered = sorted(self.free)
        chosen = ordered[:count]
        for start in range(len(ordered) - count + 1):
            if ordered[start + count - 1] - ordered[start] == count - 1:
                chosen = ordered[start : start + count]
                break
        self.free.difference_update(chosen)
        return chosen

    def give(self, blocks: list[int]) -> None:
        """Return blocks that were taken."""
        self.free.update(blocks)


@dataclass(slots=True, eq=False)
class Job:
    """A request with its `choices` answers: they share the computation of the prompt.

    deadline: when it stops waiting for admission, on whatever clock `expire` is asked by.
    """

    id: str
    prompt_tokens: int
    max_tokens: int
    choices: int = 1
    deadline: float = math.inf
    answers: list[Answer] = field(default_factory=list)
    prefilled: bool = False

    @property
    def longest(self) -> int:
        """Tokens of the prompt and of one answer at its longest."""
        return self.prompt_tokens + self.max_tokens

    @property
    def tokens(self) -> int:
        """What the request is charged: room for every answer at its longest."""
        return self.choices * self.longest


@dataclass(slots=True, eq=False)
class Answer:
    """One answer being written.

    blocks: its part of the cache, in order. length: tokens known, the prompt's and the answer's.
    computed: how many of them are in the cache.
    """

    job: Job
    index: int
    blocks: list[int]
    length: int
    computed: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """An answer's share of a step: its tokens `start .. start + count - 1`.

    samples: the answers that draw their next token from the chunk's last row: none while the
    prompt goes on, all of the request's answers when the prompt ends, itself later.
    """

    answer: Answer
    start: int
    count: int
    samples: tuple[Answer, ...]


class Scheduler:
    """First come, first served. `plan` a step, compute it, `complete` it, `extend` every answer
    that drew a token and `finish` those that ended; `submit` and `cancel` at any time between."""

    def __init__(self, limits: EngineLimits, *, blocks: int) -> None:
        self.limits = limits
        self.pool = BlockPool(blocks)
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []
        self.queued_tokens = 0

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not self.waiting and not self.running

    @property
    def active(self) -> int:
        """Answers that hold a slot now."""
        return sum(len(job.answers) for job in self.running)

    def submit(self, job: Job) -> None:
        """Admit a request, or put it in line.

        Raises ContextLengthError when it could never be admitted, OverloadedError when too much is
        waiting already.
        """
        if job.choices * self.blocks_for(job) > self.pool.count:
            raise ContextLengthError(
                f"{job.choices} answers of up to {job.longest} tokens each, prompt included,"
                f" exceed the {self.pool.count * self.limits.block_tokens} tokens that the engine's"
                " cache holds.",
                hint="Ask for a shorter answer or fewer choices, or raise kv_tokens.",
                param="n" if job.choices > 1 else "max_tokens",
            )
        if job.choices > self.limits.max_running:
            raise InvalidRequestError(
                f"n is {job.choices}; the engine writes {self.limits.max_running} answers at once.",
                hint="Ask for fewer choices, or raise max_running.",
                param="n",
            )
        self.waiting.append(job)
        self.queued_tokens += job.tokens
        self.admit()
        if self.waiting and self.queued_tokens > self.limits.max_queued_tokens:
            self.waiting.pop()
            self.queued_tokens -= job.tokens
            raise OverloadedError(
                f"The queue is full: {self.queued_tokens} tokens are waiting, and"
                f" {self.limits.max_queued_tokens} may.",
                hint="Try again in a few seconds.",
                retry_after=5,
            )

    def blocks_for(self, job: Job) -> int:
        """Blocks that one of its answers needs at its longest."""
        return -(-job.longest // self.limits.block_tokens)

    def plan(self) -> list[Chunk]:
        """Admit whom there is room for, in order, and share out the step's budget: first one token
        for every running answer, then as much of the prompts as still fits, oldest first."""
        self.admit()
        budget = self.limits.step_tokens
        chunks: list[Chunk] = []
        for job in self.running:
            if job.prefilled:
                for answer in job.answers:
                    chunks.append(Chunk(answer, answer.computed, 1, (answer,)))
        budget -= len(chunks)
        for job in self.running:
            if not job.prefilled and budget > 0:
                leader = job.answers[0]
                count = min(budget, leader.length - leader.computed)
                ends = leader.computed + count == leader.length
                samples = tuple(job.answers) if ends else ()
                chunks.append(Chunk(leader, leader.computed, count, samples))
                budget -= count
        return chunks

    def admit(self) -> None:
        """Move requests from the line to the running ones, up to the first that does not fit."""
        while self.waiting:
            job = self.waiting[0]
            size = self.blocks_for(job)
            crowded = self.active + job.choices > self.limits.max_running
            if crowded or job.choices * size > len(self.pool.free):
                return
            self.waiting.popleft()
            self.queued_tokens -= job.tokens
            job.answers = [
                Answer(job, index, self.pool.take(size), length=job.prompt_tokens)
                for index in range(job.choices)
            ]
            self.running.append(job)

    def complete(self, chunk: Chunk) -> None:
        """Note that a chunk is in the cache: its own answer's and, at the end of a prompt, that
        of every answer that draws from it."""
        for answer in (chunk.answer, *chunk.samples):
            answer.computed = chunk.start + chunk.count
        chunk.answer.job.prefilled = bool(chunk.samples)

    def extend(self, answer: Answer) -> None:
        """Note that an answer has one more token, not yet in the cache."""
        answer.length += 1

    def finish(self, answer: Answer) -> None:
        """Free the blocks and the slot of an answer that has ended."""
        job = answer.job
        job.answers.remove(answer)
        self.pool.give(answer.blocks)
        if not job.answers:
            self.running.remove(job)

    def cancel(self, request: str) -> bool:
        """Forget a request, waiting or running, and free all it holds; False if unknown."""
        for job in self.waiting:
            if job.id == request:
                self.waiting.remove(job)
                self.queued_tokens -= job.tokens
                return True
        for job in self.running:
            if job.id == request:
                for answer in list(job.answers):
                    self.finish(answer)
                return True
        return False

    def expire(self, now: float) -> list[str]:
        """Forget the requests that have waited past their deadline; returns their ids."""
        late = [job.id for job in self.waiting if job.deadline <= now]
        for request in late:
            self.cancel(request)
        return late

    def check(self) -> None:
        """Raise AssertionError unless every block is free or owned exactly once and every count
        agrees with what it counts."""
        answers = [answer for job in self.running for answer in job.answers]
        owned = [block for answer in answers for block in answer.blocks]
        if sorted([*owned, *self.pool.free]) != list(range(self.pool.count)):
            raise AssertionError("a block is lost, or owned twice")
        if self.queued_tokens != sum(job.tokens for job in self.waiting):
            raise AssertionError("the queue's token count is wrong")
        if self.active > self.limits.max_running:
            raise AssertionError("more answers are running than allowed")
        for answer in answers:
            room = len(answer.blocks) * self.limits.block_tokens
            if not answer.computed <= answer.length <= room:
                raise AssertionError("an answer has outgrown its blocks")
