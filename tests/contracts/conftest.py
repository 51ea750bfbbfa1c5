"""A live server on a free port, as unmodified clients meet it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from miniclaude.jobs.fine_tuning import Workshop
from miniclaude.messages import Finished, StreamEvent, TextDelta, Usage
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo, Provider
from miniclaude.providers.echo import Echo
from miniclaude.providers.registry import Registry
from miniclaude.server.serve import Server, bind_socket, server_for
from miniclaude.server.services import Services, opened
from miniclaude.settings import ServerSettings

Event = TypeVar("Event")

PATIENCE_S = 180
"""How long a test waits for what must happen before it fails. Nothing takes as long."""


class Endless:
    """Talks until it is closed, asked to be silent says nothing, and asked to halt falls silent
    after two words; `talking` counts the iterators that are open."""

    name = "endless"

    def __init__(self) -> None:
        self.talking = 0

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("endless", created=0, owned_by="tests")]

    def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        asked = request.messages[-1].text
        return self._talk(silent="silent" in asked, halting="halt" in asked)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        return self._talk(silent=False)

    async def aclose(self) -> None:
        pass

    async def _talk(
        self, *, silent: bool, halting: bool = False
    ) -> AsyncGenerator[StreamEvent, None]:
        self.talking += 1
        try:
            if halting:
                yield TextDelta(0, "one two")
            if silent or halting:
                await asyncio.Event().wait()
            while True:
                # No suspension here: a stream must notice its reader's leave all the same.
                yield TextDelta(0, "and on ")
        finally:
            self.talking -= 1
        yield Finished(0, "stop")
        yield Usage(0, 0)


@dataclass(frozen=True)
class Live:
    """A server that answers. model: the one that the contract is checked with."""

    url: str
    services: Services
    endless: Endless
    model: str

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/v1/chat/stream"

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as it holds; fail when it never does."""
        tick = threading.Event()
        for _ in range(PATIENCE_S * 100):
            if condition():
                return
            tick.wait(0.01)
        pytest.fail("it never came true")

    def wait_until_idle(self) -> None:
        """No answer is being made any more."""
        self.wait_until(lambda: self.services.admission.active == 0 and self.endless.talking == 0)


async def leave_at(stream: AsyncIterable[Event], enough: Callable[[Event], bool]) -> None:
    """Read an SDK's stream, and hang up at the first event that is enough.

    A `break` would leave the SDK's nested generators to the garbage collector, which may end them
    at a bad moment; what cancels the next read ends them all, inside out.
    """

    async def read() -> None:
        task = asyncio.current_task()
        assert task is not None
        async for event in stream:
            if enough(event):
                task.cancel()

    reading = asyncio.create_task(read())
    await asyncio.wait({reading})
    assert reading.cancelled()


StartLive = Callable[..., AbstractContextManager[Live]]


@contextmanager
def running(
    home: Path,
    providers: dict[str, Provider],
    model: str,
    workshop: Workshop | None = None,
    **settings: object,
) -> Iterator[Live]:
    """Serve in a thread with a loop of its own; stops when the block ends. workshop: where it
    fine-tunes, where it does."""
    endless = Endless()
    registry = Registry({**providers, "endless": endless}, model)
    listener = bind_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    values = {"home": home, "port": port, **settings}
    configured = ServerSettings.model_validate(values)
    started = threading.Event()
    servers: list[Server] = []

    async def main() -> None:
        url = f"sqlite+aiosqlite:///{home / 'live.db'}"
        kept = configured.answer_cache_bytes
        most, callers = configured.max_answers, 1 + len(configured.keys)
        opening = opened(url, registry, most, str, workshop, kept, callers=callers)
        async with opening as services:
            servers.append(server_for(configured, services, started.set))
            await servers[0].serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        yield Live(configured.url, servers[0].services, endless, model)
    finally:
        servers[0].should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all contract tests."""
    home = tmp_path_factory.mktemp("live")
    with running(home, {"echo": Echo()}, "echo", max_answers=512) as server:
        yield server
