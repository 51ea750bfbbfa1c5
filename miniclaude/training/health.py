"""Two ways a run ends before its last step: it goes wrong, or it learns nothing more."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

START, WINDOW = 3, 10
EXPLODING, MARGIN = 1.5, 0.5


class Divergence:
    """Watches the training loss.

    A run has diverged when its loss is not finite, or when the median of ten losses in a row is
    too large: above one and a half times that of the first three, and 0.5 more, and their spread
    (with one short row a step, a loss says more about the row than about the model). So that a run
    that blows up within three steps does not pass for a noisy one, one and a half times what
    guessing would cost, and 0.5 more, is too large too, unless every loss was larger from the
    first. A healthy run, however noisy, ends below where it began.

    chance: nats of a guess, ln V.
    """

    def __init__(self, chance: float = math.inf) -> None:
        self.chance = chance
        self.first: list[float] = []
        self.last: list[float] = []

    def found(self, loss: float) -> str:
        """Take in the loss of a step; what is wrong with it, or nothing."""
        if not math.isfinite(loss):
            return "the loss is no longer a finite number"
        if len(self.first) < START:
            self.first.append(loss)
        self.last = [*self.last[1 - WINDOW :], loss]
        began, now = median(self.first), self.now
        largest = min(EXPLODING * began + self.noise, EXPLODING * max(self.chance, min(self.first)))
        if len(self.last) == WINDOW and now > largest + MARGIN:
            return f"the loss has grown from {began:.2f} to {now:.2f}"
        return ""

    @property
    def now(self) -> float:
        """The median of the last ten losses."""
        return median(self.last)

    @property
    def noise(self) -> float:
        """How far the first losses lie apart."""
        return max(self.first) - min(self.first)

    @property
    def suspicious(self) -> bool:
        """Whether these weights had better not be kept: the loss stands above where it began."""
        return bool(self.first) and self.now > median(self.first) + MARGIN + self.noise

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"first": self.first, "last": self.last}

    @classmethod
    def from_dict(cls, values: dict[str, Any], chance: float = math.inf) -> Divergence:
        """The reverse of `as_dict`."""
        watch = cls(chance)
        watch.first, watch.last = list(values["first"]), list(values["last"])
        return watch


class EarlyStopping:
    """Watches the loss on held-out text.

    patience: evaluations without a better one after which to stop; 0 never stops.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = math.inf
        self.best_step = 0
        self.evaluated = 0
        self.waited = 0

    def is_better(self, step: int, loss: float) -> bool:
        """Take in an evaluation; whether it is the best so far."""
        self.evaluated = step
        better = loss < self.best
        if better:
            self.best, self.best_step, self.waited = loss, step, 0
        else:
            self.waited += 1
        return better

    @property
    def stop(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.patience <= self.waited

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint; JSON has no infinity."""
        best = None if math.isinf(self.best) else self.best
        return {
            "best": best,
            "best_step": self.best_step,
            "evaluated": self.evaluated,
            "waited": self.waited,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], patience: int) -> EarlyStopping:
        """The reverse of `as_dict`."""
        watch = cls(patience)
        watch.best = math.inf if values["best"] is None else values["best"]
        watch.best_step, watch.evaluated = values["best_step"], values["evaluated"]
        watch.waited = values["waited"]
        return watch
