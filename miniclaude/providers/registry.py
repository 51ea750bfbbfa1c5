"""From a model's name to the provider that answers for it.

Local models have bare names (`tiny`, or `org/tiny` as pulled); a provider whose only model is
called like itself has that name (`echo`); all others are `provider/model`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast, runtime_checkable

from miniclaude.errors import MiniClaudeError, ModelNotFoundError, SettingsError
from miniclaude.providers.abilities import Sees
from miniclaude.providers.base import ModelInfo, Provider

GROUP = "miniclaude.providers"
LOCAL = "local"
LISTING_SECONDS = 5.0
LISTING_KNOWN_SECONDS = 60.0

log = logging.getLogger(__name__)

Factory = Callable[[Mapping[str, object]], Provider]


@runtime_checkable
class ChecksNames(Protocol):
    """A provider that knows its models without asking anybody, so that a wrong name is refused
    before any work begins."""

    def check(self, model: str) -> None:
        """Raises ModelNotFoundError."""
        ...


@runtime_checkable
class KnowsMemory(Protocol):
    """A provider that keeps models in this machine's memory."""

    def in_memory(self) -> list[str]:
        """Those that are there now, by name."""
        ...


@runtime_checkable
class MayBeBlind(Protocol):
    """A provider that takes pictures, unless it is set to take none."""

    def blind(self) -> bool:
        """Whether none of its models sees."""
        ...


def provider_factory(kind: str) -> Factory:
    """The factory that an installed package offers under the entry point group
    `miniclaude.providers`.

    Raises SettingsError for a kind that nothing offers, or whose package does not import.
    """
    offered: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in offered:
        raise SettingsError(
            f"providers: nothing installed offers a provider called {kind!r}.",
            hint=f"Known are {', '.join(sorted(offered))}.",
            param="providers",
        )
    try:
        return cast("Factory", offered[kind].load())
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"providers: {kind!r} cannot be loaded from {offered[kind].value}: {error}.",
            hint="Reinstall the package it comes from.",
            param="providers",
        ) from error


def create_providers(configured: Mapping[str, Mapping[str, object]]) -> dict[str, Provider]:
    """One provider for each entry: its name → its options. The option `kind` says which factory
    makes it where that differs from the name, so that several services may speak one wire format:
    `{"groq": {"kind": "openai", "base_url": …}}`.

    Raises SettingsError for an unknown kind or a bad option.
    """
    providers: dict[str, Provider] = {}
    for name, options in configured.items():
        rest = {key: value for key, value in options.items() if key != "kind"}
        factory = provider_factory(str(options.get("kind", name)))
        providers[name] = factory({"name": name, **rest})
    return providers


class Registry:
    """Every provider in use. `default_model` answers when a caller names none."""

    def __init__(self, providers: Mapping[str, Provider], default_model: str) -> None:
        self.providers = dict(providers)
        self.default_model = default_model
        self._replaced: list[Provider] = []
        self._seeing: tuple[float, list[str]] = (-LISTING_KNOWN_SECONDS, [])

    def put(self, name: str, provider: Provider) -> None:
        """Use `provider` under this name from now on. One it replaces ends with the registry: it
        may be in the middle of an answer."""
        self.drop(name)
        self.providers[name] = provider

    def drop(self, name: str) -> None:
        """Offer it no more."""
        self._seeing = (-LISTING_KNOWN_SECONDS, [])
        old = self.providers.pop(name, None)
        if old is not None:
            self._replaced.append(old)

    def in_memory(self) -> set[str]:
        """Models in this machine's memory, by name."""
        knowing = [one for one in self.providers.values() if isinstance(one, KnowsMemory)]
        return {name for provider in knowing for name in provider.in_memory()}

    def resolve(self, model: str) -> tuple[Provider, str]:
        """The provider for `model` (the default one when empty), and its own name for it.

        Raises ModelNotFoundError, naming what can be asked.
        """
        name, bare = self._place(model or self.default_model)
        provider = self.providers[name]
        if isinstance(provider, ChecksNames):
            provider.check(bare)
        return provider, bare

    def _place(self, wanted: str) -> tuple[str, str]:
        """A model's provider by name, and its own name for the model. Raises ModelNotFoundError."""
        prefix, _, rest = wanted.partition("/")
        if wanted in self.providers and wanted != LOCAL:
            return wanted, wanted
        if rest and prefix in self.providers and prefix != LOCAL:
            return prefix, rest
        if not wanted or LOCAL not in self.providers:
            raise ModelNotFoundError(
                f"model: there is no model {wanted[:256]!r}."
                if wanted
                else "model: none was named.",
                hint=f"GET /models lists them. Providers: {', '.join(sorted(self.providers))}.",
                param="model",
            )
        return LOCAL, wanted

    async def model(self, model: str) -> ModelInfo | None:
        """One of `models`, by its id; None when its provider does not list it. No other provider is
        asked. Raises ModelNotFoundError when it has none."""
        listing = await self._listing(self._place(model)[0])
        return next((info for info in listing or () if info.id == model), None)

    async def models(self) -> list[ModelInfo]:
        """All models on offer, local ones first, by the names `resolve` understands.

        A provider that fails to list its models, or takes too long, is left out and logged.
        """
        names = sorted(self.providers, key=lambda name: (name != LOCAL, name))
        lists = await asyncio.gather(*(self._listing(name) for name in names))
        return [info for listing in lists for info in listing or ()]

    async def seeing(self) -> list[str]:
        """The models that take pictures, by the names `resolve` understands. Providers without any
        are not asked; what the others said is known for a while, unless one of them failed."""
        asked, names = self._seeing
        if time.monotonic() - asked >= LISTING_KNOWN_SECONDS:
            listing = (self._listing(name) for name in self.providers if self._may_see(name))
            lists = await asyncio.gather(*listing)
            names = sorted(info.id for infos in lists for info in infos or () if info.sees)
            if None not in lists:
                self._seeing = (time.monotonic(), names)
        return names

    def _may_see(self, name: str) -> bool:
        provider = self.providers[name]
        none = isinstance(provider, MayBeBlind) and provider.blind()
        return isinstance(provider, Sees) and not none

    async def aclose(self) -> None:
        """Close every provider, even where one fails to."""
        every = [*self.providers.values(), *self._replaced]
        closing = (provider.aclose() for provider in every)
        for provider, result in zip(
            every, await asyncio.gather(*closing, return_exceptions=True), strict=True
        ):
            if isinstance(result, Exception):
                log.warning("provider %s did not close: %s", provider.name, result)

    async def _listing(self, name: str) -> list[ModelInfo] | None:
        """What a provider offers; None where it did not say."""
        try:
            async with asyncio.timeout(LISTING_SECONDS):
                infos = await self.providers[name].models()
        except TimeoutError:
            log.warning(
                "provider %s did not list its models within %.0f seconds", name, LISTING_SECONDS
            )
            return None
        except MiniClaudeError as error:
            log.warning("provider %s did not list its models: %s", name, error)
            return None
        except Exception:  # whatever one provider's trouble is, the others' models are listed
            log.exception("provider %s did not list its models", name)
            return None
        return [_prefixed(name, info) for info in infos]


def _prefixed(provider: str, info: ModelInfo) -> ModelInfo:
    if provider == LOCAL or info.id == provider:
        return info
    return replace(info, id=f"{provider}/{info.id}")
