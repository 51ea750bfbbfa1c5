"""What a training run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from miniclaude.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One stage of training.

    steps: optimizer steps. accumulate: batches a step.
    minutes: end after so long, if that comes before the last step; the schedule then follows the
    clock. 0 leaves it to the steps, and only then is a resumed run equal to an uninterrupted one.
    optimizer: `adamw` for all, or `muon` for the matrices inside the blocks and AdamW elsewhere.
    learning_rate: AdamW's peak; muon_learning_rate: Muon's.
    warmup: steps of linear rise; decay: the last fraction of the steps, of linear fall to
    `final_rate` times the peak (trapezoid schedule, Hägele et al. 2024).
    clip: largest norm of all gradients together; 0 leaves them.
    autocast: number format of the matrix products; weights and optimizer stay float32.
    evaluate_every, checkpoint_every: steps; 0 means at the end alone.
    """

    steps: int
    accumulate: int = 1
    minutes: float = 0.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 3e-3
    muon_learning_rate: float = 0.02
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    warmup: int = 50
    decay: float = 0.3
    final_rate: float = 0.0
    clip: float = 1.0
    autocast: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    evaluate_every: int = 0
    checkpoint_every: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate"):
            if getattr(self, name) < 1:
                raise self._wrong(name, "at least 1")
        for name in ("learning_rate", "muon_learning_rate"):
            if not getattr(self, name) > 0:
                raise self._wrong(name, "above 0")
        for name in (
            "warmup",
            "minutes",
            "clip",
            "weight_decay",
            "evaluate_every",
            "checkpoint_every",
        ):
            if not getattr(self, name) >= 0:
                raise self._wrong(name, "0 or more")
        for name in ("decay", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise self._wrong(name, "from 0 to 1")

    def _wrong(self, name: str, bounds: str) -> SettingsError:
        return SettingsError(
            f"{name} is {getattr(self, name)}.", hint=f"It must be {bounds}.", param=name
        )

    def as_dict(self) -> dict[str, object]:
        """For the record of the run."""
        return asdict(self)
