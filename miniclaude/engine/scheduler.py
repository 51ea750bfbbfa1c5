"""Who computes what in the next step: continuous batching as plain data, no torch.

A request waits in line, is admitted when its whole need of cache blocks can be reserved, has its
prompt computed in chunks, then grows by one token a step until it ends. Requests join and leave at
any step (Yu et al. 2022, Orca); the cache is handed out in blocks (Kwon et al. 2023,
PagedAttention) and prompts are cut so that running answers are never held up (Agrawal et al. 2023,
Sarathi). Users take turns, by the tokens that each was served (see `turns.py`); the requests of one
user are admitted in the order in which they came.

Because the blocks for prompt and answer are reserved at admission, a running request can never run
out of them, and nobody who is running ever has to be evicted. What nobody uses any more is kept for
as long as there is room: a prompt that begins with a text of the same user's that is still there
is computed only from where they differ (prefix caching; see `blocks.py`).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from miniclaude.engine.blocks import BlockPool
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.prefix import BlockKeys
from miniclaude.engine.queued import Queued, called
from miniclaude.engine.reserve import Part, Reserve, Standing
from miniclaude.engine.shares import Prompt, share
from miniclaude.engine.turns import Turns, group_and_user
from miniclaude.errors import ContextLengthError, InvalidRequestError


@dataclass(slots=True, eq=False)
class Job:
    """A request with its `choices` answers: they share the computation of the prompt.

    deadline: when it stops waiting for admission, on whatever clock `expire` is asked by. keys:
    those of the prompt's blocks; None shares nothing. user: whose it is. cached_tokens: how much of
    the prompt was there already at its admission. overtaken: what requests were charged that were
    admitted when it was this one's turn, in tokens.
    """

    id: str
    prompt_tokens: int
    max_tokens: int
    choices: int = 1
    deadline: float = math.inf
    keys: BlockKeys | None = None
    user: str = ""
    answers: list[Answer] = field(default_factory=list)
    prefilled: bool = False
    cached_tokens: int = 0
    overtaken: int = 0

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
    computed: how many of them are in the cache. keys: those of the blocks whose tokens are known.
    published: how many blocks others may find.
    """

    job: Job
    index: int
    blocks: list[int]
    length: int
    computed: int = 0
    keys: BlockKeys | None = None
    published: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """An answer's share of a step: its tokens `start .. start + count - 1`.

    samples: the answers that draw their next token from the chunk's last row: none while the
    prompt goes on, all of the request's answers when the prompt ends, itself later. draft: tokens
    that are only guessed, the last of the chunk (see `speculation.py`).
    """

    answer: Answer
    start: int
    count: int
    samples: tuple[Answer, ...]
    draft: tuple[int, ...] = ()


class Copy(NamedTuple):
    """Blocks whose content goes into the first of others, before anything else is computed."""

    source: list[int]
    target: list[int]


class Scheduler:
    """`plan` a step, compute it, `complete` it, `extend` every answer that drew a token and
    `finish` those that ended; `submit` and `cancel` at any time between.

    blocks: how many there are. keep: how many of them may hold texts that nobody uses now.
    copies: to be made, in order, before the next step is computed. waiting: in the order in which
    they came. turns: what each user was served.
    """

    def __init__(self, limits: EngineLimits, *, blocks: int, keep: int = 0) -> None:
        self.limits = limits
        self.pool = BlockPool(blocks, keep)
        self.copies: deque[Copy] = deque()
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []
        self.queued_tokens = 0
        self.turns = Turns()

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
        self.check_possible(job.choices, job.longest)
        self.waiting.append(job)
        self.queued_tokens += job.tokens
        self.turns.submitted(job.user)
        self.admit()
        full = self.queued_tokens > self.limits.max_queued_tokens
        if full and self.waiting[-1] is job and self.queued().rooms[called(job.user)] < 0:
            self.cancel(job.id)
            raise self.queued().error()

    def check_possible(self, choices: int, longest: int) -> None:
        """Raises ContextLengthError or InvalidRequestError for so many answers of up to so many
        tokens, each with its prompt, that could never be admitted."""
        if choices * -(-longest // self.limits.block_tokens) > self.pool.count:
            asked = f"An answer of up to {longest} tokens, prompt included, exceeds"
            if choices > 1:
                asked = f"{choices} answers of up to {longest} tokens each, prompts included,"
                asked += " exceed"
            raise ContextLengthError(
                f"{asked} the {self.most_tokens} tokens that the engine's cache holds.",
                hint="Ask for a shorter answer or fewer choices, or raise kv_tokens.",
                param="n" if choices > 1 else "max_tokens",
            )
        if choices > self.limits.max_running:
            raise InvalidRequestError(
                f"n is {choices}; the engine writes {self.limits.max_running} answers at once.",
                hint="Ask for fewer choices, or raise max_running.",
                param="n",
            )

    def refuse(self, user: str, choices: int, longest: int) -> None:
        """Raises what `submit` would, were such a request to come now."""
        self.check_possible(choices, longest)
        self.admit()
        self.queued().check(user, choices * longest)

    @property
    def most_tokens(self) -> int:
        """What the cache holds: no request has more."""
        return self.pool.count * self.limits.block_tokens

    def queued(self) -> Queued:
        """What waits, and how much more may: what the queue has left, or the rest of the user's
        even part of it. One user's requests alone keep nobody else's out."""
        most = self.limits.max_queued_tokens
        own = Counter[str]()
        for job in self.waiting:
            own[job.user] += job.tokens
        users = Counter(group_and_user(user)[0] for user in own)  # by group
        left = most - self.queued_tokens
        rooms = {
            called(user): max(left, most // (len(users) * users[group_and_user(user)[0]]) - tokens)
            for user, tokens in own.items()
        }
        return Queued(self.queued_tokens, most, rooms)

    def blocks_for(self, job: Job) -> int:
        """Blocks that one of its answers needs at its longest."""
        return -(-job.longest // self.limits.block_tokens)

    def plan(self) -> list[Chunk]:
        """Admit whom there is room for, in turn, and share out the step's budget: first one token
        for every running answer, then as much of the prompts as still fits (see `shares.py`)."""
        self.admit()
        chunks = [
            Chunk(answer, answer.computed, 1, (answer,))
            for job in self.running
            if job.prefilled
            for answer in job.answers
        ]
        leaders = [job.answers[0] for job in self.running if not job.prefilled]
        leaders.sort(key=lambda leader: self.turns.place(leader.job.user))
        prompts = [
            Prompt(group_and_user(leader.job.user), leader.length - leader.computed)
            for leader in leaders
        ]
        counts = share(self.limits.step_tokens - len(chunks), prompts)
        for leader, prompt, count in zip(leaders, prompts, counts, strict=True):
            if count:
                samples = tuple(leader.job.answers) if count == prompt.left else ()
                chunks.append(Chunk(leader, leader.computed, count, samples))
        return chunks

    def admit(self) -> None:
        """Move requests from the line to the running ones: always the first of the user whose turn
        it is.

        Where that one does not fit, it keeps its turn, and other users' may overtake it; but only
        by as many tokens as it is charged itself. From then on nobody is admitted before it but
        callers who have less running: see `reserve.py`.
        """
        if not self.waiting or self.active >= self.limits.max_running:
            return
        lines: dict[str, deque[Job]] = {}
        for job in self.waiting:
            lines.setdefault(job.user, deque()).append(job)
        admitted: set[Job] = set()
        while (found := self.next_of([line[0] for line in lines.values()])) is not None:
            job, prefix = found
            self.begin(job, prefix)
            admitted.add(job)
            line = lines.pop(job.user)
            line.popleft()
            if line:
                lines[job.user] = line  # behind those of whom as much was served
        if admitted:
            self.waiting = deque(job for job in self.waiting if job not in admitted)

    def next_of(self, heads: list[Job]) -> tuple[Job, list[int]] | None:
        """Which of the users' first requests is admitted next, with the blocks that hold the
        beginning of its prompt already; None where none can be."""
        slots = self.limits.max_running - self.active
        reserve = self.reserve()
        passed: list[tuple[Job, str, Standing]] = []
        for job in sorted(heads, key=self.turn_of) if slots else ():
            caller, _ = group_and_user(job.user)
            prefix = self.find_prefix(job)
            parts = self.parts_of(job, prefix, slots, reserve.held(caller))
            standing = reserve.standing(caller, parts)
            before = [each for each, whose, rank in passed if whose == caller or rank >= standing]
            if reserve.allows(caller, parts) and not any(
                each.overtaken + job.tokens > each.tokens for each in before
            ):
                for each in before:
                    each.overtaken += job.tokens
                return job, prefix
            passed.append((job, caller, standing))
        return None

    def reserve(self) -> Reserve:
        """Who has how much of the slots and of the blocks now."""
        running = (
            (group_and_user(job.user)[0], len(job.answers), sum(len(a.blocks) for a in job.answers))
            for job in self.running
        )
        return Reserve(self.limits.callers, running)

    def parts_of(
        self, job: Job, prefix: list[int], slots: int, held: tuple[int, int]
    ) -> tuple[Part, Part]:
        """What a request needs of the slots, so many of which are free, and of the blocks. held:
        what its caller has of both."""
        blocks = job.choices * self.blocks_for(job)
        taken = self.pool.taken(prefix, blocks)
        return (
            Part(self.limits.max_running, slots, held[0], job.choices, job.choices),
            Part(self.pool.count, self.pool.available, held[1], blocks, taken),
        )

    def turn_of(self, job: Job) -> tuple[float, ...]:
        """The lower, the sooner it is a request's turn."""
        return not job.overtaken, *self.turns.place(job.user)

    def begin(self, job: Job, prefix: list[int]) -> None:
        """Let a request run. prefix: the blocks that hold the beginning of its prompt."""
        size = self.blocks_for(job)
        self.queued_tokens -= job.tokens
        blocks, source = self.pool.reserve(prefix, size, spare=(job.choices - 1) * size)
        if source:
            self.copies.append(Copy(source, blocks[: len(source)]))
        rest = [self.pool.reserve([], size).blocks for _ in range(job.choices - 1)]
        job.cached_tokens = len(prefix) * self.limits.block_tokens
        job.answers = [
            Answer(job, index, own, job.prompt_tokens, keys=job.keys and job.keys.copy())
            for index, own in enumerate([blocks, *rest])
        ]
        job.answers[0].computed = job.cached_tokens
        job.answers[0].published = len(prefix)
        self.running.append(job)
        self.turns.admitted(job.user)
        # Its prompt now, for several may be admitted before any of them is read.
        self.turns.charge(job.user, job.prompt_tokens - job.cached_tokens)

    def find_prefix(self, job: Job) -> list[int]:
        """The blocks that hold the beginning of a prompt already; never all of it, for the last
        token must be computed to draw the next."""
        most = (job.prompt_tokens - 1) // self.limits.block_tokens
        return [] if job.keys is None else self.pool.find(job.keys.keys[:most])

    def complete(self, chunk: Chunk) -> None:
        """Note that a chunk is in the cache: its own answer's and, at the end of a prompt, that
        of every answer that draws from it. Others may use the blocks that are full now."""
        if chunk.answer.job.prefilled:
            self.turns.charge(chunk.answer.job.user, chunk.count)
        for answer in (chunk.answer, *chunk.samples):
            answer.computed = chunk.start + chunk.count
            if answer.keys is not None:
                full = min(answer.computed // self.limits.block_tokens, len(answer.keys.keys))
                for place in range(answer.published, full):
                    self.pool.publish(answer.blocks[place], answer.keys.keys[place])
                answer.published = full
        chunk.answer.job.prefilled = bool(chunk.samples)

    def extend(self, answer: Answer, tokens: Sequence[int] = ()) -> None:
        """Note that an answer has one more token, not yet in the cache. tokens: the whole sequence
        with it, for the keys."""
        answer.length += 1
        if answer.keys is not None:
            answer.keys.cover(tokens)

    def finish(self, answer: Answer) -> None:
        """Free the blocks and the slot of an answer that has ended."""
        job = answer.job
        job.answers.remove(answer)
        self.pool.give(answer.blocks)
        if not job.answers:
            self.running.remove(job)
            self.turns.left(job.user, waiting=False)

    def cancel(self, request: str) -> bool:
        """Forget a request, waiting or running, and free all it holds; False if unknown."""
        for job in self.waiting:
            if job.id == request:
                self.waiting.remove(job)
                self.queued_tokens -= job.tokens
                self.turns.left(job.user, waiting=True)
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
        """Raise AssertionError unless every block is in one state, whoever uses it holds it, nobody
        writes where others read, and every count agrees with what it counts."""
        answers = [answer for job in self.running for answer in job.answers]
        self.pool.check(answer.blocks for answer in answers)
        for answer in answers:
            growing = answer.blocks[answer.computed // self.limits.block_tokens :]
            if any(self.pool.users[b] > 1 or b in self.pool.key_of for b in growing):
                raise AssertionError("a block that is still being written is shared")
        if self.queued_tokens != sum(job.tokens for job in self.waiting):
            raise AssertionError("the queue's token count is wrong")
        self.turns.check(len(self.waiting), len(self.waiting) + len(self.running))
        if self.active > self.limits.max_running:
            raise AssertionError("more answers are running than allowed")
        for answer in answers:
            room = len(answer.blocks) * self.limits.block_tokens
            if not answer.computed <= answer.length <= room:
                raise AssertionError("an answer has outgrown its blocks")
