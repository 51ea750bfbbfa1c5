"""Other services whose models are offered. A key goes in and never comes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from miniclaude.server.wire.sampling import ModelName
from miniclaude.server.wire.validation import StrictBody
from miniclaude.settings import HttpUrl, ProviderSettings
from miniclaude.store.choices import ProviderChoice

Json = dict[str, Any]
Kind = Literal["anthropic", "openai"]
NAME = r"^[a-z][a-z0-9_-]{0,31}$"
MAX_NAMED = 200
"""Models that see, of one provider."""
Vision = bool | Annotated[list[ModelName], Field(max_length=MAX_NAMED)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[!-~]+$")]


class ProviderBody(StrictBody):
    """kind: whose protocol it speaks. base_url: null is that service's own. api_key: absent leaves
    the one that is stored, null removes it. vision: whether its models take pictures, or the names
    of those that do; null leaves it to the kind."""

    kind: Kind
    base_url: HttpUrl | None = None
    api_key: Key | None = None
    vision: Vision | None = None


def provider_json(
    name: str, kind: str, entry: ProviderChoice | ProviderSettings, *, fixed: bool
) -> Json:
    """A provider. key_set: whether there is a key. fixed: config.toml or the environment says so,
    and the page cannot change it."""
    return {
        "name": name,
        "kind": kind,
        "base_url": entry.base_url,
        "key_set": entry.api_key is not None,
        "vision": entry.vision,
        "fixed": fixed,
    }
