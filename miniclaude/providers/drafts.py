"""Which model may guess for another."""

from __future__ import annotations

from pathlib import Path

from miniclaude.errors import ModelNotFoundError, SettingsError
from miniclaude.model.library import Library


def find_draft(library: Library, name: str, model: str) -> Path:
    """The folder of the draft called `name`, for `model`. Raises SettingsError when it is not
    there, is an adapter, or the model itself."""
    try:
        found = library.find(name)
    except ModelNotFoundError as error:
        raise SettingsError(
            error.message.replace("model:", "draft:", 1), hint=error.hint, param="draft"
        ) from error
    if found.adapter is not None:
        problem = f"{name!r} is an adapter, not a whole model"
    elif name == model:
        problem = f"{name!r} is the very model that it would guess for"
    else:
        return found.path
    raise SettingsError(
        f"draft: {problem}.",
        hint="Name a smaller model with the same vocabulary, or leave draft out.",
        param="draft",
    )
