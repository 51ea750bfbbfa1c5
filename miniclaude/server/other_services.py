"""Providers as the page may change them: those of config.toml and the environment stay as they
are."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from importlib import import_module
from typing import Any

from miniclaude.errors import (
    ConflictError,
    InvalidRequestError,
    MiniClaudeError,
    NotFoundError,
)
from miniclaude.providers.registry import LOCAL, Registry, create_providers
from miniclaude.server.wire.providers import NAME, provider_json
from miniclaude.settings import ServerSettings
from miniclaude.store.choices import ProviderChoice, keep_provider, read_choices

TEST_SECONDS = 15.0
SDKS = ("anthropic", "openai")
"""Kinds whose protocol a package of that name speaks."""

MOST_SHOWN = 200
MAX_PROVIDERS = 50

log = logging.getLogger(__name__)


class OtherServices:
    """Over the registry that answers, and the home's choices."""

    def __init__(self, settings: ServerSettings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry

    def list(self) -> list[dict[str, Any]]:
        """By name. Raises StoreError."""
        fixed = self._settings.providers
        found = {
            name: provider_json(name, entry.kind, entry, fixed=False)
            for name, entry in read_choices(self._settings.home).providers.items()
        }
        found |= {
            name: provider_json(name, entry.kind or name, entry, fixed=True)
            for name, entry in fixed.items()
        }
        return [found[name] for name in sorted(found)]

    def put(self, name: str, entry: ProviderChoice, *, keep_key: bool) -> ProviderChoice:
        """Remember it and use it. keep_key: the key that is stored goes on being used, which is
        refused for another address: a key goes to its own service alone.

        Raises InvalidRequestError, ConflictError for a name that is taken, StoreError.
        """
        self._check_name(name)
        known = read_choices(self._settings.home).providers
        old = known.get(name)
        if old is None and len(known) >= MAX_PROVIDERS:
            raise ConflictError(
                f"There are {MAX_PROVIDERS} providers already.", hint="Remove one first."
            )
        if keep_key and old is not None and old.api_key is not None:
            if (old.kind, old.base_url) != (entry.kind, entry.base_url):
                raise InvalidRequestError(
                    "api_key: the stored key belongs to another address and is not sent to this"
                    " one.",
                    hint="Enter the key again, or remove it.",
                    param="api_key",
                )
            entry = replace(entry, api_key=old.api_key)
        [made] = create_providers({name: entry.options()}).values()
        keep_provider(self._settings.home, name, entry)
        self._registry.put(name, made)
        return entry

    def delete(self, name: str) -> None:
        """Forget it. Raises NotFoundError, ConflictError for one that the page does not own and for
        one whose model is the default one."""
        self._require_not_fixed(name)
        if name not in read_choices(self._settings.home).providers:
            raise _unknown(name)
        default = self._registry.default_model
        if default.partition("/")[0] == name:
            raise ConflictError(
                f"name: {name!r} answers for the default model {default!r}.",
                hint="Choose another default model first.",
                param="name",
            )
        keep_provider(self._settings.home, name, None)
        self._registry.drop(name)

    async def test(self, name: str) -> dict[str, Any]:
        """Ask for its models, in words a person understands. Raises NotFoundError."""
        provider = self._registry.providers.get(name)
        if provider is None or name == LOCAL:
            raise _unknown(name)
        # The service's SDK is read on its first use: not in the service's time.
        kinds = {entry["name"]: entry["kind"] for entry in await asyncio.to_thread(self.list)}
        if kinds.get(name) in SDKS:
            await asyncio.to_thread(import_module, kinds[name])
        try:
            async with asyncio.timeout(TEST_SECONDS):
                models = sorted(info.id for info in await provider.models())
        except TimeoutError:
            problem = f"{name} did not answer within {TEST_SECONDS:.0f} seconds."
            return {"ok": False, "problem": problem, "models": [], "count": 0}
        except MiniClaudeError as error:
            problem = f"{error.message} {error.hint}".strip()
            return {"ok": False, "problem": problem, "models": [], "count": 0}
        except Exception:  # a provider from another package may fail in any way
            log.exception("provider %s did not list its models", name)
            problem = f"{name} failed in a way it should not. The server's log says how."
            return {"ok": False, "problem": problem, "models": [], "count": 0}
        shown = models[:MOST_SHOWN]
        return {"ok": True, "problem": None, "models": shown, "count": len(models)}

    def _check_name(self, name: str) -> None:
        self._require_not_fixed(name)
        own = read_choices(self._settings.home).providers
        taken = name in self._registry.providers and name not in own
        if not re.fullmatch(NAME, name):
            raise InvalidRequestError(
                f"name: {name!r} cannot be a provider's name.",
                hint="Use up to 32 small letters, digits, '_' and '-', a letter first.",
                param="name",
            )
        if name == LOCAL or taken:
            raise ConflictError(
                f"name: {name!r} is taken.", hint="Choose another name.", param="name"
            )

    def _require_not_fixed(self, name: str) -> None:
        if name in self._settings.providers:
            raise ConflictError(
                f"name: {name!r} is set in config.toml or the environment.",
                hint="Change it there, or choose another name.",
                param="name",
            )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no provider {name[:64]!r}.", hint="GET /providers lists them.", param="name"
    )
