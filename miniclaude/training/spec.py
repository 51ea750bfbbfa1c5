"""What a fine-tuning run is asked for, as plain values with a JSON form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_type_hints

from miniclaude.errors import SettingsError
from miniclaude.model.lora_config import LoraConfig

BOUNDS: dict[str, tuple[float, float]] = {
    "epochs": (0, 10_000),
    "steps": (0, 100_000_000),
    "max_length": (2, 1 << 20),
    "batch_tokens": (2, 1 << 22),
    "batch_size": (0, 1 << 16),
    "accumulate": (1, 1 << 12),
    "learning_rate": (0, 10),
    "warmup": (0, 1),
    "weight_decay": (0, 10),
    "clip": (0, 1e6),
    "beta": (0, 100),
    "ema": (0, 0.999999),
    "patience": (0, 1_000_000),
    "evaluate_every": (0, 100_000_000),
    "checkpoint_every": (0, 100_000_000),
    "seed": (0, (1 << 31) - 1),
}
"""The least and the most of each number."""


@dataclass(frozen=True, slots=True)
class TuneSpec:
    """One fine-tuning.

    method: train adapters (`lora`), adapters on a quantised base (`qlora`) or everything (`full`).
    epochs: how often each example is read; steps: when above 0, so many steps instead.
    max_length: tokens of one example. batch_tokens: positions in one forward, examples packed end
    to end. accumulate: forwards a step. batch_size: examples a step, 0 for as many as fit.
    warmup: part of the steps over which the learning rate rises. clip: largest gradient norm.
    precision: of the matrix products, and of a frozen base. beta: how far dpo and kto may move from
    the base. bits: of the quantised base. ema: decay of averaged weights, 0 for none.
    patience: evaluations without a better one before the run stops, 0 for never.
    evaluate_every, checkpoint_every: steps, 0 for at the end alone.
    """

    method: Literal["lora", "qlora", "full"] = "lora"
    objective: Literal["supervised", "dpo", "kto"] = "supervised"
    lora: LoraConfig = dataclasses.field(default_factory=LoraConfig)
    epochs: float = 3.0
    steps: int = 0
    max_length: int = 1024
    batch_tokens: int = 2048
    batch_size: int = 0
    accumulate: int = 4
    learning_rate: float = 2e-4
    warmup: float = 0.03
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    weight_decay: float = 0.0
    clip: float = 1.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    beta: float = 0.1
    bits: Literal[8, 4] = 8
    gradient_checkpointing: bool = False
    ema: float = 0.0
    patience: int = 0
    evaluate_every: int = 0
    checkpoint_every: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        """Raises SettingsError naming the field that is out of bounds."""
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise _wrong(name, value, f"It must be from {_short(least)} to {_short(most)}.")
        if not self.learning_rate:
            raise _wrong("learning_rate", 0, "It must be above 0, or nothing is learnt.")
        if not self.steps and not self.epochs:
            raise _wrong("epochs", 0, "Ask for some epochs, or for some steps.")

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TuneSpec:
        """The reverse of `as_dict`; fields that are absent keep their defaults.

        Raises SettingsError for a field that is unknown, of the wrong type or out of bounds.
        """
        given = _checked(cls, values, "")
        if "lora" in given:
            lora = _checked(LoraConfig, given["lora"], "lora.")
            try:
                given["lora"] = LoraConfig(**lora)
            except (TypeError, ValueError) as error:
                raise _wrong("lora", lora, f"{error}.") from error
        return cls(**given)


def _checked(owner: type, values: object, prefix: str) -> dict[str, Any]:
    """The values as fields of `owner`, numbers and lists as it declares them."""
    if not isinstance(values, Mapping):
        raise _wrong(prefix.rstrip(".") or "spec", values, "It must be an object of settings.")
    hints = get_type_hints(owner)
    result: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise SettingsError(
                f"{prefix}{name} is not a setting of fine-tuning.",
                hint=f"Use some of {', '.join(hints)}.",
                param=f"{prefix}{name}",
            )
        result[name] = _converted(f"{prefix}{name}", value, hints[name])
    return result


def _converted(name: str, value: Any, hint: Any) -> Any:
    choices = get_args(hint)
    if hint is bool:
        fits, meant = isinstance(value, bool), "true or false"
    elif hint is int:
        fits, meant = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        meant = "a number"
    elif getattr(hint, "__origin__", None) is Literal:
        fits = any(value == choice and type(value) is type(choice) for choice in choices)
        meant = f"one of {', '.join(map(str, choices))}"
    elif getattr(hint, "__origin__", None) is tuple:
        fits = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        meant, value = "a list of names", tuple(value) if fits else value
    else:
        fits, meant = True, ""
    if not fits:
        raise _wrong(name, value, f"It must be {meant}.")
    return value


def _short(number: float) -> str:
    """A whole number with its digits in threes, another one as it is: 4,194,304 and 0.5."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _wrong(name: str, value: object, hint: str) -> SettingsError:
    return SettingsError(f"{name} is {str(value)[:100]!s}.", hint=hint, param=name)
