"""Who of several speaks: a message's `name`, and who is told it."""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.messages import Message, Role, TextPart, text_message
from miniclaude.model.library import Library
from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.base import ChatRequest, Provider, Settings
from miniclaude.providers.local import Local
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from tests.providers.stand_in import running_stand_in
from tests.tiny_checkpoint import CHATML, write_tiny_checkpoint

pytestmark = pytest.mark.anyio

BUNDLED = Path(openai_compatible.__file__).parents[1] / "bundled" / "mini-claude-11m"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
WRITES_NAMES = CHATML.replace(
    "message['role']", "message['role'] + (' ' + message['name'] if message['name'] else '')"
)


def named(role: Role, text: str, name: str) -> Message:
    return Message(role, (TextPart(text),), name=name)


SAID = (
    named("system", "be brief", "host"),
    named("user", "hi", "Ann"),
    named("assistant", "hello", "Mini"),
    named("user", "hi", "Ben"),
)
UNNAMED = tuple(replace(message, name=None) for message in SAID)


async def ask(provider: Provider, model: str) -> None:
    request = ChatRequest(model, SAID, Settings(max_tokens=2))
    async for _ in provider.chat(request):
        pass


async def test_an_openai_service_is_told_who_speaks() -> None:
    """Two users were one and the same to it, if the name were lost on the way."""
    async with running_stand_in("openai") as service:
        options = {"base_url": service.url, "api_key": "k", "max_retries": 0}
        async with aclosing(openai_compatible.create(options)) as provider:
            await ask(provider, "big")
        sent = service.asked[-1].body["messages"]
    assert [message["name"] for message in sent] == ["host", "Ann", "Mini", "Ben"]


async def test_anthropic_s_protocol_has_no_place_for_it_as_the_page_says() -> None:
    async with running_stand_in("anthropic") as service:
        options = {"base_url": service.url, "api_key": "k", "max_retries": 0}
        async with aclosing(anthropic.create(options)) as provider:
            await ask(provider, "big")
        assert "Ann" not in str(service.asked[-1].body)
    assert re.search(r"Anthropic's models,\s+whose protocol has no place for it", DOCUMENT)


async def test_a_local_template_that_writes_names_tells_the_model(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "named", template=WRITES_NAMES)
    tokenizer = load_tokenizer(tmp_path / "named")
    read = tokenizer.decode(encode_chat(tokenizer, SAID))
    assert [read.count(name) for name in ("host", "Ann", "Mini", "Ben")] == [1, 1, 1, 1]
    local = Local(Library(tmp_path), device="cpu", threads=1, max_loaded=1)
    async with aclosing(local):
        await ask(local, "named")


def test_the_bundled_template_does_not_as_the_page_says() -> None:
    """The page tells callers to write the name into the content: once the template shows it, the
    sentence has to go."""
    tokenizer = load_tokenizer(BUNDLED)
    assert encode_chat(tokenizer, SAID) == encode_chat(tokenizer, UNNAMED)
    told = (*UNNAMED[:3], text_message("user", "Ben: hi"))
    assert encode_chat(tokenizer, told) != encode_chat(tokenizer, UNNAMED)
    assert re.search(r"does not\s+\(the bundled model's, Qwen's, Llama's\)", DOCUMENT)
