"""What a draft model remembers of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from miniclaude.engine.speculation import REMEMBER


@dataclass(slots=True, eq=False)
class Sketch:
    """rate: how likely a guess stands, a running mean. computed: how many of the answer's tokens
    are in the draft's cache; None: nobody has looked yet. noted: blocks
    whose text others may find there. guesses: this step's, () when they are
    another's or there are none. chances: what each was drawn from, [V] each; () when a guess only
    stands as what the model draws. waited: steps since a guess was checked."""

    rate: float
    computed: int | None = None
    noted: int = 0
    guesses: tuple[int, ...] = ()
    chances: tuple[Tensor, ...] = ()
    waited: int = 0

    def settle(self, tokens: Sequence[int]) -> None:
        """Forget the last step's guesses. Those that are the answer's tokens now are computed, but
        for the last, which the draft never read; the others will be overwritten."""
        for guess in self.guesses[:-1]:
            if self.computed is None or list(tokens[self.computed : self.computed + 1]) != [guess]:
                break
            self.computed += 1
        self.guesses, self.chances = (), ()

    def stood(self, right: int) -> None:
        """How many of the guesses were what came, up to the first that was not."""
        self.waited = 0
        for outcome in [1.0] * right + [0.0] * (right < len(self.guesses)):
            self.rate = REMEMBER * self.rate + (1 - REMEMBER) * outcome
