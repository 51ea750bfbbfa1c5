"""The application in-process, over a provider whose every step the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from miniclaude.errors import OverloadedError
from miniclaude.messages import Finished, StreamEvent, TextDelta, Usage
from miniclaude.providers.abilities import EmbeddingRequest, Embeddings
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo
from miniclaude.providers.echo import Echo
from miniclaude.providers.registry import Registry
from miniclaude.server.app import create_app
from miniclaude.server.services import Services, opened
from miniclaude.settings import ServerSettings

URL = "http://localhost:8642"


class Scripted:
    """Plays `script`: events to yield, errors to raise; after None it waits for ever.

    `asked` keeps the requests; `closed` is set when an iterator has ended, however it ended.
    """

    name = "scripted"

    def __init__(self) -> None:
        self.script: list[StreamEvent | Exception | None] = [
            TextDelta(0, "hi"),
            Finished(0, "stop"),
            Usage(3, 1),
        ]
        self.asked: list[ChatRequest | CompletionRequest] = []
        self.embedded: list[EmbeddingRequest] = []
        self.waiting = asyncio.Event()
        self.closed = asyncio.Event()

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("org/model", created=7, owned_by="us", context=64, sees=True)]

    def sees(self, model: str) -> bool:
        return True

    async def count_tokens(self, request: ChatRequest) -> int:
        self.asked.append(request)
        return 7

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        self.embedded.append(request)
        return Embeddings(((0.6, 0.0, 0.8),) * len(request.inputs), 2 * len(request.inputs))

    def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        return self._play(request)

    def complete(self, request: CompletionRequest) -> AsyncIterator[StreamEvent]:
        return self._play(request)

    async def aclose(self) -> None:
        pass

    async def _play(
        self, request: ChatRequest | CompletionRequest
    ) -> AsyncGenerator[StreamEvent, None]:
        self.asked.append(request)
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if step is None:
                    self.waiting.set()
                    await asyncio.Event().wait()
                else:
                    yield step
        finally:
            self.closed.set()


class Served:
    """A running application: `client` speaks to it, `services` and `scripted` are behind it."""

    def __init__(self, app: Any, services: Services, scripted: Scripted) -> None:
        self.app = app
        self.services = services
        self.scripted = scripted
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL)

    async def chat(self, **fields: Any) -> httpx2.Response:
        """POST /v1/chat/completions with a small valid request, changed by `fields`."""
        body = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}]}
        return await self.client.post("/v1/chat/completions", json={**body, **fields})

    async def raw(
        self, content: bytes | str, path: str = "/v1/chat/completions"
    ) -> httpx2.Response:
        """POST a body as it is, declared as JSON."""
        headers = {"content-type": "application/json"}
        return await self.client.post(path, content=content, headers=headers)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@asynccontextmanager
async def serving(home: Path, max_answers: int = 8, **settings: Any) -> AsyncIterator[Served]:
    """The application with these settings, over `home`."""
    scripted = Scripted()
    registry = Registry({"echo": Echo(), "scripted": scripted}, "echo")
    url = f"sqlite+aiosqlite:///{home / 'test.db'}"
    configured = ServerSettings.model_validate({"home": home, **settings})
    kept = configured.answer_cache_bytes
    callers = 1 + len(configured.keys)
    services = opened(url, registry, max_answers, answer_cache_bytes=kept, callers=callers)
    app = create_app(configured, services)
    async with app.router.lifespan_context(app):
        served = Served(app, app.state.services, scripted)
        served.services.warmup.begin()
        await anyio.wait_all_tasks_blocked()
        async with served.client:
            yield served


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve with these settings: `async with serve(api_key=…) as served`."""
    return partial(serving, tmp_path)


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Served]:
    """With the default settings."""
    async with serve() as running:
        yield running


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Served]:
    """The same, once for all tests of a module that change nothing."""
    async with serving(tmp_path_factory.mktemp("shared")) as running:
        yield running


def full() -> OverloadedError:
    """What a provider raises when its queue is full."""
    return OverloadedError("The queue is full.", hint="Try again.", retry_after=500)
