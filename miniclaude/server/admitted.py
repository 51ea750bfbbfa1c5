"""A provider as the routes see it: its answers are counted, charged and measured."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar, cast

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.messages import CompletionEvent, ImagePart, StreamEvent, Usage
from miniclaude.pictures import ABOUT_TOKENS
from miniclaude.providers.abilities import (
    ContinuesAnswers,
    CountsTokens,
    EchoesPrompts,
    EmbeddingRequest,
    Embeddings,
    Embeds,
    KnowsTools,
    Sees,
)
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo, Provider, Settings
from miniclaude.providers.local import MAX_TOKENS
from miniclaude.providers.seeing import blind, first_image
from miniclaude.server.answer_cache import HEADER, CachedAnswers
from miniclaude.server.disconnect import closing
from miniclaude.server.limits import Admission, Arrival
from miniclaude.server.metrics import Meter
from miniclaude.server.quotas import OWNER, Quota
from miniclaude.server.sse import to_json
from miniclaude.server.wire.in_order import in_order

CHARACTERS_PER_TOKEN = 4
"""Roughly, in most languages and vocabularies: what a prompt will cost is guessed before anybody
tokenises it, and put right when the answer has ended."""

Event = TypeVar("Event", bound=CompletionEvent)
Join = Callable[[Sequence[AsyncIterator[CompletionEvent]], int], AsyncIterator[CompletionEvent]]


class Admitted:
    """A provider whose answers are counted. A slot is held from an iterator's first step until it
    ends or is closed. model: the name the caller used. quota: the caller's. caller: whose key it
    is; what is kept of one key's texts is not used for another's. cached: where answers may come
    from; None makes each anew. arrival: the room that was kept for this request. seeing: who takes
    pictures, for those that are sent to somebody who does not."""

    def __init__(
        self,
        provider: Provider,
        admission: Admission,
        model: str = "",
        quota: Quota | None = None,
        caller: str = OWNER,
        cached: CachedAnswers | None = None,
        arrival: Arrival | None = None,
        seeing: Callable[[], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        self.name = provider.name
        self._provider = provider
        self._admission = admission
        self._model = model
        self._quota = quota or Quota()
        self._caller = caller
        self._cached = cached
        self._arrival = arrival
        self._seeing = seeing

    @property
    def headers(self) -> dict[str, str]:
        """What a response says of the answers asked for: whether they came from the cache."""
        return {HEADER: "off" if self._cached is None else self._cached.state}

    async def models(self) -> list[ModelInfo]:
        """The provider's models."""
        return await self._provider.models()

    def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        """Continue a conversation. Raises OverloadedError and RateLimitError at the first step, and
        InvalidRequestError for pictures that the model cannot see."""
        if self._unseen(request) is not None:
            return self._refused(request)
        prompt = _guess_chat(request)
        request = replace(request, user=self._whose(request.user))
        events = self._events("chat", request, lambda: self._provider.chat(request))
        return self._counted(events, prompt, request.settings)

    def complete(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        """Continue a raw prompt. Raises OverloadedError and RateLimitError at the first step."""
        return self._counted(self._completed(request), _guess(request.prompt), request.settings)

    def complete_all(
        self, requests: Sequence[CompletionRequest], join: Join, *, echo: bool
    ) -> AsyncIterator[CompletionEvent]:
        """Continue the raw prompts of one request, admitted once and charged together. join: how
        their events become one stream. echo: say each prompt back first; raises
        UnsupportedFieldError where the provider cannot. Raises OverloadedError and RateLimitError
        at the first step."""
        begin = self._completed_with_prompt if echo else self._completed
        settings = requests[0].settings
        prompt = sum(_guess(request.prompt) for request in requests)
        events = join([begin(request) for request in requests], settings.n)
        return self._counted(events, prompt, settings, len(requests))

    def _completed(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        request = replace(request, user=self._whose(request.user))
        return self._events("complete", request, lambda: self._provider.complete(request))

    def _completed_with_prompt(self, request: CompletionRequest) -> AsyncIterator[CompletionEvent]:
        provider = self._provider
        if not isinstance(provider, EchoesPrompts):
            raise UnsupportedFieldError(
                f"echo: {self.name} does not say prompts back.",
                hint="Leave echo out, or choose a local model.",
                param="echo",
            )
        request = replace(request, user=self._whose(request.user))
        return self._events("echo", request, lambda: provider.complete_with_prompt(request))

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of a conversation. Raises InvalidRequestError where the provider cannot tell.

        No answer is made: what the request takes is the room that was kept when it arrived."""
        if not isinstance(self._provider, CountsTokens):
            raise self._cannot("count tokens", request.model)
        await self._require_sight(request)
        return await self._provider.count_tokens(request)

    async def knows_tools(self, model: str) -> bool:
        """Whether tools may be offered to a model unasked."""
        provider = self._provider
        return isinstance(provider, KnowsTools) and await provider.knows_tools(model)

    def continues(self, model: str) -> bool:
        """Whether the provider goes on with an answer that was cut off."""
        provider = self._provider
        return isinstance(provider, ContinuesAnswers) and provider.continues(model)

    def sees(self, model: str) -> bool:
        """Whether a model takes pictures."""
        return isinstance(self._provider, Sees) and self._provider.sees(model)

    def _unseen(self, request: ChatRequest) -> ImagePart | None:
        """A picture that the model cannot see."""
        image = first_image(request)
        return None if image is None or self.sees(request.model) else image

    async def _require_sight(self, request: ChatRequest) -> None:
        if image := self._unseen(request):
            seeing = [] if self._seeing is None else await self._seeing()
            raise blind(self._model or request.model, image.param, seeing)

    async def _refused(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        await self._require_sight(request)
        return
        yield  # makes this an async generator

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Texts as vectors. Raises InvalidRequestError where the provider gives none,
        OverloadedError and RateLimitError."""
        if not isinstance(self._provider, Embeds):
            raise self._cannot("give embeddings", request.model)
        prompt = sum(_guess(given) for given in request.inputs)
        request = replace(request, user=self._whose(request.user))
        with self._slot(prompt, 0) as meter:
            found = await self._provider.embed(request)
            meter.saw(Usage(found.prompt_tokens, 0))
            return found

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _whose(self, user: str) -> str:
        """The user of a request, as one of this caller's."""
        return f"{self._caller}/{user}" if self._caller else user

    def _cannot(self, what: str, model: str) -> InvalidRequestError:
        return InvalidRequestError(
            f"model: {self.name} does not {what}, so {model!r} cannot be asked to.",
            hint="Choose another model; local ones do.",
            param="model",
            code="unsupported_model",
        )

    def _events(
        self,
        kind: str,
        request: ChatRequest | CompletionRequest,
        make: Callable[[], AsyncIterator[Event]],
    ) -> AsyncIterator[Event]:
        """The provider's or the cache's, in order. kind: which call of the provider `make` is."""
        cached = self._cached
        events = make() if cached is None else cached.ask(self._provider, kind, request, make)
        return cast("AsyncIterator[Event]", in_order(events))

    async def _counted(
        self, events: AsyncIterator[Event], prompt: int, settings: Settings, prompts: int = 1
    ) -> AsyncGenerator[Event, None]:
        answers = prompts * settings.n
        longest = MAX_TOKENS if settings.max_tokens is None else settings.max_tokens
        answer = answers * longest
        if settings.max_tokens is None or settings.as_far_as_fits:
            answer = self._quota.at_most(prompt, answer)
        with self._slot(prompt, answer) as meter:
            async with closing(events):
                async for event in events:
                    meter.saw(event)
                    yield event

    @contextmanager
    def _slot(self, prompt: int, answer: int) -> Generator[Meter, None, None]:
        """Room for one answer, for as long as the block lasts. prompt, answer: tokens that it may
        cost. Raises OverloadedError and RateLimitError."""
        try:
            reserved = self._quota.reserve(prompt + answer)
            try:
                self._admission.enter(self._caller, self._arrival)
            except BaseException:
                reserved.settle(0)
                raise
        except Exception as error:
            self._admission.metrics.refused.labels(type(error).__name__).inc()
            raise
        meter = Meter(self._admission.metrics, self._model, prompt)
        failure: BaseException | None = None
        try:
            yield meter
        except BaseException as error:
            failure = error
            raise
        finally:
            meter.end(failure)
            reserved.settle(meter.used)
            self._admission.leave(self._caller)


def _guess_chat(request: ChatRequest) -> int:
    """About how many tokens a conversation has, with the tools that are offered in it."""
    characters = pictures = 0
    for message in request.messages:
        characters += len(message.text)
        characters += sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
        pictures += len(message.images)
    for tool in request.tools:
        characters += len(tool.name) + len(tool.description) + len(to_json(tool.parameters))
    return characters // CHARACTERS_PER_TOKEN + pictures * ABOUT_TOKENS


def _guess(prompt: str | tuple[int, ...]) -> int:
    """About how many tokens a prompt has."""
    return len(prompt) // CHARACTERS_PER_TOKEN if isinstance(prompt, str) else len(prompt)
