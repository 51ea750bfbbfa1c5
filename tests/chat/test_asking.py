"""What is asked of a provider before a turn: how long its models' contexts are."""

from __future__ import annotations

import asyncio

import pytest

from miniclaude.chat import asking
from miniclaude.chat.asking import Contexts
from miniclaude.errors import ProviderError
from miniclaude.providers.base import ModelInfo
from tests.chat.scripted import ScriptedProvider

pytestmark = pytest.mark.anyio


class Unwilling(ScriptedProvider):
    """Does not list its models: it fails, or never answers. asked: how often it was."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    async def models(self) -> list[ModelInfo]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        return []


@pytest.mark.parametrize("error", [ProviderError("it is down.", hint="Wait."), TypeError("a bug")])
async def test_a_provider_that_cannot_list_its_models_can_still_be_asked(error: Exception) -> None:
    """Its chat may work; a conversation with it must not fail before that was tried."""
    assert await Contexts().of(Unwilling(error), "m") == 0


async def test_a_list_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn waited for as long as a stream may be silent, twice over, before it began. Who did not
    answer is left in peace for a while: else each turn waited again."""
    monkeypatch.setattr(asking, "LISTING_SECONDS", 0)
    contexts, provider = Contexts(), Unwilling()
    assert [await contexts.of(provider, "m") for _ in range(2)] == [0, 0]
    assert provider.asked == 1
