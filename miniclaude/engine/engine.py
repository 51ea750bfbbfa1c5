"""The step loop's body: plan, compute, draw, tell.

`Engine` ties the parts of this room together and is itself synchronous and single-threaded; the
worker process calls `step` for as long as there is something to do.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from miniclaude.engine.admission import check_request
from miniclaude.engine.batch import pack
from miniclaude.engine.detokenizer import Detokenizer, Vocabulary
from miniclaude.engine.kv_cache import BlockCache
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.machine import default_kv_tokens
from miniclaude.engine.request import (
    ChosenToken,
    EngineFinish,
    GenerationRequest,
    Output,
    TokenInfo,
)
from miniclaude.engine.sampling import Drawn, Draws, sample
from miniclaude.engine.scheduler import Answer, Chunk, Job, Scheduler
from miniclaude.engine.stop_strings import StopStrings
from miniclaude.errors import InvalidRequestError, OverloadedError
from miniclaude.model.transformer import Transformer

if TYPE_CHECKING:  # its compiler takes a second to import
    from miniclaude.engine.fused import FusedModel


@dataclass(slots=True, eq=False)
class Writing:
    """What is remembered of one answer. tokens: the prompt's and the answer's."""

    tokens: list[int]
    draws: Draws
    text: Detokenizer


@dataclass(slots=True, eq=False)
class Live:
    """A request between `submit` and its end; the writings of its unfinished answers by index."""

    request: GenerationRequest
    writings: dict[int, Writing]


class Engine:
    """Writes many answers at once with one model.

    `submit` and `cancel` between calls of `step`; each step computes at most `limits.step_tokens`
    tokens and says what is new. The model must be in eval mode; `cache_place` says where and in
    what its keys and values are kept.
    """

    def __init__(
        self,
        model: Transformer | FusedModel,
        tokenizer: Vocabulary,
        limits: EngineLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.limits = limits or EngineLimits()
        dtype, device = cache_place(model)
        self.kv_tokens = self.limits.kv_tokens or default_kv_tokens(
            model.config,
            running=self.limits.max_running,
            dtype=dtype,
            device=device,
        )
        blocks = -(-self.kv_tokens // self.limits.block_tokens)
        self.cache = BlockCache(
            model.config,
            blocks=blocks,
            block_tokens=self.limits.block_tokens,
            dtype=dtype,
            device=device,
        )
        self.scheduler = Scheduler(self.limits, blocks=blocks)
        self.clock = clock
        self.live: dict[str, Live] = {}
        self.notices: list[Output] = []

    @property
    def idle(self) -> bool:
        """The next step would have nothing to do or to tell."""
        return self.scheduler.idle and not self.notices

    def submit(self, request: GenerationRequest) -> None:
        """Take a request on.

        Raises InvalidRequestError for a setting out of range or an id in use, ContextLengthError
        when prompt and answer exceed the model's context or all its answers the cache, and
        OverloadedError when too much is waiting.
        """
        check_request(request, self.model.config.vocab_size, self.model.config.context)
        if request.id in self.live:
            raise InvalidRequestError(
                f"A request with the id {request.id!r} is already being answered.",
                hint="Give every request an id of its own.",
                param="id",
            )
        s = request.sampling
        deadline = self.clock() + self.limits.max_wait_seconds
        self.scheduler.submit(Job(request.id, len(request.prompt), s.max_tokens, s.n, deadline))
        seed = secrets.randbits(63) if s.seed is None else s.seed
        stops = StopStrings(s.stop)
        self.live[request.id] = Live(
            request,
            {
                index: Writing(
                    list(request.prompt),
                    Draws.begin(s, seed, index, request.prompt),
                    Detokenizer(self.tokenizer, stops, continues=request.continues),
                )
                for index in range(s.n)
            },
        )

    def cancel(self, request_id: str) -> None:
        """Stop answering, free slots and blocks at once, and say so in the next step. An id that is
        not known has ended already: nothing happens."""
        if self.scheduler.cancel(request_id):
            self.end(request_id, "cancelled", self.notices)

    def expire(self) -> dict[str, OverloadedError]:
        """Forget the requests that have waited too long for admission, and say why."""
        late = self.scheduler.expire(self.clock())
        for request_id in late:
            del self.live[request_id]
        waited = f"The request waited {self.limits.max_wait_seconds} s without its turn coming."
        return {
            request_id: OverloadedError(waited, hint="Try again later.", retry_after=30)
            for request_id in late
        }

    def end(
        self,
        request_id: str,
        finish: EngineFinish,
        outputs: list[Output],
        error: str | None = None,
    ) -> None:
        """Forget a request that the scheduler has forgotten; tell each unfinished answer's end."""
        live = self.live.pop(request_id)
        for index, writing in live.writings.items():
            outputs.append(self.output(live, index, writing, "", finish=finish, error=error))

    @torch.inference_mode()
    def step(self) -> list[Output]:
        """Compute one batch and say what is new, cancellations since the last step included."""
        outputs, self.notices = self.notices, []
        chunks = self.scheduler.plan()
        if chunks:
            self.compute(chunks, outputs)
        return outputs

    def compute(self, chunks: Sequence[Chunk], outputs: list[Output]) -> None:
        """One forward pass. If it fails, each chunk is tried alone, so that what only one request
        brings about ends only that one, with all its answers."""
        try:
            drawn = self.forward(chunks)
        except RuntimeError as error:  # what torch raises, out of memory included
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
            self.scheduler.complete(chunk)
        for answer, result in drawn:
            self.take(answer, result, outputs)

    def forward(self, chunks: Sequence[Chunk]) -> list[tuple[Answer, Drawn]]:
        """Run the model over the chunks and draw for those that want a token."""
        batch = pack(chunks, [self.writing(chunk.answer).tokens for chunk in chunks], self.cache)
        hidden = self.model.hidden(batch.ids, batch.cache)[0]  # [T, W]
        for chunk in chunks:
            for answer in chunk.samples:
                if answer is not chunk.answer:
                    end = chunk.start + chunk.count
                    self.cache.copy(chunk.answer.blocks, answer.blocks, end)
        if not batch.answers:
            return []
        logits = self.model.head(hidden[batch.rows])  # [R, V]
        draws = [self.writing(answer).draws for answer in batch.answers]
        return list(zip(batch.answers, sample(logits, draws), strict=True))

    def writing(self, answer: Answer) -> Writing:
        """The memory of an answer."""
        return self.live[answer.job.id].writings[answer.index]

    def take(self, answer: Answer, drawn: Drawn, outputs: list[Output]) -> None:
        """Add a drawn token to its answer, and end the answer where it is due."""
        live = self.live[answer.job.id]
        writing = live.writings[answer.index]
        sampling = live.request.sampling
        text = ""
        logprobs: tuple[ChosenToken, ...] = ()
        finish: EngineFinish | None = None
        error: str | None = None
        if drawn.token is None:
            finish, error = "error", "The model's scores are not numbers."
        else:
            writing.tokens.append(drawn.token)
            writing.draws.took(drawn.token)
            if drawn.token in self.tokenizer.eos_ids and not sampling.ignore_eos:
                finish = "stop"
            else:
                text = writing.text.push(drawn.token)
                if sampling.logprobs is not None:
                    logprobs = (self.chosen(drawn.token, drawn),)
                if writing.text.stopped:
                    finish = "stop"
                elif writing.draws.count == sampling.max_tokens:
                    finish = "length"
            if finish is not None:
                text += writing.text.flush()
        if text or logprobs or finish:
            outputs.append(self.output(live, answer.index, writing, text, logprobs, finish, error))
        if finish is None:
            self.scheduler.extend(answer)
            return
        self.scheduler.finish(answer)
        del live.writings[answer.index]
        if not live.writings:
            del self.live[answer.job.id]

    def chosen(self, token: int, drawn: Drawn) -> ChosenToken:
        """A draw's log probabilities, with the tokens' bytes."""
        return ChosenToken(
            TokenInfo(token, self.tokenizer.token_bytes(token), drawn.logprob),
            tuple(
                TokenInfo(other, self.tokenizer.token_bytes(other), logprob)
                for other, logprob in drawn.top
            ),
        )

    def output(
        self,
        live: Live,
        index: int,
        writing: Writing,
        text: str,
        logprobs: tuple[ChosenToken, ...] = (),
        finish: EngineFinish | None = None,
        error: str | None = None,
    ) -> Output:
        """An Output with the counts filled in."""
        prompt = len(live.request.prompt)
        return Output(
            live.request.id,
            index,
            text,
            logprobs,
            finish,
            error,
            prompt_tokens=prompt,
            completion_tokens=len(writing.tokens) - prompt,
        )


def cache_place(model: Transformer | FusedModel) -> tuple[torch.dtype, torch.device]:
    """In what number format and where a model's keys and values are kept."""
    if isinstance(model, Transformer):
        return model.tokens.weight.dtype, model.tokens.weight.device
    return model.cache_dtype, model.device
