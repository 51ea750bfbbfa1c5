"""What a low-rank adapter is like: LoRA (Hu et al. 2021), rsLoRA (Kalajdzievski 2023), DoRA (Liu et
al. 2024). Names and patterns mean what they mean in PEFT's adapter_config.json. No torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from miniclaude.errors import SettingsError

ALL_LINEAR = "all-linear"
MAX_RANK = 4096
MAX_NAMES = 4096
MAX_PATTERN = 1000  # characters
MAX_REPEATS = 5
"""Of `*`, `+` and `{`: on a name of 60 characters that is a few million steps at the very worst."""

REPEATED_GROUP = re.compile(r"(?<!\\)\)[*+{]")
REPEAT = re.compile(r"(?<!\\)[*+{]")
BACK_REFERENCE = re.compile(r"\\[1-9]|\(\?P=")


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """r: rank. alpha: the adapter's output is scaled by alpha / r, with rslora by alpha / √r.
    dropout: share of the inputs hidden from the adapter while training. dora: learn the length of
    each row of the weights apart from its direction.

    targets: a tuple of names is matched at the end of a layer's name, after a dot (`q_proj`,
    `attn.c_proj`); a single string is a regular expression for the whole name; "all-linear" is
    every linear layer of the blocks. rank_pattern, alpha_pattern: by a regular expression for the
    name's end, first match wins.

    Raises SettingsError naming the field.
    """

    r: int = 16
    alpha: float = 32
    dropout: float = 0.0
    rslora: bool = False
    dora: bool = False
    targets: tuple[str, ...] | str = (ALL_LINEAR,)
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.targets, list):
            object.__setattr__(self, "targets", tuple(self.targets))
        _check_rank("r", self.r)
        _check_alpha("alpha", self.alpha)
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise _wrong("dropout", self.dropout, "a number from 0 to below 1")
        for name in ("rslora", "dora"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, getattr(self, name), "true or false")
        self._check_targets()
        for name, check in (("rank_pattern", _check_rank), ("alpha_pattern", _check_alpha)):
            table = getattr(self, name)
            if not isinstance(table, Mapping) or len(table) > MAX_NAMES:
                raise _wrong(name, table, f"a table of at most {MAX_NAMES:,} patterns")
            for pattern, value in table.items():
                compile_pattern(name, pattern)
                compile_ending(name, pattern)
                check(f"{name}[{pattern!r}]", value)

    @property
    def all_linear(self) -> bool:
        """Whether every linear layer is meant."""
        given = self.targets if isinstance(self.targets, str) else "".join(self.targets)
        return given.lower() == ALL_LINEAR

    def rank_of(self, name: str) -> int:
        """The rank in the layer of this name."""
        return int(_by_pattern("rank_pattern", self.rank_pattern, name, self.r))

    def alpha_of(self, name: str) -> float:
        """Its alpha."""
        return _by_pattern("alpha_pattern", self.alpha_pattern, name, self.alpha)

    def scale_of(self, name: str) -> float:
        """What the adapter's output is multiplied by in that layer."""
        rank = self.rank_of(name)
        return self.alpha_of(name) / (math.sqrt(rank) if self.rslora else rank)

    def _check_targets(self) -> None:
        if isinstance(self.targets, str):
            if not self.all_linear:
                compile_pattern("targets", self.targets)
            return
        named = isinstance(self.targets, tuple) and 0 < len(self.targets) <= MAX_NAMES
        if not named or not all(isinstance(t, str) and 0 < len(t) <= 200 for t in self.targets):
            raise _wrong("targets", self.targets, "one or more names of layers")


def compile_pattern(field_name: str, text: str) -> re.Pattern[str]:
    """A regular expression that cannot take long on a layer's name, whoever wrote it.

    Raises SettingsError for one that is malformed, or that repeats groups or repeats too often:
    a dozen such characters can keep a process busy for years.
    """
    if not isinstance(text, str) or not 0 < len(text) <= MAX_PATTERN:
        raise _wrong(field_name, text, f"a pattern of 1 to {MAX_PATTERN} characters")
    if (
        REPEATED_GROUP.search(text)
        or BACK_REFERENCE.search(text)
        or len(REPEAT.findall(text)) > MAX_REPEATS
    ):
        raise SettingsError(
            f"{field_name}: the pattern {text[:100]!r} repeats a group, or repeats more than"
            f" {MAX_REPEATS} times.",
            hint="Such patterns can take for ever; give the names of the layers as a list instead.",
            param=field_name,
        )
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise SettingsError(
            f"{field_name}: {text[:100]!r} is not a regular expression: {error}.",
            hint="Correct it, or give the names of the layers as a list.",
            param=field_name,
        ) from None


@lru_cache(maxsize=2 * MAX_NAMES)
def compile_ending(field_name: str, text: str) -> re.Pattern[str]:
    """A pattern of `rank_pattern` or `alpha_pattern`, for the end of a layer's name. Raises
    SettingsError where it cannot stand inside another."""
    try:
        return re.compile(rf"(.*\.)?({text})$")
    except re.error as error:
        raise SettingsError(
            f"{field_name}: {text[:100]!r} cannot match the end of a name: {error}.",
            hint="Leave out flags such as (?i); a layer's name does without.",
            param=field_name,
        ) from None


def _by_pattern(field_name: str, table: Mapping[str, float], name: str, default: float) -> float:
    for pattern, value in table.items():
        if compile_ending(field_name, pattern).match(name):
            return value
    return default


def _is_number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]  # a number by now


def _check_rank(name: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        raise _wrong(name, value, f"a whole number from 1 to {MAX_RANK:,}")


def _check_alpha(name: str, value: object) -> None:
    if not _is_number(value) or not 0 < value <= 1e6:  # type: ignore[operator]  # a number by now
        raise _wrong(name, value, "a positive number up to 1,000,000")


def _wrong(name: str, value: object, expected: str) -> SettingsError:
    return SettingsError(
        f"{name} is {repr(value)[:100]}; it must be {expected}.",
        hint="Usual are r 8 to 64 and an alpha of once or twice r.",
        param=name,
    )
