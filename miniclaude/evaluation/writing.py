"""Answers to prompts, many at once, by the engine that serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.errors import MiniClaudeError
from miniclaude.evaluation.held_out import Prompt
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.tokenizer import Tokenizer

Write = Callable[[Sequence[Prompt]], Sequence[str]]
"""One answer for each prompt, in order."""


def write_with(model: Transformer, tokenizer: Tokenizer, max_tokens: int = 128) -> Write:
    """A writer of the likeliest answers (greedy), each of at most `max_tokens` tokens.

    A prompt that leaves no room in the context, or that the chat template refuses, gets the answer
    "". The model is in eval mode while it writes.
    """

    def write(prompts: Sequence[Prompt]) -> list[str]:
        context = model.config.context
        requests = []
        for index, prompt in enumerate(prompts):
            try:
                ids = encode_chat(tokenizer, prompt.messages, prompt.tools)
            except MiniClaudeError:
                continue
            room = min(max_tokens, context - len(ids))
            if room > 0:
                sampling = Sampling(max_tokens=room, temperature=0.0)
                requests.append(GenerationRequest(str(index), tuple(ids), sampling))
        return _answers(model, tokenizer, requests, len(prompts))

    return write


def _answers(
    model: Transformer, tokenizer: Tokenizer, requests: Sequence[GenerationRequest], count: int
) -> list[str]:
    texts = [""] * count
    if not requests:
        return texts
    needed = [len(request.prompt) + request.sampling.max_tokens for request in requests]
    running = min(16, len(requests))
    limits = EngineLimits(
        kv_tokens=sum(sorted(needed)[-running:]) + 16 * running,
        max_running=running,
        max_queued_tokens=sum(needed),
    )
    training = model.training
    # Nobody waits for these answers, so none is late: the clock stands still.
    engine = Engine(model.eval(), tokenizer, limits, clock=lambda: 0.0)
    try:
        for request in requests:
            engine.submit(request)
        while not engine.idle:
            for output in engine.step():
                texts[int(output.id)] += output.text
    finally:
        model.train(training)
    return texts
