"""Which requests the engine takes at all. No torch here."""

from __future__ import annotations

import math
from dataclasses import replace

from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.errors import ContextLengthError, InvalidRequestError

MAX_STOPS = 16
MAX_STOP_CHARACTERS = 1024
MAX_LOGPROBS = 20
MAX_PROMPT_LOGPROBS = 262_144
"""Most log probabilities told of one prompt: its tokens, each with its alternatives."""

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 100.0),
    "top_k": (0, math.inf),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
    "frequency_penalty": (-100.0, 100.0),
    "presence_penalty": (-100.0, 100.0),
    "max_tokens": (1, math.inf),
    "n": (1, math.inf),
}
"""Least and greatest value of each number, both allowed; NaN is within no range."""


def check_request(request: GenerationRequest, vocab_size: int, context: int) -> None:
    """Raise InvalidRequestError naming the setting that is out of range, or ContextLengthError
    when prompt and answer exceed `context` tokens."""
    if request.reading is None:
        check_sampling(request.sampling, vocab_size)
    else:
        check_reading(request, vocab_size)
    prompt, longest = len(request.prompt), request.sampling.max_tokens
    if not prompt:
        raise InvalidRequestError(
            "The prompt is empty.", hint="Send at least one token.", param="prompt"
        )
    if min(request.prompt) < 0 or max(request.prompt) >= vocab_size:
        raise InvalidRequestError(
            f"The prompt holds a token id outside 0 to {vocab_size - 1}.",
            hint="Use the ids of this model's own tokenizer.",
            param="prompt",
        )
    if prompt + longest > context:
        raise ContextLengthError(
            f"The prompt has {prompt} tokens and the answer may have {longest}, together"
            f" {prompt + longest}; the model's context is {context}.",
            hint="Shorten the prompt or ask for fewer tokens.",
            param="max_tokens",
        )


def check_reading(request: GenerationRequest, vocab_size: int) -> None:
    """Raise InvalidRequestError for more of a prompt than is told, and for what `check_sampling`
    refuses, except that no token need be written."""
    sampling, reading = request.sampling, request.reading
    check_sampling(replace(sampling, max_tokens=sampling.max_tokens or 1), vocab_size)
    if reading is None or reading.logprobs is None:
        return
    check_sampling(replace(sampling, max_tokens=1, logprobs=reading.logprobs), vocab_size)
    told = len(request.prompt) * (1 + reading.logprobs)
    if told > MAX_PROMPT_LOGPROBS:
        raise InvalidRequestError(
            f"logprobs: {reading.logprobs} for each of the prompt's {len(request.prompt)} tokens"
            f" are {told:,} log probabilities; at most {MAX_PROMPT_LOGPROBS:,} are told.",
            hint="Ask for fewer alternatives, or send a shorter prompt.",
            param="logprobs",
        )


def check_sampling(sampling: Sampling, vocab_size: int) -> None:
    """Raise InvalidRequestError naming the setting that is out of range."""
    for name, (least, most) in RANGES.items():
        value = getattr(sampling, name)
        if not least <= value <= most:
            bound = f"at least {least}" if most == math.inf else f"from {least} to {most}"
            raise InvalidRequestError(
                f"{name} is {value}.", hint=f"It must be {bound}.", param=name
            )
    if sampling.logprobs is not None and not 0 <= sampling.logprobs <= MAX_LOGPROBS:
        raise InvalidRequestError(
            f"logprobs is {sampling.logprobs}.",
            hint=f"At most {MAX_LOGPROBS} alternatives are reported.",
            param="logprobs",
        )
    if len(sampling.stop) > MAX_STOPS or sum(map(len, sampling.stop)) > MAX_STOP_CHARACTERS:
        raise InvalidRequestError(
            "stop has too many strings, or too long ones.",
            hint=f"At most {MAX_STOPS} strings of {MAX_STOP_CHARACTERS} characters in all.",
            param="stop",
        )
    for token, bias in sampling.logit_bias.items():
        if not 0 <= token < vocab_size or not math.isfinite(bias):
            raise InvalidRequestError(
                f"logit_bias gives token {token} the bias {bias}.",
                hint=f"Token ids are from 0 to {vocab_size - 1}, biases finite numbers.",
                param="logit_bias",
            )
