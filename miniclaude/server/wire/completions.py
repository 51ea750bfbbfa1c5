"""`POST /completions`: raw prompts, in the older of the OpenAI API's two shapes."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    FinishReason,
    PromptEcho,
    TextDelta,
    Usage,
)
from miniclaude.providers.base import CompletionRequest
from miniclaude.providers.local import MAX_TOKENS
from miniclaude.server.disconnect import closing
from miniclaude.server.wire import told
from miniclaude.server.wire.answers import Head, Json, clamp_logprob, incomplete, usage_json
from miniclaude.server.wire.chat import refuse_unimplemented
from miniclaude.server.wire.sampling import ModelName, SamplingFields, StreamOptions, end_user

MAX_PROMPTS = 128
MAX_PROMPT_TOKENS = 1_000_000
MAX_TOKEN_ID = 2**31 - 1

CHARACTERS_PER_TOKEN = 4
"""Roughly: whether too much is asked of texts is guessed before anybody tokenises them. What is
told in the end is counted."""

FEWER = "Lower logprobs, n, max_tokens or the length and number of prompts, or leave echo out."

NOT_IMPLEMENTED: dict[str, tuple[object, ...]] = {
    "best_of": (1,),
    "suffix": ("",),
}
"""Fields of the OpenAI API that we do not implement, and the values that ask for nothing."""

Prompt = str | tuple[int, ...]


def prompts_schema(most: int, shortest: int) -> Json:
    """The JSON schema of what `read_prompts` reads. shortest: characters of a text."""
    text = {"type": "string", "minLength": shortest}
    token = {"type": "integer", "minimum": 0, "maximum": MAX_TOKEN_ID}
    tokens = {"type": "array", "items": token, "minItems": 1, "maxItems": MAX_PROMPT_TOKENS}
    several = (
        {"type": "array", "items": i, "minItems": 1, "maxItems": most} for i in (text, tokens)
    )
    return {"anyOf": [text, tokens, *several]}


class CompletionBody(SamplingFields):
    """A raw completion request. prompts: one or several, each as text or token ids.

    logprobs: how many alternatives to report, as this shape counts them. echo: say the prompt back
    first, with its log probabilities where these are asked for; `max_tokens` may be 0 then.
    """

    model: ModelName
    prompt: Annotated[tuple[Prompt, ...], WithJsonSchema(prompts_schema(MAX_PROMPTS, 0))]
    max_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Annotated[str, StringConstraints(max_length=512)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unimplemented(cls, data: object) -> object:
        return refuse_unimplemented(data, NOT_IMPLEMENTED)

    @field_validator("prompt", mode="before")
    @classmethod
    def _prompts(cls, value: object) -> tuple[Prompt, ...]:
        """The four forms a prompt may have."""
        return read_prompts(value, MAX_PROMPTS)

    @property
    def include_usage(self) -> bool:
        """Whether the stream ends with the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def choices(self) -> int:
        """How many answers there will be: `n` for each prompt, in the order of the prompts."""
        return self.n * len(self.prompt)

    def completion_requests(self, model: str) -> list[CompletionRequest]:
        """One for each prompt, as the providers know them; `model` is the bare name.

        Raises InvalidRequestError for an answer of no tokens that says nothing of its prompt, and
        for one of too many log probabilities.
        """
        if self.max_tokens == 0 and not self.echo:
            raise InvalidRequestError(
                "max_tokens: 0 goes with echo only; otherwise there is nothing to answer.",
                hint="Ask for at least one token, or set echo to true.",
                param="max_tokens",
            )
        if self.logprobs is not None:
            told.require_few(self._may_tell(1 + self.logprobs), FEWER)
        settings = self.settings(self.max_tokens, self.logprobs)
        user = end_user(self.user)
        return [CompletionRequest(model, prompt, settings, user) for prompt in self.prompt]

    def _may_tell(self, each: int) -> int:
        """About how many log probabilities the answer may hold. each: of one token."""
        longest = MAX_TOKENS if self.max_tokens is None else self.max_tokens
        tokens = len(self.prompt) * longest
        if self.echo:
            tokens += sum(
                len(prompt) // CHARACTERS_PER_TOKEN if isinstance(prompt, str) else len(prompt)
                for prompt in self.prompt
            )
        return self.n * tokens * each


def read_prompts(value: object, most: int) -> tuple[Prompt, ...]:
    """Up to `most` of them from text, texts, token ids or lists of token ids. Raises ValueError."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise ValueError("must be text, token ids, or a list of either that is not empty")
    if all(isinstance(item, str) for item in value):
        prompts: list[Prompt] = list(value)
    elif _is_tokens(value):
        prompts = [tuple(value)]
    elif all(_is_tokens(item) for item in value):
        prompts = [tuple(item) for item in value]
    else:
        raise ValueError("must hold either texts only or token ids (0 or more) only")
    if len(prompts) > most:
        raise ValueError(f"holds more than {most} of them")
    return tuple(prompts)


def _is_tokens(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_PROMPT_TOKENS
        and all(type(item) is int and 0 <= item <= MAX_TOKEN_ID for item in value)
    )


@dataclass(slots=True)
class _Choice:
    """What there is of a choice."""

    echo: PromptEcho | None = None
    text: list[str] = field(default_factory=list)
    logprobs: list[ChosenLogprob] = field(default_factory=list)
    finish: FinishReason | None = None


class _Place:
    """Where in a text its tokens begin. A character may have several: each stands at its start."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0

    def step(self, token: bytes) -> int:
        """The place of the token that comes next."""
        begun, _ = self._decoder.getstate()
        if begun and token[:1] and not 0x80 <= token[0] < 0xC0:  # that was no character
            self._offset += len(self._decoder.decode(b"", True))
        place = self._offset
        self._offset += len(self._decoder.decode(token))
        return place


def _logprobs_json(
    entries: Iterable[ChosenLogprob], place: _Place, echo: PromptEcho | None = None
) -> Json:
    """The older shape: columns. place: where the first entry begins. echo: the prompt that comes
    before them; its first token has no probability, and so null."""
    columns: Json = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    if echo is not None:
        columns = {
            "tokens": [echo.first],
            "token_logprobs": [None],
            "top_logprobs": [None],
            "text_offset": [place.step(_first_bytes(echo))],
        }
        entries = (*echo.logprobs, *entries)
    for entry in entries:
        columns["tokens"].append(entry.chosen.token)
        columns["token_logprobs"].append(clamp_logprob(entry.chosen.logprob))
        # Bytes that are no characters look alike; the likeliest comes first and stays.
        tops: dict[str, float] = {}
        for top in entry.top:
            tops.setdefault(top.token, clamp_logprob(top.logprob))
        columns["top_logprobs"].append(tops)
        columns["text_offset"].append(place.step(entry.chosen.token_bytes))
    return columns


def _first_bytes(echo: PromptEcho) -> bytes:
    """Of a prompt's first token, which may be a piece of a character."""
    if "\ufffd" not in echo.first:
        return echo.first.encode()
    text = echo.text.encode()
    return text[: len(text) - sum(len(entry.chosen.token_bytes) for entry in echo.logprobs)]


def _choice_json(index: int, text: str, finish: FinishReason | None, logprobs: Json | None) -> Json:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}


async def completion_chunks(
    head: Head,
    events: AsyncIterator[CompletionEvent],
    *,
    choices: int,
    include_usage: bool,
    with_logprobs: bool,
) -> AsyncGenerator[Json, None]:
    """The chunks of a stream; chunks and whole answers have the same shape.

    Raises what `events` raises, and ProviderError when it ends early.
    """

    def chunk(choice: Json) -> Json:
        body = {**head.json("text_completion"), "choices": [choice]}
        return {**body, "usage": None} if include_usage else body

    places = [_Place() for _ in range(choices)]
    open_choices = set(range(choices))
    async with closing(events):
        async for event in events:
            if isinstance(event, PromptEcho):
                place = places[event.index]
                logprobs = _logprobs_json((), place, event) if with_logprobs else None
                yield chunk(_choice_json(event.index, event.text, None, logprobs))
            elif isinstance(event, TextDelta):
                logprobs = None
                if event.logprobs:
                    logprobs = _logprobs_json(event.logprobs, places[event.index])
                yield chunk(_choice_json(event.index, event.text, None, logprobs))
            elif isinstance(event, Finished):
                open_choices.discard(event.index)
                yield chunk(_choice_json(event.index, "", event.reason, None))
            elif isinstance(event, Usage) and include_usage:
                usage = usage_json(event)
                yield {**head.json("text_completion"), "choices": [], "usage": usage}
    if open_choices:
        raise incomplete("a finish reason")


async def completion(
    head: Head, events: AsyncIterator[CompletionEvent], *, choices: int, with_logprobs: bool
) -> Json:
    """The whole answer at once.

    Raises what `events` raises, ProviderError when it ends early, and InvalidRequestError as soon
    as it holds too many log probabilities.
    """
    answers = [_Choice() for _ in range(choices)]
    usage: Usage | None = None
    many = 0
    async with closing(events):
        async for event in events:
            if isinstance(event, Usage):
                usage = event
            elif isinstance(event, PromptEcho):
                answers[event.index].echo = event
                answers[event.index].text.append(event.text)
                many += told.count(event.logprobs)
            elif isinstance(event, TextDelta):
                answers[event.index].text.append(event.text)
                answers[event.index].logprobs.extend(event.logprobs)
                many += told.count(event.logprobs)
            elif isinstance(event, Finished):
                answers[event.index].finish = event.reason
            if with_logprobs:
                told.require_few(many, FEWER)
    if usage is None or any(answer.finish is None for answer in answers):
        raise incomplete("a finish reason for every choice and a token count")
    if with_logprobs and many > told.MANY_TOLD:
        written = await asyncio.to_thread(_choices_json, answers, with_logprobs)
    else:
        written = _choices_json(answers, with_logprobs)
    return {
        **head.json("text_completion"),
        "choices": written,
        "usage": usage_json(usage),
        "system_fingerprint": None,
    }


def _choices_json(answers: Iterable[_Choice], with_logprobs: bool) -> list[Json]:
    return [
        _choice_json(
            index,
            "".join(answer.text),
            answer.finish,
            _logprobs_json(answer.logprobs, _Place(), answer.echo) if with_logprobs else None,
        )
        for index, answer in enumerate(answers)
    ]
