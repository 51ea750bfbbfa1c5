"""Any service that speaks OpenAI's API, through the official SDK: OpenAI itself, vLLM, Ollama,
llama.cpp, OpenRouter and the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from miniclaude.messages import Finished, StreamEvent, Usage
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo
from miniclaude.providers.capped import capped
from miniclaude.providers.listening import Listening
from miniclaude.providers.openai_wire import (
    CallNumbers,
    chat_events,
    completion_events,
    message_json,
    settings_json,
    structure_json,
    tools_json,
    usage_event,
)
from miniclaude.providers.retries import RETRIES, answered
from miniclaude.providers.seeing import Vision, is_seeing, vision_option
from miniclaude.providers.told_values import context_of, name_of, seconds_of
from miniclaude.providers.upstream import (
    CONNECT_SECONDS,
    MOST_MODELS,
    SILENCE_SECONDS,
    broken,
    count_option,
    text_option,
    upstream_errors,
    well_formed,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types import Completion
    from openai.types.chat import ChatCompletionChunk, ChatCompletionStreamOptionsParam

BASE_URL = "https://api.openai.com/v1"
CONTEXT_FIELDS = ("context", "context_length", "max_model_len", "context_window")


def create(options: Mapping[str, object]) -> OpenAICompatible:
    """Entry point. options: `name` (openai), `base_url` (OpenAI's), `api_key` (many local services
    want none), `max_retries`, `max_tokens_field`, `vision` (OpenAI's own models see unless it says
    otherwise, those of other addresses do not). Raises SettingsError."""
    name = text_option("openai", options, "name", "openai")
    base_url = text_option(name, options, "base_url", BASE_URL)
    own = base_url.rstrip("/") == BASE_URL
    newest = "max_completion_tokens" if own else "max_tokens"
    return OpenAICompatible(
        name,
        base_url,
        text_option(name, options, "api_key"),
        max_retries=count_option(name, options, "max_retries", RETRIES),
        max_tokens_field=text_option(name, options, "max_tokens_field", newest),
        vision=vision_option(name, options, own),
    )


class OpenAICompatible:
    """A remote service. The SDK is imported, and the client made, on first use.

    max_tokens_field: what the chat endpoint calls the limit; OpenAI's newer models accept only
    `max_completion_tokens`, most other services only `max_tokens`. max_retries: see `retries.py`.
    vision: which models see.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        max_retries: int = RETRIES,
        max_tokens_field: str = "max_tokens",
        vision: Vision = False,
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._api_key = api_key
        self._max_retries = max_retries
        self._max_tokens_field = max_tokens_field
        self._vision = vision
        self._made: AsyncOpenAI | None = None

    async def models(self) -> list[ModelInfo]:
        """What the service lists, without saying which of them can chat, less what has no name."""
        client = await self._client()
        import openai

        found: list[ModelInfo] = []
        seen = 0
        with upstream_errors(self.name, "", openai.OpenAIError):
            page = await answered(self._max_retries, client.models.list)
            async for model in page:
                if id := name_of(getattr(model, "id", None)):
                    sizes = (getattr(model, field, None) for field in CONTEXT_FIELDS)
                    context = next((sane for size in sizes if (sane := context_of(size))), 0)
                    created = seconds_of(getattr(model, "created", None))
                    owner = name_of(getattr(model, "owned_by", None)) or self.name
                    found.append(ModelInfo(id, created, owner, context, sees=self.sees(id)))
                seen += 1
                if seen == MOST_MODELS:
                    break
        return found

    def sees(self, model: str) -> bool:
        """As the setting says."""
        return is_seeing(self._vision, model)

    def blind(self) -> bool:
        """As the setting says."""
        return not self._vision

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Continue a conversation."""
        fields: dict[str, Any] = {
            "model": request.model,
            "messages": [message_json(message) for message in request.messages],
            **settings_json(request.settings, self._max_tokens_field),
            **tools_json(request.tools, request.tool_choice, request.parallel_tool_calls),
        }
        structure = structure_json(request.structure)
        if structure:
            # The SDK knows none of vLLM's fields, and sends what is in here as it is.
            fields["extra_body"] = {**fields.get("extra_body", {}), **structure}
        if request.reasoning_effort is not None:
            fields["reasoning_effort"] = request.reasoning_effort
        if request.settings.logprobs is not None:
            fields |= {"logprobs": True, "top_logprobs": request.settings.logprobs}
        client = await self._client()
        import openai

        def create() -> Awaitable[AsyncStream[ChatCompletionChunk]]:
            options: ChatCompletionStreamOptionsParam = {"include_usage": True}
            return client.chat.completions.create(**fields, stream=True, stream_options=options)

        with upstream_errors(self.name, request.model, openai.OpenAIError):
            stream = await answered(self._max_retries, create)
            read = partial(chat_events, numbers=CallNumbers())
            events = self._events(stream, read, request.settings.n)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Continue a raw prompt, where the service still offers that."""
        prompt = request.prompt if isinstance(request.prompt, str) else list(request.prompt)
        fields: dict[str, Any] = {
            "model": request.model,
            "prompt": prompt,
            **settings_json(request.settings, "max_tokens"),
        }
        if request.settings.logprobs is not None:
            fields["logprobs"] = request.settings.logprobs
        client = await self._client()
        import openai

        def create() -> Awaitable[AsyncStream[Completion]]:
            options: ChatCompletionStreamOptionsParam = {"include_usage": True}
            return client.completions.create(**fields, stream=True, stream_options=options)

        with upstream_errors(self.name, request.model, openai.OpenAIError):
            stream = await answered(self._max_retries, create)
            events = self._events(stream, completion_events, request.settings.n)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def aclose(self) -> None:
        """Close the connections."""
        if self._made is not None:
            client, self._made = self._made, None
            await client.close()

    async def _events(
        self, stream: Any, read: Callable[[Any, int], Iterable[StreamEvent]], n: int
    ) -> AsyncGenerator[StreamEvent, None]:
        """The stream's events; it must end each choice once. Services that do not count tokens
        report none, which we pass on as zeros."""
        finished: dict[int, Finished] = {}
        usage = Usage(0, 0)
        async with stream:
            listening = Listening(self.name, stream, n)
            while (chunk := await listening.next()) is not None:
                with well_formed(self.name):
                    events = list(read(chunk, n))
                    if chunk.usage is not None:
                        usage = usage_event(chunk.usage)
                listening.count(events)
                for event in events:
                    if isinstance(event, Finished):
                        finished.setdefault(event.index, event)
                    else:
                        yield event
        if len(finished) < n:
            raise broken(self.name, "it closed the stream before the answer was complete")
        # Only now: some services have more to say after an answer's end.
        for end in finished.values():
            yield end
        yield usage

    async def _client(self) -> AsyncOpenAI:
        if self._made is None:
            # Reading the SDK's modules takes seconds, in which nobody else would be answered.
            made = await asyncio.to_thread(self._make_client)
            self._made = self._made or made  # somebody else may have been sooner
        return self._made

    def _make_client(self) -> AsyncOpenAI:
        import httpx2
        import openai

        made = openai.AsyncOpenAI(
            api_key=self._api_key or "none",
            admin_api_key="",
            base_url=self._base_url,
            max_retries=0,
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks={"response": [capped(self.name)]}
            ),
        )
        # The SDK fills these from the environment; they are meant for OpenAI alone.
        made.organization = made.project = None
        made._custom_headers = {}
        _ = made.chat.completions, made.completions, made.models  # read when first asked for
        return made
