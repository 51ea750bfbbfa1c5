"""Local models that read and do not write: embeddings."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from miniclaude.engine.request import GenerationRequest, Output, Reading, Sampling
from miniclaude.errors import ContextLengthError, EngineError, InvalidRequestError
from miniclaude.providers.abilities import Embeddings
from miniclaude.providers.loaded import LoadedModel

AT_ONCE = 16
"""Texts of one request that the engine is given at a time, so that others find room too."""

TOKENS_AT_ONCE = 1024
"""And how many tokens they have together, unless one alone has more. The engine reads prompts in
the order they came in, so this is how long somebody else's waits for a batch of any length."""

MAX_CHARACTERS_PER_TOKEN = 128
"""The longest tokens of real vocabularies, runs of spaces, have about as many."""


async def embed_texts(
    loaded: LoadedModel, inputs: Sequence[str | tuple[int, ...]], user: str = ""
) -> Embeddings:
    """A vector for each input, several read at once, in the turns of this user."""
    reading: dict[asyncio.Task[Output], int] = {}
    outputs: list[asyncio.Task[Output]] = []
    # No asyncio.TaskGroup: at a failure it cancels its own task, which the scopes of anyio that the
    # server runs us in take for the client's leaving.
    try:
        for place, given in enumerate(inputs):
            prompt = await read_input(loaded, given, f"input[{place}]")
            while reading and (
                len(reading) == AT_ONCE or sum(reading.values()) + len(prompt) > TOKENS_AT_ONCE
            ):
                done, _ = await asyncio.wait(reading, return_when="FIRST_COMPLETED")
                for task in done:
                    del reading[task]
                    task.result()  # raises what it raised
            outputs.append(asyncio.create_task(_embed(loaded, prompt, user)))
            reading[outputs[-1]] = len(prompt)
        found = await asyncio.gather(*outputs)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    tokens = sum(output.prompt_tokens for output in found)
    return Embeddings(tuple(output.embedding for output in found), tokens)


async def read_input(
    loaded: LoadedModel, given: str | tuple[int, ...], field: str
) -> tuple[int, ...]:
    """A text as ids. Raises InvalidRequestError and ContextLengthError, naming the field."""
    holds, where, hint = loaded.info.context, "the model's context", "Cut it into shorter texts."
    if loaded.info.kv_tokens < holds:
        holds, where = loaded.info.kv_tokens, "the engine's cache (kv_tokens)"
        hint = "Cut it into shorter texts, or raise kv_tokens."
    if isinstance(given, str):
        if len(given) > holds * MAX_CHARACTERS_PER_TOKEN:
            raise ContextLengthError(
                f"{field}: it has {len(given):,} characters, more than the {holds:,} tokens of"
                f" {where} can hold.",
                hint=hint,
                param=field,
            )
        ids = tuple(await asyncio.to_thread(loaded.tokenizer.encode_prompt, given))
    else:
        ids = given
    if not ids:
        raise InvalidRequestError(
            f"{field}: it is empty, and this model has no token to begin a text with.",
            hint="Send at least one character.",
            param=field,
        )
    if len(ids) > holds:
        raise ContextLengthError(
            f"{field}: it has {len(ids):,} tokens; {where} holds {holds:,}.",
            hint=hint,
            param=field,
        )
    if min(ids) < 0 or max(ids) >= loaded.info.vocab_size:
        raise InvalidRequestError(
            f"{field}: it holds a token id outside 0 to {loaded.info.vocab_size - 1}.",
            hint="Use the ids of this model's own tokenizer.",
            param=field,
        )
    return ids


async def _embed(loaded: LoadedModel, prompt: tuple[int, ...], user: str) -> Output:
    """The output that holds the prompt's embedding."""
    sampling = Sampling(max_tokens=0, temperature=0.0)
    request = GenerationRequest(
        secrets.token_hex(8), prompt, sampling, reading=Reading(embedding=True), user=user
    )
    found: Output | None = None
    outputs = cast("AsyncGenerator[Output, None]", loaded.submit(request))
    async with aclosing(outputs):
        async for output in outputs:
            found = output if output.embedding else found
            if output.finish == "error":
                raise EngineError(
                    f"The text could not be read: {(output.error or 'for no reason').rstrip('.')}.",
                    hint="Ask again.",
                )
    if found is None:
        raise EngineError("The engine gave no embedding.", hint="Ask again.")
    return found
