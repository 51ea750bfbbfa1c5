"""A model that puts requests in other words, for `mini-claude data prepare`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from miniclaude.data.written_paraphrases import OpenWriter, Writer

LONGEST = 256  # tokens of a new wording


def writer_by(model: str, home: Path | None) -> OpenWriter:
    """Asks the model called so. Raises ModelNotFoundError at once for one that is not there."""
    from miniclaude.messages import TextDelta, text_message
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.providers.base import ChatRequest, Settings
    from miniclaude.server.services import make_registry
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    registry = make_registry(settings, library)
    provider, bare = registry.resolve(model)

    async def ask(prompt: str) -> str:
        chat = ChatRequest(bare, (text_message("user", prompt),), Settings(max_tokens=LONGEST))
        return "".join(
            [event.text async for event in provider.chat(chat) if isinstance(event, TextDelta)]
        )

    @asynccontextmanager
    async def opened() -> AsyncIterator[Writer]:
        try:
            yield ask
        finally:
            await registry.aclose()

    return opened
