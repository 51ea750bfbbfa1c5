"""Anthropic's models, through the official SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from miniclaude.errors import InvalidRequestError, SettingsError
from miniclaude.messages import StreamEvent
from miniclaude.providers.anthropic_wire import (
    EventReader,
    check_settings,
    conversation_json,
    structure_json,
    tools_json,
)
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo
from miniclaude.providers.capped import capped
from miniclaude.providers.listening import Listening
from miniclaude.providers.retries import RETRIES, answered
from miniclaude.providers.seeing import Vision, is_seeing, vision_option
from miniclaude.providers.told_values import context_of, count_of, name_of, seconds_of
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
    from anthropic import AsyncAnthropic, AsyncStream
    from anthropic.types import RawMessageStreamEvent

BASE_URL = "https://api.anthropic.com"
MAX_TOKENS = 4096


def create(options: Mapping[str, object]) -> Anthropic:
    """Entry point. options: `api_key` (required), `base_url`, `name`, `max_retries`, `vision`
    (Anthropic's own models see unless it says otherwise, those of other addresses do not). Raises
    SettingsError."""
    name = text_option("anthropic", options, "name", "anthropic")
    api_key = text_option(name, options, "api_key")
    if not api_key:
        raise SettingsError(
            f"providers.{name}.api_key is missing.",
            hint="Set it in config.toml, or leave the provider out.",
            param=f"providers.{name}.api_key",
        )
    base_url = text_option(name, options, "base_url", BASE_URL)
    return Anthropic(
        name,
        base_url,
        api_key,
        max_retries=count_option(name, options, "max_retries", RETRIES),
        vision=vision_option(name, options, base_url.rstrip("/") == BASE_URL),
    )


class Anthropic:
    """The Messages API. The SDK is imported, and the client made, on first use.

    max_retries: see `retries.py`.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        max_retries: int = RETRIES,
        vision: Vision = False,
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._api_key = api_key
        self._max_retries = max_retries
        self._vision = vision
        self._made: AsyncAnthropic | None = None

    async def models(self) -> list[ModelInfo]:
        """What the service lists, less what has no name."""
        client = await self._client()
        import anthropic

        found: list[ModelInfo] = []
        seen = 0
        with upstream_errors(self.name, "", anthropic.AnthropicError):
            page = await answered(self._max_retries, lambda: client.models.list(limit=100))
            async for model in page:
                if id := name_of(getattr(model, "id", None)):
                    created = seconds_of(getattr(model, "created_at", None))
                    context = context_of(getattr(model, "max_input_tokens", None))
                    found.append(ModelInfo(id, created, "anthropic", context, sees=self.sees(id)))
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
        """Continue a conversation. Raises UnsupportedFieldError for what the API lacks."""
        check_settings(request.settings)
        fields: dict[str, Any] = {
            "max_tokens": request.settings.max_tokens or MAX_TOKENS,
            **_prompt_json(request),
        }
        if request.settings.stop:
            fields["stop_sequences"] = list(request.settings.stop)
        reader = EventReader()
        client = await self._client()
        import anthropic

        def create() -> Awaitable[AsyncStream[RawMessageStreamEvent]]:
            return client.messages.create(**fields, stream=True)

        with upstream_errors(self.name, request.model, anthropic.AnthropicError):
            async with await answered(self._max_retries, create) as stream:
                listening = Listening(self.name, stream)
                while (event := await listening.next()) is not None:
                    with well_formed(self.name):
                        news = reader.read(event)
                    listening.count(news)
                    for item in news:
                        yield item
        if not reader.ended:
            raise broken(self.name, "it closed the stream before the answer was complete")
        yield reader.usage

    async def count_tokens(self, request: ChatRequest) -> int:
        """What the service says the prompt costs."""
        prompt = _prompt_json(request)
        client = await self._client()
        import anthropic

        with upstream_errors(self.name, request.model, anthropic.AnthropicError):
            counted = await answered(
                self._max_retries, lambda: client.messages.count_tokens(**prompt)
            )
            with well_formed(self.name):
                return count_of(counted.input_tokens, "input_tokens")

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Always raises InvalidRequestError: the service has no such call."""
        raise InvalidRequestError(
            f"model: {self.name}/{request.model} has no raw completions.",
            hint="Use /chat/completions.",
            param="model",
        )
        yield  # makes this an async generator, as the protocol wants

    async def aclose(self) -> None:
        """Close the connections."""
        if self._made is not None:
            client, self._made = self._made, None
            await client.close()

    async def _client(self) -> AsyncAnthropic:
        if self._made is None:
            # Reading the SDK's modules takes seconds, in which nobody else would be answered.
            made = await asyncio.to_thread(self._make_client)
            self._made = self._made or made  # somebody else may have been sooner
        return self._made

    def _make_client(self) -> AsyncAnthropic:
        import anthropic
        import httpx2

        made = anthropic.AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks={"response": [capped(self.name)]}
            ),
        )
        # The SDK fills these from the environment; they are meant for Anthropic alone.
        made._custom_headers = {}
        _ = made.messages, made.models  # modules that are read when they are first asked for
        return made


def _prompt_json(request: ChatRequest) -> dict[str, Any]:
    """The fields that say what is to be answered, and by which model."""
    return {
        "model": request.model,
        # Some models think unless they are told not to.
        **({"thinking": {"type": "disabled"}} if request.reasoning_effort == "none" else {}),
        **conversation_json(request.messages),
        **tools_json(request.tools, request.tool_choice, request.parallel_tool_calls),
        **structure_json(request.structure),
    }
