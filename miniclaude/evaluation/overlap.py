"""How much written answers have in common with those that were wanted.

BLEU (Papineni et al. 2002) counts shared runs of one to four words, through sacrebleu (Post 2018),
whose signature says exactly what was computed. It rewards saying it alike, not saying it right:
good for before and after on the same prompts, not for ranking models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU


@dataclass(frozen=True, slots=True)
class Overlap:
    """bleu: of the whole corpus, 0 to 100. exact: share of the answers that are the wanted ones but
    for space around them and the case of letters. signature: sacrebleu's."""

    bleu: float
    exact: float
    signature: str


def overlap(answers: Sequence[str], wanted: Sequence[str]) -> Overlap:
    """Compare each answer with its one reference. Raises ValueError when their counts differ."""
    if len(answers) != len(wanted):
        raise ValueError(f"{len(answers)} answers for {len(wanted)} references")
    if not answers:
        return Overlap(0.0, 0.0, "")
    metric = BLEU()
    score = metric.corpus_score(list(answers), [list(wanted)]).score
    same = sum(_plain(one) == _plain(other) for one, other in zip(answers, wanted, strict=True))
    return Overlap(float(score), same / len(answers), str(metric.get_signature()))


def _plain(text: str) -> str:
    return text.strip().casefold()
