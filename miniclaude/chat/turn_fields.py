"""What a turn may be asked with, and how its settings are stored."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from miniclaude.errors import InvalidRequestError
from miniclaude.providers.abilities import ContinuesAnswers
from miniclaude.providers.base import Provider, Settings
from miniclaude.store.text import check_text


def check_continues(provider: Provider, bare: str, model: str, *, alone: bool) -> None:
    """Raises InvalidRequestError unless the model can go on with an answer. alone: whether nothing
    else is said."""
    if not alone:
        raise InvalidRequestError(
            "`continue_id` goes with no `content`, `pictures` or `parent_id`.",
            hint="Leave those out: the answer goes on where it is.",
            param="continue_id",
        )
    if not isinstance(provider, ContinuesAnswers) or not provider.continues(bare):
        raise InvalidRequestError(
            f"The model {model[:256]!r} cannot go on with an answer that was cut off.",
            hint="Ask for another answer instead.",
            param="continue_id",
        )


def stored_settings(settings: Settings, system: str | None) -> dict[str, Any]:
    """What was asked for, without what was left to the provider, as JSON can hold it. Raises
    InvalidRequestError for what a turn cannot have, or JSON cannot."""
    if settings.n != 1:
        raise InvalidRequestError(
            f"`n` is {settings.n}; a turn of a conversation has one answer.",
            hint="Start another turn with the same parent for another answer.",
            param="n",
        )
    for stop in settings.stop:
        check_text(stop, "stop")
    chosen = {
        name: value
        for name, value in asdict(settings).items()
        if value is not False and (value or value == 0)  # a temperature of 0 is chosen, too
    }
    del chosen["n"]
    if system:
        chosen["system"] = check_text(system, "system")
    try:
        stored: dict[str, Any] = json.loads(json.dumps(chosen, allow_nan=False))
    except ValueError:
        raise InvalidRequestError(
            "A setting is not a finite number.",
            hint="Send ordinary numbers: NaN and Infinity are not JSON.",
            param="settings",
        ) from None
    return stored
