"""config.json, read with suspicion: every field checked for type and range before it is used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from miniclaude.errors import CheckpointError, UnknownArchitectureError

MAX_CONFIG_BYTES = 1 << 20
MAX_INTEGER = (1 << 31) - 1

Activation = Literal["gelu_tanh", "gelu", "silu", "relu"]

ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "relu": "relu",
}
"""Hugging Face's names of the activation functions we have, and ours."""

ACTIVATION_NAMES: dict[Activation, str] = {
    "gelu_tanh": "gelu_new",
    "gelu": "gelu",
    "silu": "silu",
    "relu": "relu",
}
"""Ours, and the Hugging Face name we write for each."""

FETCH_AGAIN = "Fetch the model folder again, or correct the file."


class _NotFiniteError(ValueError):
    """A number in the file is infinite or not a number."""


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NotFiniteError(text)
    return number


def read_json_object(path: Path, max_bytes: int) -> dict[str, object]:
    """The JSON object in a file of at most `max_bytes`.

    Raises CheckpointError when the file cannot be read, is longer, or holds anything else: broken
    JSON, NaN or infinite numbers, nesting beyond reason.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}.", hint="Check the path and its permissions."
        ) from error
    if len(data) > max_bytes:
        raise CheckpointError(
            f"{path} is longer than {max_bytes:,} bytes.",
            hint="That is not a file of this kind; fetch the model folder again.",
        )
    try:
        value = json.loads(data, parse_float=_finite, parse_constant=_finite)
    except _NotFiniteError as error:
        raise CheckpointError(
            f"{path} holds the number {error}, which is not finite.", hint=FETCH_AGAIN
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}.", hint=FETCH_AGAIN) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"{path} holds a JSON {type(value).__name__}, not an object.", hint=FETCH_AGAIN
        )
    return value


class ConfigFields:
    """Typed access to the fields of one config.json. A null counts as absent, as it does for
    `transformers`. Each method raises CheckpointError naming file, field and value."""

    def __init__(self, path: Path, values: Mapping[str, object]) -> None:
        self.path = path
        self.values = values

    def wrong(self, name: str, expected: str) -> CheckpointError:
        """The error for a field that is not what it must be."""
        found = repr(self.values.get(name))
        if len(found) > 80:
            found = found[:77] + "..."
        problem = f"{name} is {found}" if name in self.values else f"{name} is missing"
        return CheckpointError(
            f"{self.path}: {problem}; it must be {expected}.", hint=FETCH_AGAIN, param=name
        )

    def integer(self, name: str, default: int | None = None, *, most: int = MAX_INTEGER) -> int:
        """A whole number from 1 to `most`; required when there is no default."""
        value = self.values.get(name)
        if value is None:
            value = default
        if type(value) is not int or not 1 <= value <= most:
            raise self.wrong(name, f"a whole number from 1 to {most:,}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A positive number; required when there is no default."""
        value = self.values.get(name)
        if value is None:
            value = default
        if type(value) not in (int, float) or not isinstance(value, (int, float)) or value <= 0:
            raise self.wrong(name, "a positive number")
        if value > 1e30:
            raise self.wrong(name, "below 1e30")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def text(self, name: str, default: str | None = None) -> str | None:
        """A string, or the default."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def section(self, name: str) -> ConfigFields | None:
        """An object inside the object; None when it is absent or empty."""
        value = self.values.get(name)
        if value is None or value == {}:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return ConfigFields(self.path, value)

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of strings")
        return value

    def places(self, name: str) -> list[int] | None:
        """A list of whole numbers from 0, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(type(n) is not int or n < 0 for n in value):
            raise self.wrong(name, "a list of whole numbers")
        return value

    def activation(self, name: str, default: str) -> Activation:
        """An activation function by Hugging Face's name. Raises UnknownArchitectureError for one
        that is not implemented."""
        value = self.text(name, default)
        if value not in ACTIVATIONS:
            raise self.unsupported(name, f"implemented are {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[value]

    def unsupported(self, name: str, reason: str) -> UnknownArchitectureError:
        """The error for a value that would change the mathematics in a way we do not follow."""
        return UnknownArchitectureError(
            f"{self.path}: {name} is {self.values.get(name)!r}; {reason}.",
            hint="Choose another checkpoint: passing the field over would give wrong answers.",
            param=name,
        )
