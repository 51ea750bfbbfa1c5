"""`GET /models` as Anthropic's clients read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from miniclaude.providers.base import ModelInfo


def model_info_json(info: ModelInfo) -> dict[str, Any]:
    """One model. Of what a model can do we know no more than `capabilities: null` says."""
    return {
        "type": "model",
        "id": info.id,
        "display_name": info.id,
        "created_at": datetime.fromtimestamp(info.created, UTC).isoformat().replace("+00:00", "Z"),
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
