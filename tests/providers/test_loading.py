"""Many who ask for a model that is not in memory yet: one load, and its end is everybody's."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.engine.process import EngineProcess, EngineSpec
from miniclaude.errors import EngineError
from miniclaude.model.library import Library
from miniclaude.providers.loaded import LoadedModels
from tests.tiny_checkpoint import write_tiny_checkpoint

pytestmark = pytest.mark.anyio


class Starts:
    """Engines that never come up: each waits until it is let go, and fails. of: how many were
    begun, by model. first: one was begun."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()
        self.first = asyncio.Event()
        self.let_go = asyncio.Event()

    async def start(self, engine: EngineProcess) -> None:
        self.of[Path(engine.spec.folder).name] += 1
        self.first.set()
        await self.let_go.wait()
        raise EngineError("There is no memory for it.", hint="Buy some.")


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    found = Starts()

    async def start(engine: EngineProcess) -> None:
        await found.start(engine)

    monkeypatch.setattr(EngineProcess, "start", start)
    return found


@pytest.fixture
async def models(tmp_path: Path, starts: Starts) -> AsyncIterator[LoadedModels]:
    for name in ("tiny", "other"):
        write_tiny_checkpoint(tmp_path / name)
    made = LoadedModels(Library(tmp_path), lambda model: EngineSpec(model.weights, "cpu"), 2)
    yield made
    starts.let_go.set()
    await made.aclose()


async def use(models: LoadedModels, name: str) -> None:
    async with models.use(name):
        pass


def failing(models: LoadedModels, name: str) -> asyncio.Task[None]:
    return asyncio.create_task(use(models, name))


async def settle() -> None:
    """Let everything that can go on without us do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_failure_is_everybodys_who_waited(models: LoadedModels, starts: Starts) -> None:
    """Each of them loaded it again, one after another, at full cost, while every other model's
    load waited behind theirs. Who comes later is given a new try."""
    waiting = [failing(models, "tiny") for _ in range(8)]
    await starts.first.wait()
    waiting += [failing(models, "tiny") for _ in range(8)]
    await settle()
    starts.let_go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(result) for result in results] == ["There is no memory for it. Buy some."] * 16
    assert starts.of["tiny"] == 1
    with pytest.raises(EngineError):
        await use(models, "tiny")
    assert starts.of["tiny"] == 2


async def test_nothing_is_loaded_for_who_left(models: LoadedModels, starts: Starts) -> None:
    """The loads of callers who gave up in the line ran all the same, for minutes. A failure that
    nobody waits for any more is no traceback in the log either."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    first = failing(models, "tiny")
    await starts.first.wait()
    left = [failing(models, "other") for _ in range(3)]
    await settle()
    for task in (first, *left):
        task.cancel()
    await asyncio.gather(first, *left, return_exceptions=True)
    late = failing(models, "tiny")
    await settle()
    starts.let_go.set()
    with pytest.raises(EngineError):
        await late
    assert starts.of == {"tiny": 1}
    with pytest.raises(EngineError):
        await use(models, "other")
    assert starts.of == {"tiny": 1, "other": 1}
    assert told == []


async def test_who_comes_when_the_last_has_left_is_not_cancelled_too(
    models: LoadedModels, starts: Starts
) -> None:
    first = failing(models, "tiny")
    await starts.first.wait()
    left = failing(models, "other")
    await settle()
    left.cancel()
    late = failing(models, "other")
    starts.let_go.set()
    with pytest.raises(EngineError):
        await late
    assert starts.of["other"] == 1
    await asyncio.gather(first, left, return_exceptions=True)


async def test_a_model_that_was_replaced_meanwhile_has_a_load_of_its_own(
    models: LoadedModels, starts: Starts, tmp_path: Path
) -> None:
    """What the older folder failed with says nothing about the newer one."""
    first = failing(models, "tiny")
    await starts.first.wait()
    os.utime(tmp_path / "tiny" / "model.safetensors", ns=(1, 1))
    second = failing(models, "tiny")
    await settle()
    starts.let_go.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert starts.of["tiny"] == 2


async def test_a_load_that_is_done_is_not_waited_for(models: LoadedModels, starts: Starts) -> None:
    """Between its end and its being taken away there is a moment; who came then got its end again
    and again without ever giving way to what would have taken it away."""
    starts.let_go.set()
    installed = models._library.find("tiny")
    load = models._spawn_load(installed)
    await asyncio.wait([load.task])
    models._loads["tiny"] = load
    with pytest.raises(EngineError, match="no memory"):
        await use(models, "tiny")
    assert starts.of["tiny"] == 2
