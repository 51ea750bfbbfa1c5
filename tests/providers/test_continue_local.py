"""Local models go on with an answer as if it had never been cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from miniclaude.messages import Finished, TextDelta, text_message
from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.base import ChatRequest, Settings
from miniclaude.providers.local import Local

pytestmark = pytest.mark.anyio

QUESTION = "Tell me a short story about a fox."


@pytest.fixture
async def bundled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Local]:
    if bundled_models() is None:
        pytest.skip("no model is bundled")
    library = Library(tmp_path_factory.mktemp("none"), bundled_models())
    provider = Local(library, device="cpu", threads=1)
    yield provider
    await provider.aclose()


async def said(local: Local, begun: str, most: int) -> tuple[str, str]:
    [info] = await local.models()
    assert info.continues
    messages = [text_message("user", QUESTION)]
    if begun:
        messages.append(text_message("assistant", begun))
    settings = Settings(max_tokens=most, temperature=0.0, repetition_penalty=1.0)
    request = ChatRequest(info.id, tuple(messages), settings, continues=bool(begun))
    text, reason = "", ""
    async with aclosing(local.chat(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, Finished):
                reason = event.reason
    return text, reason


async def test_the_rest_is_what_would_have_come(bundled: Local) -> None:
    """At temperature 0, in pieces of 12 tokens: the template's end of turn must not come between,
    and no space may be lost or doubled where the pieces meet."""
    whole, _ = await said(bundled, "", 48)
    begun, reason = await said(bundled, "", 12)
    assert reason == "length"
    assert whole.startswith(begun)
    for _ in range(3):
        more, _ = await said(bundled, begun, 12)
        begun += more
    assert begun == whole
