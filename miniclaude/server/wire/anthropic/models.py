"""`GET /models` as Anthropic's clients read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from miniclaude.providers.base import ModelInfo

LATEST = 253_402_300_799
"""The last second of the year 9999, in Unix seconds."""


def model_info_json(info: ModelInfo) -> dict[str, Any]:
    """One model. Of what a model can do we know no more than `capabilities: null` says. Of a
    service that tells the time in no way we know it is that of the epoch, as in Anthropic's API."""
    created = info.created if 0 <= info.created <= LATEST else 0
    return {
        "type": "model",
        "id": info.id,
        "display_name": info.id,
        "created_at": datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
        "line": None,
        "capabilities": None,
        "max_input_tokens": info.context or None,
        "max_tokens": info.context or None,
        "deprecated_at": None,
        "retires_at": None,
    }


def model_page_json(infos: Sequence[ModelInfo], has_more: bool) -> dict[str, Any]:
    """A page of them."""
    return {
        "data": [model_info_json(info) for info in infos],
        "has_more": has_more,
        "first_id": infos[0].id if infos else None,
        "last_id": infos[-1].id if infos else None,
    }
