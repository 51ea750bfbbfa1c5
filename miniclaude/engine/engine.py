"""The step loop's body: plan, compute, draw, tell.

`Engine` ties the parts of this room together and is itself synchronous and single-threaded; the
worker process calls `step` for as long as there is something to do.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from miniclaude.engine.adapters import Adapters, Made, name_of
from miniclaude.engine.admission import check_request
from miniclaude.engine.batch import Scored, pack
from miniclaude.engine.decode import make_decoder
from miniclaude.engine.detokenizer import Detokenizer, Vocabulary, told_token
from miniclaude.engine.draft import Drafter
from miniclaude.engine.draft_check import check_draft_use
from miniclaude.engine.guessing import Guessing
from miniclaude.engine.kv_cache import BlockCache, cache_place
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.live import Live, Writing
from miniclaude.engine.machine import default_kv_tokens, default_prefix_tokens, token_bytes
from miniclaude.engine.matching import Grammars, Matcher
from miniclaude.engine.prefix import BlockKeys, salt
from miniclaude.engine.reading import Reader
from miniclaude.engine.request import EngineFinish, GenerationRequest, Output
from miniclaude.engine.sampling import Drawn, Draws, sample
from miniclaude.engine.scheduler import Answer, Chunk, Job, Scheduler
from miniclaude.engine.speculation import settled, standing
from miniclaude.engine.stop_strings import StopStrings
from miniclaude.errors import InvalidRequestError, MiniClaudeError, OverloadedError
from miniclaude.model.transformer import Transformer

if TYPE_CHECKING:  # its compiler takes a second to import
    from miniclaude.engine.fused import FusedModel


class Engine:
    """Writes many answers at once with one model.

    `submit` and `cancel` between calls of `step`; each step computes at most `limits.step_tokens`
    tokens and says what is new. The model must be in eval mode; `cache_place` says where and in
    what its keys and values are kept. draft: a smaller model of the same vocabulary, in eval mode
    too, that guesses what comes next. Raises SettingsError for a draft where nothing can be
    guessed, for keys in 8 bits where they cannot be, and where a GPU has no room for the cache.
    """

    def __init__(
        self,
        model: Transformer | FusedModel,
        tokenizer: Vocabulary,
        limits: EngineLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        draft: Transformer | FusedModel | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.limits = limits or EngineLimits()
        dtype, device = cache_place(model, self.limits)
        needed = sum(getattr(each, "mapped", 0) for each in (model, draft))
        beside = 0
        if draft is not None:
            beside = token_bytes(draft.config, cache_place(draft, self.limits)[0])
        self.kv_tokens = self.limits.kv_tokens or default_kv_tokens(
            model.config,
            running=self.limits.max_running,
            dtype=dtype,
            device=device,
            needed=needed,
            beside=beside,
        )
        if self.limits.kv_tokens is None and self.kv_tokens < model.config.context:
            print(
                f"kv_tokens: memory is free for {self.kv_tokens:,} tokens, fewer than the model's"
                f" context, {model.config.context:,}; longer texts are refused.",
                file=sys.stderr,
            )
        blocks = -(-self.kv_tokens // self.limits.block_tokens)
        self.cache = BlockCache(
            model.config,
            blocks=blocks,
            block_tokens=self.limits.block_tokens,
            dtype=dtype,
            device=device,
        )
        self.decoder = make_decoder(model, self.cache)
        self.prefix_tokens = default_prefix_tokens(
            self.limits.prefix_tokens,
            self.kv_tokens,
            model.config,
            dtype=dtype,
            device=device,
            needed=needed,
            beside=beside,
        )
        keep = self.prefix_tokens // self.limits.block_tokens
        self.scheduler = Scheduler(self.limits, blocks=blocks, keep=keep)
        self.adapters = Adapters(model, self.limits)
        drafter = None
        if draft is not None:
            check_draft_use(model.config)
            drafter = Drafter(draft, model.config.vocab_size, blocks, self.limits, clock)
        self.guessing = Guessing(model.config, self.limits, drafter)
        self.clock = clock
        self.grammars = Grammars(tokenizer, model.config.vocab_size)
        self.live: dict[str, Live] = {}
        self.notices: list[Output] = []
        self.given_up: dict[str, MiniClaudeError] = {}

    @property
    def idle(self) -> bool:
        """The next step would have nothing to do or to tell."""
        return self.scheduler.idle and not self.notices and not self.given_up

    def submit(
        self,
        request: GenerationRequest,
        matcher: Matcher | None = None,
        adapter: Made | None = None,
        deadline: float | None = None,
    ) -> None:
        """Take a request on. matcher, adapter: its grammar compiled and its adapter read, by
        another thread; else it is done here and now. deadline: of its wait, by `clock`; None
        begins to wait now.

        Raises InvalidRequestError for a setting out of range or an id in use, ContextLengthError
        when prompt and answer exceed the model's context or all its answers the cache, and
        OverloadedError when too much is waiting or every adapter in memory is in use; and what
        loading its adapter raises: CheckpointError.
        """
        check_request(request, self.model.config.vocab_size, self.model.config.context)
        if request.id in self.live:
            raise InvalidRequestError(
                f"A request with the id {request.id!r} is already being answered.",
                hint="Give every request an id of its own.",
                param="id",
            )
        if matcher is None and request.grammar is not None:
            matcher = self.grammars.compile(request.grammar)
        s = request.sampling
        if deadline is None:
            deadline = self.clock() + self.limits.max_wait_seconds
        # A reader has to see every token of its prompt.
        keyed = self.prefix_tokens and request.reading is None
        keys = self.keys(request) if keyed else None
        job = Job(request.id, len(request.prompt), s.max_tokens, s.n, deadline, keys, request.user)
        self.adapters.hold(request.adapter, adapter, request.user)
        try:
            self.scheduler.submit(job)
        except BaseException:
            self.adapters.release(request.adapter, request.user)
            raise
        seed = secrets.randbits(63) if s.seed is None else s.seed
        stops = StopStrings(s.stop)
        self.live[request.id] = Live(
            request,
            job,
            {
                index: Writing(
                    list(request.prompt),
                    Draws.begin(s, seed, index, request.prompt),
                    Detokenizer(
                        self.tokenizer,
                        stops,
                        continues=request.continues,
                        shown=request.shown,
                        calls=request.calls,
                    ),
                    matcher and matcher.copy(() if s.ignore_eos else request.ends),
                    *self.guessing.begin(request),
                )
                for index in range(s.n)
            },
            None if request.reading is None else Reader(request, self.model.head),
        )

    def keys(self, request: GenerationRequest) -> BlockKeys:
        """The names under which blocks of this prompt may be known already."""
        keys = BlockKeys(salt(request.user, name_of(request.adapter)), self.limits.block_tokens)
        keys.cover(request.prompt)
        return keys

    def cancel(self, request_id: str) -> None:
        """Stop answering, free slots and blocks at once, and say so in the next step. An id that is
        not known has ended already: nothing happens."""
        if self.scheduler.cancel(request_id):
            self.end(request_id, "cancelled", self.notices)

    def expire(self) -> dict[str, MiniClaudeError]:
        """Forget the requests that have waited too long for admission; say why of these, and of
        those given up since the last call."""
        given_up, self.given_up = self.given_up, {}
        late = self.scheduler.expire(self.clock())
        for request_id in late:
            self.forget(request_id)
        waited = f"The request waited {self.limits.max_wait_seconds} s without its turn coming."
        return given_up | {
            request_id: OverloadedError(waited, hint="Try again later.", retry_after=30)
            for request_id in late
        }

    def give_up(self, request_id: str, error: MiniClaudeError) -> None:
        """Stop answering what cannot be answered, with all its answers; `expire` tells why."""
        self.scheduler.cancel(request_id)
        self.forget(request_id)
        self.given_up[request_id] = error

    def end(
        self,
        request_id: str,
        finish: EngineFinish,
        outputs: list[Output],
        error: str | None = None,
    ) -> None:
        """Forget a request that the scheduler has forgotten; tell each unfinished answer's end."""
        live = self.forget(request_id)
        for index, writing in live.writings.items():
            outputs += live.news(index, writing.text.flush(), finish, error)

    def forget(self, request_id: str) -> Live:
        """A request has ended, and needs its adapter no more."""
        live = self.live.pop(request_id)
        self.adapters.release(live.request.adapter, live.request.user)
        return live

    @torch.inference_mode()
    def step(self) -> list[Output]:
        """Compute one batch and say what is new, cancellations since the last step included."""
        outputs, self.notices = self.notices, []
        chunks = self.scheduler.plan()
        if chunks:
            chunks = self.guessing.add(chunks, self.writing)
            start = self.clock()
            self.compute(chunks, outputs)
            if self.decoder is None or not self.decoder.captured:
                self.guessing.pace.took(chunks, self.clock() - start)
        return outputs

    def compute(self, chunks: Sequence[Chunk], outputs: list[Output]) -> None:
        """One forward pass. If it fails, each chunk is tried alone, so that what only one request
        brings about ends only that one, with all its answers."""
        try:
            drawn = self.forward(chunks)
        except (RuntimeError, MemoryError) as error:  # torch's, out of memory included; NumPy's
            if len(chunks) == 1:
                request_id = chunks[0].answer.job.id
                self.scheduler.cancel(request_id)
                self.end(request_id, "error", outputs, f"The model failed: {error}")
                return
            for chunk in chunks:
                if chunk.answer.job.id in self.live:
                    self.compute([chunk], outputs)
            return
        for chunk in chunks:
            done = settled(chunk, drawn)
            self.scheduler.complete(done)
            self.tell_reading(chunk, outputs)
            self.guessing.checked(self.writing(chunk.answer), chunk, done.count - 1)
        for answer, result in drawn:
            # Else it ended with a token before this one, or was given up.
            if answer in answer.job.answers and answer.job.id in self.live:
                self.take(answer, result, outputs)

    def forward(self, chunks: Sequence[Chunk]) -> list[tuple[Answer, Drawn]]:
        """Run the model over the chunks and draw for those that want a token."""
        while self.scheduler.copies:
            source, target = self.scheduler.copies[0]
            self.cache.copy(source, target, len(source) * self.limits.block_tokens)
            self.scheduler.copies.popleft()
        answers, logits = self.decoded(chunks) or self.computed(chunks)
        if logits is None:
            return []
        for answer in answers:
            writing = self.writing(answer)
            if writing.matcher is not None:
                writing.draws.allowed = writing.matcher.allowed()
        draws = [
            draws
            for chunk in chunks
            for answer in chunk.samples
            for draws in self.guessing.draws(self.writing(answer), chunk)
        ]
        drawn = list(zip(answers, sample(logits, draws), strict=True))
        return standing(chunks, drawn)

    def decoded(self, chunks: Sequence[Chunk]) -> Scored | None:
        """A step by which answers only grow by one token each, where there is a faster way for it:
        the scores of each. None: it is computed as any other."""
        if self.decoder is None:
            return None
        self.decoder.captured = False
        tuned = any(self.live[chunk.answer.job.id].request.adapter for chunk in chunks)
        if tuned or not self.decoder.takes(chunks):
            return None
        self.adapters.assign(())  # else the rows of the step before would have theirs
        ids = [self.writing(chunk.answer).tokens[-1] for chunk in chunks]
        logits = self.decoder.scores(chunks, ids)
        return None if logits is None else (tuple(chunk.answer for chunk in chunks), logits)

    def computed(self, chunks: Sequence[Chunk]) -> Scored:
        """Any step: which answers want a token, and the scores [R, V] of each; None for nobody."""
        lives = [self.live[chunk.answer.job.id] for chunk in chunks]
        known = [self.writing(chunk.answer).tokens for chunk in chunks]
        batch = pack(chunks, known, self.cache, [live.reader is not None for live in lives])
        counts = [chunk.count for chunk in chunks]
        self.adapters.assign(zip(counts, (live.request.adapter for live in lives), strict=True))
        hidden = self.model.hidden(batch.ids, batch.cache)[0]  # [T, W]
        at = 0
        for chunk, live in zip(chunks, lives, strict=True):
            end = chunk.start + chunk.count
            for answer in chunk.samples:
                if answer is not chunk.answer:
                    self.cache.copy(chunk.answer.blocks, answer.blocks, end)
            if live.reader:
                live.reader.read(hidden[at : at + chunk.count], chunk.start)
            at += chunk.count
        return batch.answers, self.model.head(hidden[batch.rows]) if batch.answers else None

    def tell_reading(self, chunk: Chunk, outputs: list[Output]) -> None:
        """What a chunk's reader has found out, if it has one."""
        live = self.live[chunk.answer.job.id]
        if live.reader is None:
            return
        read = live.reader.take()
        if read.logprobs or read.embedding:
            output = live.output(0, "")
            logprobs = tuple(
                told_token(self.tokenizer, drawn.token or 0, drawn) for drawn in read.logprobs
            )
            outputs.append(replace(output, prompt_logprobs=logprobs, embedding=read.embedding))

    def writing(self, answer: Answer) -> Writing:
        """The memory of an answer."""
        return self.live[answer.job.id].writings[answer.index]

    def take(self, answer: Answer, drawn: Drawn, outputs: list[Output]) -> None:
        """Add a drawn token to its answer, and end the answer where it is due."""
        live = self.live[answer.job.id]
        writing = live.writings[answer.index]
        sampling = live.request.sampling
        text = ""
        finish: EngineFinish | None = None
        error: str | None = None
        matcher = writing.matcher
        if matcher is not None and drawn.token is not None:
            matcher.take(drawn.token)
        if matcher is not None and matcher.error is not None:
            self.give_up(answer.job.id, matcher.error)
            return
        if sampling.max_tokens == 0:  # the prompt was only to be read
            finish = "length"
        elif drawn.token is None:
            finish, error = "error", "The model's scores are not numbers."
        else:
            writing.tokens.append(drawn.token)
            writing.draws.took(drawn.token)
            ends = live.request.ends or self.tokenizer.eos_ids
            bound = matcher is not None and drawn.token in self.tokenizer.eos_ids
            ended = bound or (drawn.token in ends and not sampling.ignore_eos)
            # Who compares prompts counts the entries: one more than the prompt has tokens.
            if sampling.logprobs is not None and (live.reader is not None or not ended):
                entry = told_token(self.tokenizer, drawn.token, drawn)
                writing.telling.add(writing.text.come, entry)
            if ended:
                finish = "stop"
            else:
                text = writing.text.push(drawn.token)
                if writing.text.stopped or (matcher is not None and matcher.complete):
                    finish = "stop"
                elif writing.draws.count == sampling.max_tokens:
                    finish = "length"
        if finish is not None:
            text += writing.text.flush()
            if writing.text.stopped and error is None:
                finish = "stop"
        outputs += live.news(answer.index, text, finish, error)
        if finish is None:
            self.scheduler.extend(answer, writing.tokens)
            return
        self.scheduler.finish(answer)
        del live.writings[answer.index]
        if not live.writings:
            self.forget(answer.job.id)
