"""What the routes work with, opened together and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import anyio
from starlette.requests import HTTPConnection

from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.base import Provider
from miniclaude.providers.registry import Registry, create_providers
from miniclaude.server.limits import Admission, Admitted
from miniclaude.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Services:
    """stopping: set when the server begins to stop; whoever is streaming then ends."""

    registry: Registry
    admission: Admission
    stopping: anyio.Event = field(default_factory=anyio.Event)

    def resolve(self, model: str) -> tuple[Provider, str]:
        """The provider for a model, its answers counted, and the model's bare name.

        Raises ModelNotFoundError with `param` set.
        """
        provider, bare = self.registry.resolve(model)
        return Admitted(provider, self.admission), bare


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that serves this request or socket."""
    return cast("Services", connection.app.state.services)


@asynccontextmanager
async def open_services(settings: ServerSettings) -> AsyncIterator[Services]:
    """Open what `settings` ask for. The caller holds the home's lock.

    Raises StoreError and SettingsError.
    """
    library = Library(settings.models_folder, bundled_models())
    registry = make_registry(settings, library)
    try:
        yield Services(registry, Admission(settings.max_answers))
    finally:
        await registry.aclose()


def make_registry(settings: ServerSettings, library: Library) -> Registry:
    """The local models, and the providers that are configured. `echo` only when it is asked for:
    it is no model.

    Raises SettingsError for a provider that nothing offers.
    """
    configured: dict[str, dict[str, object]] = {
        name: provider.options() for name, provider in settings.providers.items()
    }
    if settings.model == "echo":
        configured.setdefault("echo", {})
    configured["local"] = {
        "library": library,
        "device": settings.device,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "max_loaded": settings.max_loaded_models,
    }
    return Registry(create_providers(configured), settings.model or _default_model(library))


def _default_model(library: Library) -> str:
    """The bundled model, or else the first one there is."""
    models = sorted(library.list(), key=lambda model: (not model.bundled, model.name))
    return models[0].name if models else ""
