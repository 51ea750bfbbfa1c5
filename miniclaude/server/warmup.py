"""Load the default model before anybody asks for it: the first question should not wait."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol, runtime_checkable

from miniclaude.errors import ModelNotFoundError, OverloadedError
from miniclaude.providers.registry import Registry

log = logging.getLogger(__name__)


@runtime_checkable
class Warms(Protocol):
    """A provider that answers sooner when it is told beforehand which model will be asked."""

    async def warm(self, model: str) -> None:
        """Return when the model is loaded. Raises what a chat with it would."""
        ...


class Warmup:
    """The loading of the default model, and whether it went well."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def begin(self) -> None:
        """Start, or start again after a failure."""
        self._failure = None
        self._task = asyncio.create_task(self._warm())

    async def check(self) -> None:
        """Return when the default model can answer; raise the reason when it cannot.

        After a failure the next try begins, so that a mended model is noticed. A model that was
        loaded once is not loaded again: others may have taken its place in memory since.
        """
        if self._task is None or not self._task.done():
            raise OverloadedError(
                f"The model {self._registry.default_model!r} is being loaded.",
                hint="Try again in a few seconds.",
            )
        if self._failure is not None:
            failure = self._failure
            self.begin()
            raise failure

    async def aclose(self) -> None:
        """Give up loading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _warm(self) -> None:
        try:
            await self._load()
        except Exception as error:  # kept for `check`: nobody awaits this task
            log.warning("the default model is not ready: %s", error)
            self._failure = error

    async def _load(self) -> None:
        if not self._registry.default_model:
            raise ModelNotFoundError(
                "There is no model yet.",
                hint="Fetch one with `mini-claude pull`, or name one with --model.",
                param="model",
            )
        provider, model = self._registry.resolve("")
        if isinstance(provider, Warms):
            await provider.warm(model)
        elif model not in {info.id for info in await provider.models()}:
            raise ModelNotFoundError(
                f"model: {self._registry.default_model!r} is not on offer.",
                hint="Choose another with --model; GET /models lists them.",
                param="model",
            )
