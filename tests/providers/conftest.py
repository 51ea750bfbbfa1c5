"""A local provider over a tiny checkpoint, started once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from miniclaude.model.library import Library
from miniclaude.providers.local import Local
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """`tiny`, `org/other` (the same shape, other weights) and `plain` (without a template)."""
    home = tmp_path_factory.mktemp("models")
    write_tiny_checkpoint(home / "tiny")
    write_tiny_checkpoint(home / "org--other", seed=1)
    write_tiny_checkpoint(home / "plain", template=None, chat_tokens=False)
    return Library(home)


@pytest.fixture(scope="session")
async def local(tiny_library: Library, anyio_backend: str) -> AsyncIterator[Local]:
    """Keeps one model in memory."""
    provider = Local(tiny_library, device="cpu", threads=1, max_loaded=1)
    yield provider
    await provider.aclose()
