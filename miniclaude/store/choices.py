"""What was chosen on the page and outlives the server: the default model, and other services with
their keys. `choices.json` beside config.toml, readable by its owner alone; what config.toml, the
environment or the command line says wins over it.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from miniclaude.errors import InvalidRequestError, StoreError
from miniclaude.model.new_file import flush_to_disk

CHOICES_FILE = "choices.json"
MAX_BYTES = 1 << 20
"""Of the file: no more is read, so no more is written."""
_CHANGING = threading.Lock()


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """kind: the entry point that makes it. base_url, api_key: None is the kind's own, and none.
    vision: which of its models take pictures; None is as the kind has it."""

    kind: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    vision: bool | list[str] | None = None

    def options(self) -> dict[str, object]:
        """What the provider's factory is given."""
        options = {
            "kind": self.kind,
            "base_url": self.base_url,
            "api_key": self.api_key,
            "vision": self.vision,
        }
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Choices:
    """model: the default one; empty where none was chosen."""

    model: str = ""
    providers: dict[str, ProviderChoice] = field(default_factory=dict)


def read_choices(home: Path) -> Choices:
    """What the home folder's file says; nothing where there is none. Raises StoreError for one that
    was damaged."""
    path = home / CHOICES_FILE
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(MAX_BYTES))
        model = values.get("model", "")
        providers = {
            str(name): ProviderChoice(
                str(entry["kind"]),
                _text(entry, "base_url"),
                _text(entry, "api_key"),
                _vision(entry),
            )
            for name, entry in values.get("providers", {}).items()
        }
        if not isinstance(model, str):
            raise TypeError("model is no text")
        return Choices(model, providers)
    except FileNotFoundError:
        return Choices()
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} cannot be read: {type(error).__name__}.",
            hint="Restore it from a backup, or remove it and choose on the page again.",
        ) from error


def write_choices(home: Path, choices: Choices) -> None:
    """Replace the file at once. It is never readable by others, not even while it is written.
    Raises StoreError; InvalidRequestError for more than can be read again, and the file stays."""
    path = home / CHOICES_FILE
    partial = path.with_name(f".{path.name}.partial")
    values = {
        "model": choices.model,
        "providers": {name: entry.options() for name, entry in choices.providers.items()},
    }
    data = f"{json.dumps(values, indent=1, ensure_ascii=False)}\n".encode()
    if len(data) > MAX_BYTES:
        raise InvalidRequestError(
            f"{CHOICES_FILE} would have {len(data):,} bytes with this; at most {MAX_BYTES:,} are"
            " read when the server starts.",
            hint="Name fewer models in `vision`, or remove a provider.",
        )
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        flush_to_disk(partial)
        partial.replace(path)
        flush_to_disk(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{path} cannot be written: {error}.", hint="Check the home folder."
        ) from error


def keep_default(home: Path, model: str) -> None:
    """Remember the default model. Raises what `write_choices` raises."""
    with _CHANGING:
        write_choices(home, replace(read_choices(home), model=model))


def keep_provider(home: Path, name: str, entry: ProviderChoice | None) -> None:
    """Remember a provider; None forgets it. Raises what `write_choices` raises."""
    with _CHANGING:
        choices = read_choices(home)
        providers = {key: value for key, value in choices.providers.items() if key != name}
        if entry is not None:
            providers[name] = entry
        write_choices(home, replace(choices, providers=providers))


def _text(entry: object, key: str) -> str | None:
    value = entry.get(key) if isinstance(entry, dict) else None
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _vision(entry: dict[str, object]) -> bool | list[str] | None:
    value = entry.get("vision")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise TypeError("vision is no truth value and no list of names")
