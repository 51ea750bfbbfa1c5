"""What some providers can do beside answering."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from miniclaude.errors import InvalidRequestError, ModelNotFoundError
from miniclaude.messages import Finished, Tool, Usage, text_message
from miniclaude.providers import anthropic
from miniclaude.providers.abilities import CountsTokens
from miniclaude.providers.base import ChatRequest, Settings
from miniclaude.providers.local import Local
from miniclaude.providers.openai_compatible import OpenAICompatible
from tests.providers.stand_in import running_stand_in

pytestmark = pytest.mark.anyio

SAID = (text_message("system", "be brief"), text_message("user", "hello there"))
TOOL = Tool("add", "adds", {"type": "object", "properties": {}})


async def test_a_local_count_is_what_the_answer_is_charged(local: Local) -> None:
    request = ChatRequest("tiny", SAID, Settings(max_tokens=1, seed=1))
    async with aclosing(local.chat(request)) as events:
        usage = [event async for event in events][-1]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens == await local.count_tokens(request)


async def test_counting_refuses_what_chat_refuses(local: Local) -> None:
    with pytest.raises(InvalidRequestError, match="no chat template"):
        await local.count_tokens(ChatRequest("plain", SAID))
    with pytest.raises(ModelNotFoundError, match="nobody"):
        await local.count_tokens(ChatRequest("nobody", SAID))


async def test_offered_tools_are_counted(local: Local) -> None:
    """Their descriptions are in the prompt, and so in what it costs."""
    plain = await local.count_tokens(ChatRequest("tiny", SAID))
    assert await local.count_tokens(ChatRequest("tiny", SAID, tools=(TOOL,))) > plain
    unused = ChatRequest("tiny", SAID, tools=(TOOL,), tool_choice="none")
    assert await local.count_tokens(unused) == plain


async def test_anthropic_counts_and_tells_the_stop_text() -> None:
    async with running_stand_in("anthropic") as service:
        provider = anthropic.create({"base_url": service.url, "api_key": "k", "max_retries": 0})
        request = ChatRequest("big", SAID, Settings(stop=("there",)), (TOOL,), "add")
        assert await provider.count_tokens(request) == 11
        body = service.asked[-1].body
        assert service.asked[-1].path.partition("?")[0] == "/v1/messages/count_tokens"
        assert (body["system"], body["tool_choice"]) == (
            "be brief",
            {"type": "tool", "name": "add"},
        )
        assert "max_tokens" not in body
        async with aclosing(provider.chat(ChatRequest("big", SAID, request.settings))) as events:
            assert Finished(0, "stop", "there") in [event async for event in events]
        await provider.aclose()


def test_who_does_not_count_says_so_by_its_type() -> None:
    assert not isinstance(OpenAICompatible("o", "http://localhost", ""), CountsTokens)
