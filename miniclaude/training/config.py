"""What a training run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from miniclaude.errors import SettingsError

BALANCE = 0.01
"""How much of the balancing loss Fedus et al. 2021 add."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One stage of training.

    steps: optimizer steps. accumulate: batches a step.
    minutes: end after so long, if that comes before the last step; the schedule then follows the
    clock. 0 leaves it to the steps, and only then is a resumed run equal to an uninterrupted one.
    optimizer: `adamw` for all, or `muon` for the matrices inside the blocks and AdamW elsewhere.
    learning_rate: AdamW's peak; muon_learning_rate: Muon's. epsilon: AdamW's.
    warmup: steps of linear rise. schedule: what follows. `trapezoid` stays at the peak and falls
    linearly over the last `decay` of the steps (Hägele et al. 2024); `cosine` (Loshchilov & Hutter
    2017) and `linear` fall all the way; all end at `final_rate` times the peak. `constant` stays.
    clip: largest norm of all gradients together; 0 leaves them.
    autocast: number format of the matrix products; what is trained stays float32.
    gradient_checkpointing: compute each block again on the way back rather than keep its insides.
    balance: how much the loss of a model with experts grows where they are not asked alike
    (`experts.balancing_loss`); other models know nothing of it.
    ema: decay of the moving average of the weights, which is then what is evaluated and kept; 0
    keeps none.
    evaluate_every, checkpoint_every: steps; 0 means at the end alone. A checkpoint comes before
    every evaluation.
    patience: evaluations without a better one after which to stop; the best weights are then the
    result. 0 never stops, and the last weights are.
    seed: of dropout; the order of the data is the batches' own affair.
    """

    steps: int
    accumulate: int = 1
    minutes: float = 0.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 3e-3
    muon_learning_rate: float = 0.02
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-10
    weight_decay: float = 0.1
    warmup: int = 50
    schedule: Literal["trapezoid", "cosine", "linear", "constant"] = "trapezoid"
    decay: float = 0.3
    final_rate: float = 0.0
    clip: float = 1.0
    autocast: Literal["float32", "bfloat16", "float16"] = "float32"
    gradient_checkpointing: bool = False
    compile: bool = False
    balance: float = BALANCE
    ema: float = 0.0
    evaluate_every: int = 0
    checkpoint_every: int = 0
    patience: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate"):
            if getattr(self, name) < 1:
                raise self._wrong(name, "at least 1")
        for name in ("learning_rate", "muon_learning_rate", "epsilon"):
            if not getattr(self, name) > 0:
                raise self._wrong(name, "above 0")
        for name in (
            "warmup",
            "minutes",
            "clip",
            "weight_decay",
            "balance",
            "evaluate_every",
            "checkpoint_every",
            "patience",
        ):
            if not getattr(self, name) >= 0:
                raise self._wrong(name, "0 or more")
        for name in ("decay", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise self._wrong(name, "from 0 to 1")
        if not 0 <= self.ema < 1:
            raise self._wrong("ema", "0 or more, and below 1")

    def _wrong(self, name: str, bounds: str) -> SettingsError:
        return SettingsError(
            f"{name} is {getattr(self, name)}.", hint=f"It must be {bounds}.", param=name
        )

    def as_dict(self) -> dict[str, object]:
        """For the record of the run."""
        return asdict(self)
