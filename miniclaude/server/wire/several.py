"""The answers to several prompts of one request, as one stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import replace

from miniclaude.messages import CompletionEvent, PromptRead, Usage
from miniclaude.server.disconnect import closing

AT_ONCE = 8
"""Prompts of one request that are answered at a time, so that others find room too."""

MAX_UNREAD = 64
"""Events that wait for a reader before the answers wait for it."""


async def in_turn(
    answers: Iterable[AsyncIterator[CompletionEvent]], choices_each: int
) -> AsyncGenerator[CompletionEvent, None]:
    """Several answers one after the other as one: choices numbered on, token counts added up."""
    prompt_tokens = completion_tokens = cached_tokens = 0
    for place, events in enumerate(answers):
        async with closing(events):
            async for event in events:
                if isinstance(event, Usage):
                    prompt_tokens += event.prompt_tokens
                    completion_tokens += event.completion_tokens
                    cached_tokens += event.cached_tokens
                elif not isinstance(event, PromptRead):
                    yield replace(event, index=place * choices_each + event.index)
    yield Usage(prompt_tokens, completion_tokens, cached_tokens)


async def side_by_side(
    answers: Sequence[AsyncIterator[CompletionEvent]], choices_each: int
) -> AsyncGenerator[CompletionEvent, None]:
    """The same, several at a time: the engine reads many prompts faster than one after another.

    The first failure ends them all.
    """
    slots = asyncio.Semaphore(AT_ONCE)
    news: asyncio.Queue[CompletionEvent | Exception | None] = asyncio.Queue(MAX_UNREAD)

    async def follow(place: int) -> None:
        async with slots:
            try:
                async with closing(in_turn([answers[place]], choices_each)) as events:
                    async for event in events:
                        if not isinstance(event, Usage | PromptRead):
                            event = replace(event, index=place * choices_each + event.index)
                        await news.put(event)
            except Exception as error:
                await news.put(error)
            else:
                await news.put(None)

    tasks = [asyncio.create_task(follow(place)) for place in range(len(answers))]
    total, unfinished = Usage(0, 0), len(tasks)
    try:
        while unfinished:
            event = await news.get()
            if isinstance(event, Exception):
                raise event
            if event is None:
                unfinished -= 1
            elif isinstance(event, Usage):
                total = Usage(
                    total.prompt_tokens + event.prompt_tokens,
                    total.completion_tokens + event.completion_tokens,
                    total.cached_tokens + event.cached_tokens,
                )
            else:
                yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    yield total
