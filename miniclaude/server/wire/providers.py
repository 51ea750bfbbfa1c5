"""Other services whose models are offered. A key goes in and never comes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import SecretStr, StringConstraints

from miniclaude.server.wire.validation import StrictBody
from miniclaude.settings import HttpUrl

Json = dict[str, Any]
Kind = Literal["anthropic", "openai"]
NAME = r"^[a-z][a-z0-9_-]{0,31}$"
Key = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[!-~]+$")]


class ProviderBody(StrictBody):
    """kind: whose protocol it speaks. base_url: null is that service's own. api_key: absent leaves
    the one that is stored, null removes it."""

    kind: Kind
    base_url: HttpUrl | None = None
    api_key: Key | None = None


def provider_json(
    name: str, kind: str, base_url: str | None, key: str | SecretStr | None, *, fixed: bool
) -> Json:
    """A provider. key_set: whether there is a key. fixed: config.toml or the environment says so,
    and the page cannot change it."""
    return {
        "name": name,
        "kind": kind,
        "base_url": base_url,
        "key_set": key is not None,
        "fixed": fixed,
    }
