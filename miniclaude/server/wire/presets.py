"""Settings by name, as the page sends and reads them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from miniclaude.server.wire.conversations import TurnSettings
from miniclaude.server.wire.validation import StrictBody
from miniclaude.store.presets import MAX_NAME, Preset


class NewPreset(StrictBody):
    """settings: what is absent is left to the model."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
    settings: TurnSettings


def preset_json(preset: Preset) -> dict[str, Any]:
    """A preset. Times are Unix seconds."""
    return {
        "id": preset.id,
        "name": preset.name,
        "settings": preset.settings,
        "created_at": preset.created_at,
    }
