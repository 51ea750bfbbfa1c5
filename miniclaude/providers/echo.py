"""Says back what it was told: a demo without a model, and a test double that never surprises."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from miniclaude.errors import InvalidRequestError, ModelNotFoundError, UnsupportedFieldError
from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    Message,
    PromptEcho,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    Usage,
)
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo, Settings
from miniclaude.providers.seeing import require_text

MODEL = "echo"
CONTEXT = 131_072
WORD = re.compile(r"\s*\S+|\s+$")

Pace = Callable[[], Awaitable[None]]


def create(options: Mapping[str, object]) -> Echo:
    """Entry point. options: `pace`, an async callable awaited before each word."""
    pace = options.get("pace")
    return Echo(pace=pace) if callable(pace) else Echo()


async def _yield_to_loop() -> None:
    await asyncio.sleep(0)


class Echo:
    """Streams the last user message back, a word a token. Temperature and its kin change nothing,
    for there is nothing to draw."""

    def __init__(self, pace: Pace = _yield_to_loop) -> None:
        self.name = MODEL
        self._pace = pace

    async def models(self) -> list[ModelInfo]:
        """The one model there is."""
        return [ModelInfo(MODEL, 0, "mini-claude", CONTEXT, continues=True)]

    def check(self, model: str) -> None:
        """Raises ModelNotFoundError for any name but `echo`."""
        if model != MODEL:
            raise ModelNotFoundError(
                f"model: the echo provider has no model {model!r}.",
                hint=f"Ask for {MODEL!r}.",
                param="model",
            )

    def version(self, model: str) -> str | None:
        """Its answers never change."""
        self.check(model)
        return MODEL

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Repeat the last user message; nothing at all when there is none."""
        if request.tools and request.tool_choice != "none":
            raise UnsupportedFieldError(
                "tools: the echo model calls no tools.",
                hint="Leave tools out, or choose another model.",
                param="tools",
            )
        if request.structure is not None:
            param = request.structure.param
            raise UnsupportedFieldError(
                f"{param}: the echo model says what it was told, in no other form.",
                hint=f"Leave {param} out, or choose another model.",
                param=param,
            )
        prompt_tokens = await self.count_tokens(request)
        answer = _last_user_text(request.messages)
        if request.continues:
            answer = answer.removeprefix(request.messages[-1].text)
        async for event in self._say(request.model, answer, prompt_tokens, request.settings):
            yield event

    def continues(self, model: str) -> bool:
        """With the words that are left."""
        return True

    async def count_tokens(self, request: ChatRequest) -> int:
        """Words."""
        self.check(request.model)
        require_text(request)
        return sum(len(WORD.findall(message.text)) for message in request.messages)

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Repeat the prompt."""
        prompt = _text(request)
        prompt_tokens = len(WORD.findall(prompt))
        async for event in self._say(request.model, prompt, prompt_tokens, request.settings):
            yield event

    async def complete_with_prompt(
        self, request: CompletionRequest
    ) -> AsyncGenerator[CompletionEvent, None]:
        """Say the prompt, then repeat it."""
        settings, prompt = request.settings, _text(request)
        first, *others = WORD.findall(prompt) or [""]
        told = () if settings.logprobs is None else (_logprob(w, settings.logprobs) for w in others)
        logprobs = tuple(told)
        for index in range(settings.n):
            yield PromptEcho(index, prompt, first, logprobs)
        async for event in self.complete(request):
            yield event

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _say(
        self, model: str, answer: str, prompt_tokens: int, settings: Settings
    ) -> AsyncGenerator[StreamEvent, None]:
        """Every choice gets the same words, side by side, as batched answers come."""
        self.check(model)
        cut, stop_text = _cut_at_stop(answer, settings.stop)
        words = WORD.findall(cut)
        limit = len(words) if settings.max_tokens is None else settings.max_tokens
        for word in words[:limit]:
            await self._pace()
            logprobs = () if settings.logprobs is None else (_logprob(word, settings.logprobs),)
            for index in range(settings.n):
                yield TextDelta(index, word, logprobs)
        await self._pace()
        for index in range(settings.n):
            yield (
                Finished(index, "length")
                if len(words) > limit
                else Finished(index, "stop", stop_text)
            )
        yield Usage(prompt_tokens, settings.n * min(limit, len(words)))


def _text(request: CompletionRequest) -> str:
    if not isinstance(request.prompt, str):
        raise InvalidRequestError(
            "prompt: the echo model has no tokenizer, so token ids mean nothing to it.",
            hint="Send the prompt as text.",
            param="prompt",
        )
    return request.prompt


def _last_user_text(messages: tuple[Message, ...]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            return message.text
    return ""


def _cut_at_stop(text: str, stop: tuple[str, ...]) -> tuple[str, str | None]:
    """The text before the first stop string, and that string."""
    places = [(place, string) for string in stop if (place := text.find(string)) >= 0]
    if not places:
        return text, None
    place, string = min(places)
    return text[:place], string


def _logprob(word: str, alternatives: int) -> ChosenLogprob:
    """The word with probability 1/2, then shouted, mumbled … with 1/4, 1/8 and so on."""
    candidates = [TokenLogprob(word, word.encode(), math.log(0.5))]
    for place in range(1, alternatives):
        other = word + "!" * place
        candidates.append(TokenLogprob(other, other.encode(), math.log(0.5) * (place + 1)))
    return ChosenLogprob(candidates[0], tuple(candidates[:alternatives]))
