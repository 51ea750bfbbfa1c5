"""What a lost, silent or garbled connection is called: who reads it has to know where to look."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import anthropic as anthropic_sdk
import httpx2
import openai as openai_sdk
import pytest

from miniclaude.errors import ProviderError
from miniclaude.messages import text_message
from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.base import ChatRequest
from miniclaude.providers.upstream import upstream_errors
from tests.providers.stand_in import running_stand_in

pytestmark = pytest.mark.anyio

REQUEST = httpx2.Request("POST", "http://192.0.2.1")
SAID = ChatRequest("big", (text_message("user", "hi"),))


def told(error: Exception, cause: Exception | None = None) -> str:
    """What is made of an SDK's error, or of one that it lets through."""
    bases: Any = (openai_sdk.OpenAIError, anthropic_sdk.AnthropicError)
    with pytest.raises(ProviderError) as caught, upstream_errors("far", "big", bases):
        raise error from cause
    return caught.value.message


@pytest.mark.parametrize("kind", [httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout])
def test_silence_is_no_broken_connection(kind: type[httpx2.TimeoutException]) -> None:
    """Silence in the middle of Anthropic's streams was told as "the connection broke: ."."""
    assert told(kind("")) == "far: it did not answer in time."


@pytest.mark.parametrize("sdk", [openai_sdk, anthropic_sdk])
def test_an_error_without_words_is_told_by_its_kind(sdk: Any) -> None:
    """httpx's often have none, and the sentence ended with a colon or empty brackets."""
    assert told(httpx2.ReadError("")) == "far: the connection broke: ReadError."
    wrapped = sdk.APIConnectionError(request=REQUEST)
    assert told(wrapped, httpx2.ReadError("")) == "far: the connection broke (ReadError)."
    assert told(wrapped, httpx2.ConnectError("")) == "far: it cannot be reached (ConnectError)."


@pytest.mark.parametrize("style", ["openai", "anthropic"])
async def test_what_cannot_be_unpacked_is_said_to_be_so(style: str) -> None:
    """It was told as a service that cannot be reached, or as a broken connection."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(style))
        create = anthropic.create if style == "anthropic" else openai_compatible.create
        provider = create({"base_url": service.url, "api_key": "k", "max_retries": 0})
        stack.push_async_callback(provider.aclose)
        service.raw, service.headers = b"no gzip", {"content-encoding": "gzip"}
        with pytest.raises(ProviderError, match="sent an answer that cannot be unpacked"):
            await anext(provider.chat(SAID))
