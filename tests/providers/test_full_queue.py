"""A local model whose queue is known to be full refuses before it renders or tokenises anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from miniclaude.engine.queued import Queued, called
from miniclaude.errors import ContextLengthError, MiniClaudeError, OverloadedError
from miniclaude.messages import Tool, text_message
from miniclaude.providers.abilities import EmbeddingRequest
from miniclaude.providers.base import ChatRequest, CompletionRequest, Settings, Structure
from miniclaude.providers.local import Local
from miniclaude.providers.local_prompt import least_prompt
from miniclaude.tokenizer import chat_formats
from miniclaude.tokenizer.template import ChatTemplate
from miniclaude.tokenizer.tokenizer import Tokenizer

pytestmark = pytest.mark.anyio

Tell = Callable[[Queued | None], None]
ADA = called("ada")
FULL = Queued(95, 100, {ADA: 5})
SAID = (text_message("user", "hello"),)
LONG = "hello" * 20
SIX = Settings(max_tokens=6)


@pytest.fixture
async def tell(local: Local) -> AsyncIterator[Tell]:
    """Says what the worker would say of its queue, which is empty in truth."""
    await local.warm("tiny")
    [loaded] = local.loaded()
    connection = await loaded.engine.connected()

    def tell(queued: Queued | None) -> None:
        if queued is not None:
            queued = replace(queued, cancelled=connection.cancelled)
        connection.told_queue(None if queued is None else asdict(queued))

    yield tell
    tell(None)


async def asked(local: Local, request: Any) -> None:
    """Whatever is asked, up to its end."""
    if isinstance(request, EmbeddingRequest):
        await local.embed(request)
    elif isinstance(request, ChatRequest):
        async for _ in local.chat(request):
            pass
    else:
        async for _ in local.complete(request):
            pass
        async for _ in local.complete_with_prompt(request):
            pass


REQUESTS = [
    ChatRequest("tiny", SAID, SIX, user="ada"),
    ChatRequest("tiny", SAID, Settings(max_tokens=2, n=2), user="ada"),
    ChatRequest("tiny", SAID, user="ada"),
    ChatRequest("tiny", SAID, SIX, tools=(Tool("add", "", {}),), user="ada"),
    ChatRequest("tiny", SAID, SIX, structure=Structure("json_object"), user="ada"),
    CompletionRequest("tiny", "hello", SIX, user="ada"),
    CompletionRequest("tiny", LONG, Settings(max_tokens=1), user="ada"),
    CompletionRequest("tiny", (5, 6, 7, 8, 9), Settings(max_tokens=1), user="ada"),
    EmbeddingRequest("tiny", (LONG,), user="ada"),
]


@pytest.mark.parametrize("request_", REQUESTS)
async def test_nothing_is_tokenised_for_who_is_refused(
    local: Local, tell: Tell, monkeypatch: pytest.MonkeyPatch, request_: Any
) -> None:
    """A full queue was found only by the engine, which knows ids alone: whoever was refused had
    cost the server a rendering and a tokenising, beside those who were being answered."""
    encoded: list[str] = []
    encode = Tokenizer.activated_ids

    def record(tokenizer: Tokenizer, text: str) -> list[int]:
        encoded.append(text)
        return encode(tokenizer, text)

    monkeypatch.setattr(Tokenizer, "activated_ids", record)
    monkeypatch.setattr("miniclaude.providers.local.answer_form_beside", None)
    tell(FULL)
    with pytest.raises(OverloadedError, match="95 tokens are waiting, and 100 may") as caught:
        await asked(local, request_)
    assert (caught.value.code, caught.value.retry_after) == ("server_overloaded", 5)
    assert not encoded


async def test_who_would_be_taken_is_not_refused(local: Local, tell: Tell) -> None:
    """Once the queue has moved, the same request is answered; another user's at any time, for what
    the engine would say to them is not known; and so is one that may fit."""
    tell(FULL)
    request = ChatRequest("tiny", SAID, SIX, user="ada")
    with pytest.raises(OverloadedError):
        await asked(local, request)
    await asked(local, replace(request, user="eve"))
    tell(FULL)
    await asked(local, replace(request, settings=Settings(max_tokens=4)))
    tell(FULL)
    tell(None)
    await asked(local, request)


async def test_an_answer_of_open_length_is_counted_as_what_fits(local: Local, tell: Tell) -> None:
    """Of what has no length of its own the context's 256 tokens are the most that can be asked."""
    open_length = Settings(max_tokens=32_000, as_far_as_fits=True, logit_bias={2: 100.0})
    for settings in (open_length, replace(open_length, max_tokens=None)):
        request = ChatRequest("tiny", SAID, settings, user="ada")
        tell(Queued(95, 1_000, {ADA: 256}))
        await asked(local, request)
        tell(Queued(95, 1_000, {ADA: 255}))
        with pytest.raises(OverloadedError):
            await asked(local, request)


async def test_what_could_never_be_answered_is_told_why(local: Local, tell: Tell) -> None:
    """It was told to try again in some seconds, for ever, as long as something of the user's was
    waiting."""
    for settings in (Settings(max_tokens=1_000), Settings(max_tokens=1, n=100)):
        tell(Queued(1, 100, {ADA: 0}))
        with pytest.raises(MiniClaudeError) as caught:
            await asked(local, ChatRequest("tiny", SAID, settings, user="ada"))
        assert not isinstance(caught.value, OverloadedError)
    tell(Queued(1, 100, {ADA: 0}))
    with pytest.raises(ContextLengthError):
        await asked(local, CompletionRequest("tiny", (5,) * 300, SIX, user="ada"))


async def test_nothing_is_counted_while_nothing_is_known(
    local: Local, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of megabytes is counted on the event loop."""
    counted: list[str] = []

    def count(_: Tokenizer, text: str) -> int:
        counted.append(text)
        return 1

    monkeypatch.setattr(Tokenizer, "least_tokens", count)
    tell(None)
    await asked(local, CompletionRequest("tiny", "hello", SIX, user="ada"))
    tell(FULL)
    await asked(local, CompletionRequest("tiny", "hello", SIX, user="eve"))
    assert not counted


async def test_only_our_own_templates_are_known_to_say_all(
    local: Local, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template that leaves old messages out makes a short prompt of a long conversation."""
    [loaded] = local.loaded()
    request = ChatRequest("tiny", (text_message("user", LONG),) * 2)
    assert least_prompt(loaded, request) == 1
    ours = ChatTemplate({"default": chat_formats.CHATML.template})
    monkeypatch.setattr(loaded.tokenizer, "template", ours)
    least = least_prompt(loaded, request)
    assert 1 < least <= await local.count_tokens(request)
